"""A gateway of text messages that speaks JSON over HTTP; docs/notify.md describes what it is asked."""

from __future__ import annotations

import json
import re
from typing import Final

from onegrid_kit.sending import Attempt, Outcome, Outgoing, Result, Send
from onegrid_notify.channels.adapters import HttpAdapter
from onegrid_notify.channels.posting import NoAnswer, NotSent, refused_for_now
from onegrid_notify.channels.webhooks import message_id, signed
from onegrid_notify.contents import Sms
from onegrid_notify.providers import HttpSms

__all__ = ["SmsGateway"]

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_ID: Final = re.compile(r"[!-~]{1,128}")
_ADDRESS_REFUSED: Final = "ADDRESS_REFUSED"
_STATES: Final = {"ACCEPTED": Outcome.ACCEPTED, "DELIVERED": Outcome.DELIVERED, "FAILED": Outcome.FAILED}


class SmsGateway(HttpAdapter):
    """Posts messages, signed as webhooks are."""

    channel = HttpSms.channel

    def __init__(self, config: HttpSms) -> None:
        super().__init__(config)
        self._url = config.url
        self._ask_url = config.ask_url.rstrip("/")
        self._secret = config.secret

    async def send(self, outgoing: Outgoing, message: Send, attempt: Attempt) -> Result:
        """Hand it over."""
        sms: Sms = message.content
        key = str(attempt.key)
        fields = {
            "key": key,
            "to": message.address,
            "template": sms.template,
            "parameters": dict(sms.parameters),
            "text": sms.text,
        }
        body = json.dumps(fields, ensure_ascii=False).encode()
        headers = {**signed(self._secret, message_id(outgoing.id), body), "idempotency-key": key}
        try:
            answer = await self._poster.post(self._url, body, headers)
        except NotSent as error:
            return error.result_of_provider
        except NoAnswer as error:
            return error.result
        if answer.accepted:
            return Result.accepted(_id(answer.fields.get("id")) or key)
        code = _code(answer.fields.get("code")) or answer.code
        if answer.status in (401, 403):
            return Result.failed(code, provider_away=True)
        return refused_for_now(answer) or Result.failed(code, address_refused=code == _ADDRESS_REFUSED)

    async def ask(self, attempt: Attempt) -> Result | None:
        """What became of it, if the gateway can say that."""
        if not self._ask_url:
            return None
        key = str(attempt.key)
        try:
            answer = await self._poster.get(f"{self._ask_url}/{key}", signed(self._secret, key, b""))
        except (NotSent, NoAnswer):
            return None
        if answer.status == 404:
            return Result.failed("NOT_RECEIVED", temporary=True)
        outcome = _STATES.get(str(answer.fields.get("state")))
        if not answer.accepted or outcome is None:
            return None
        code = _code(answer.fields.get("code"))
        provider_id = _id(answer.fields.get("id")) or key
        return Result(outcome, code, provider_id, address_refused=code == _ADDRESS_REFUSED)


def _code(value: object) -> str:
    """A code of theirs; empty if it is none: what operators see must not be somebody's number."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def _id(value: object) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""
