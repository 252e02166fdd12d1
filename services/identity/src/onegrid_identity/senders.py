"""How one-time codes reach people; which sender is used is a setting."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, Protocol
from urllib.parse import urlsplit

from onegrid_identity.settings import IdentitySettings
from onegrid_kit.errors import Unavailable
from onegrid_kit.logs import describe, log
from onegrid_kit.settings import SettingsError

__all__ = ["CodeSender", "ConsoleSender", "WebhookSender", "shown"]

_PATIENCE_S: Final = 5.0


class CodeSender(Protocol):
    """Sends one-time codes. One is made at start, of identity's settings; SettingsError if it can't work with them."""

    def __init__(self, settings: IdentitySettings) -> None: ...

    async def send(self, phone: str, code: str, expires: datetime) -> None:
        """Send the code to the number, E.164. Raises Unavailable when it can't be sent just now."""
        ...


def shown(phone: str, code: str, expires: datetime) -> str:
    """A code as it is printed for a first look; the number is masked."""
    return f"one-time code for {phone[:6]}…{phone[-2:]}: {code}, until {expires:%H:%M} UTC"


class ConsoleSender:
    """Prints codes on standard output, for a first look; the number is masked."""

    def __init__(self, _: IdentitySettings) -> None:
        pass

    async def send(self, phone: str, code: str, expires: datetime) -> None:
        """Print it."""
        print(shown(phone, code, expires), flush=True)


class WebhookSender:
    """Posts `{"phone", "code", "expires"}` as JSON to a gateway, which answers with 2xx once it is on its way."""

    def __init__(self, settings: IdentitySettings) -> None:
        url = urlsplit(settings.code_webhook_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise SettingsError("ONEGRID_CODE_WEBHOOK_URL: WebhookSender takes an address, http://… or https://…")
        self._connection = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._host, self._port = url.hostname, url.port
        self._path = (url.path or "/") + (f"?{url.query}" if url.query else "")

    async def send(self, phone: str, code: str, expires: datetime) -> None:
        """Post it, and wait for the gateway's answer."""
        body = json.dumps({"phone": phone, "code": code, "expires": expires.isoformat()})
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
