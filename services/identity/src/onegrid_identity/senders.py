"""How one-time codes reach people; which sender is used is a setting."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import OneTimeCodeIssued
from onegrid_identity.settings import IdentitySettings
from onegrid_kit import ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import Unavailable
from onegrid_kit.logs import describe, log
from onegrid_kit.names import ResourceName
from onegrid_kit.settings import SettingsError
from onegrid_kit.timestamps import timestamp

__all__ = ["Code", "CodeSender", "ConsoleSender", "NotifySender", "WebhookSender", "shown"]

_ONE_TIME_CODE: Final = ResourceName("oneTimeCodes/{code}")
_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code for a number."""

    phone: str = field(repr=False)
    """E.164."""
    digits: str = field(repr=False)
    expires: datetime
    district: str = ""
    """Whose app asked for it; empty if it did not say."""
    language: str = ""
    """In which language; empty if it did not say."""


class CodeSender:
    """Sends one-time codes, in one of two ways, which a sender chooses by the method that it has.

    One is made at start, of identity's settings; SettingsError if it can't work with them.
    """

    def __init__(self, _: IdentitySettings) -> None:
        pass

    def enqueue(self, conn: Connection, code: Code, call: Call) -> None:
        """In the transaction that stores the code: store what somebody else sends. It leaves if the code is good."""

    async def send(self, code: Code) -> None:
        """Once the code is stored: send it. Raises Unavailable when it can't be sent just now, so that the number may
        ask again at once.
        """


def shown(phone: str, code: str, expires: datetime) -> str:
    """A code as it is printed for a first look; the number is masked."""
    return f"one-time code for {phone[:6]}…{phone[-2:]}: {code}, until {expires:%H:%M} UTC"


class NotifySender(CodeSender):
    """Has notify send codes, as it sends everything else: by its providers, first of all, and never after they end."""

    def enqueue(self, conn: Connection, code: Code, call: Call) -> None:
        """Announce it."""
        event = OneTimeCodeIssued(
            phone=code.phone,
            code=code.digits,
            expire_time=timestamp(code.expires),
            district=code.district,
            language=code.language,
        )
        outbox.append(conn, call, [(_ONE_TIME_CODE.name(ids.new_id()), event)])


class ConsoleSender(CodeSender):
    """Prints codes on standard output, for a first look; the number is masked."""

    async def send(self, code: Code) -> None:
        """Print it."""
        print(shown(code.phone, code.digits, code.expires), flush=True)


class WebhookSender(CodeSender):
    """Posts `{"phone", "code", "expires"}` as JSON to a gateway, which answers with 2xx once it is on its way."""

    def __init__(self, settings: IdentitySettings) -> None:
        super().__init__(settings)
        url = urlsplit(settings.code_webhook_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise SettingsError("ONEGRID_CODE_WEBHOOK_URL: WebhookSender takes an address, http://… or https://…")
        self._connection = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._host, self._port = url.hostname, url.port
        self._path = (url.path or "/") + (f"?{url.query}" if url.query else "")

    async def send(self, code: Code) -> None:
        """Post it, and wait for the gateway's answer."""
        body = json.dumps({"phone": code.phone, "code": code.digits, "expires": code.expires.isoformat()})
        try:
            status = await asyncio.to_thread(self._post, body)
        except (OSError, HTTPException) as error:
            log.warning("code gateway away", error=describe(error))
            raise Unavailable("one-time codes can't be sent just now") from None
        if status // 100 != 2:
            # A redirect is no promise either: the code would be lost on the way.
            log.warning("code gateway refused", status=status)
            raise Unavailable("one-time codes can't be sent just now")

    def _post(self, body: str) -> int:
        connection = self._connection(self._host, self._port, timeout=_PATIENCE_S)
        try:
            connection.request("POST", self._path, body.encode(), {"content-type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()
