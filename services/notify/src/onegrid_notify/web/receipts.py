"""Delivery receipts: what providers say later about what they took. docs/notify.md describes each format."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection
from standardwebhooks import Webhook, WebhookVerificationError

from onegrid_kit import sending
from onegrid_kit.database import Database
from onegrid_kit.errors import FieldViolation, InvalidRequest, SignatureInvalid
from onegrid_kit.http.answers import NO_CONTENT, Answer, json_answer
from onegrid_kit.http.requests import Request
from onegrid_kit.logs import log
from onegrid_kit.sending import Context, Outcome, Receipt
from onegrid_notify import providers
from onegrid_notify.providers import AliyunSms, ProviderConfig, TencentSms
from onegrid_notify.settings import NotifySettings

__all__ = ["MAX_BYTES", "receive", "verify"]

MAX_BYTES: Final = 1024 * 1024
_RECEIPTS: Final = 5_000
_ID: Final = re.compile(r"[!-~]{1,128}")
_KEY: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Our Message-ID of an e-mail begins with it.
_MESSAGE_ID: Final = re.compile(r"([0-9a-f]{32})@[!-~]+")
_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_WITHOUT_CODE: Final = "NO_CODE"
_BOUNCED: Final = "BOUNCED"
_COMPLAINED: Final = "COMPLAINED"
_OUTCOMES: Final[Mapping[str, Outcome]] = {
    **{each.value: each for each in (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.READ, Outcome.FAILED)},
    _BOUNCED: Outcome.FAILED,
    # Who complains has it.
    _COMPLAINED: Outcome.READ,
}
# MK:0001 and MOBILE_NOT_ON_SERVICE are carriers' for 空号: there is no such number. Their other codes also stand for
# telephones that are switched off.
_REFUSED: Final = frozenset({_BOUNCED, _COMPLAINED, "ADDRESS_REFUSED", "MK:0001", "MOBILE_NOT_ON_SERVICE"})


def verify(request: Request[NotifySettings]) -> ProviderConfig:
    """The provider whose receipts these are. Raises SignatureInvalid, also for one that does not exist."""
    found = _providers(request.settings.providers).get(request.parameters["provider"])
    if found is None or not found.receipt_secret:
        raise SignatureInvalid
    if not found.signs_receipts:
        given = request.parameters.get("secret", "")
        if not hmac.compare_digest(found.receipt_secret.encode(), given.encode()):
            raise SignatureInvalid
        return found
    try:
        Webhook(found.receipt_secret).verify(request.body, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        raise SignatureInvalid from None
    return found


async def receive(request: Request[NotifySettings], db: Database) -> Answer:
    """Store what the provider says: in whatever order, and however often."""
    provider: ProviderConfig = request.verified
    read, answer = _FORMATS.get(type(provider), (_ours, NO_CONTENT))
    entries = request.json()
    receipts = [*read(provider.name, entries)]
    context = Context(request.settings, request.cipher, request.call.now)

    sender = request.service.load_sender()

    def store(conn: Connection) -> None:
        learned = sending.receive(conn, receipts, context.now)
        if sender is not None:
            sending.conclude(conn, request.service.name, sender, learned, context)

    await db.write(store)
    return answer


@lru_cache(maxsize=4)
def _providers(setting: str) -> Mapping[str, ProviderConfig]:
    return {each.name: each for each in providers.parse(setting)}


def _ours(provider: str, body: Any) -> Iterator[Receipt]:
    """`{"receipts": [{"id": …, "key": …, "state": …, "code": …}, …]}`. Raises InvalidRequest."""
    if not isinstance(body, dict):
        raise InvalidRequest(FieldViolation("", "must be an object"))
    for number, entry in enumerate(_list(body.get("receipts"), "receipts")):
        path = f"receipts[{number}]"
        if not isinstance(entry, dict):
            raise InvalidRequest(FieldViolation(path, "must be an object"))
        state, code = entry.get("state"), entry.get("code", "")
        id_, key = entry.get("id", ""), _key(entry.get("key"))
        if "key" in entry and key is None:
            raise InvalidRequest(FieldViolation(f"{path}.key", "must be the key that came with the message"))
        if not (_is(_ID, id_) or (id_ == "" and key)):
            raise InvalidRequest(FieldViolation(f"{path}.id", "must be the id of a message: 1 to 128 characters"))
        if not isinstance(state, str) or state not in _OUTCOMES:
            raise InvalidRequest(FieldViolation(f"{path}.state", f"must be one of {', '.join(_OUTCOMES)}"))
        if code and not _is(_CODE, code):
            raise InvalidRequest(FieldViolation(f"{path}.code", "must be 64 letters, digits, or _.:- at most"))
        if state in (_BOUNCED, _COMPLAINED):
            code = code or state
        yield Receipt(
            provider,
            id_,
            _OUTCOMES[state],
            code,
            address_refused=state in _REFUSED or code in _REFUSED,
            key=key or _key_in(id_),
        )


def _aliyun(provider: str, body: Any) -> Iterator[Receipt]:
    """SmsReport (help.aliyun.com/zh/sms/developer-reference/smsreport-2)."""
    for entry in _list(body, ""):
        match entry:
            case {"biz_id": str(given), "success": bool(success)} if _is(_ID, given):
                yield _of_carrier(
                    provider, given, entry.get("err_code"), delivered=success, key=_key(entry.get("out_id"))
                )
            case _:
                _skip(provider)


def _tencent(provider: str, body: Any) -> Iterator[Receipt]:
    """The status callback (cloud.tencent.com/document/product/382/59178). It does not have what we gave as
    SessionContext: an attempt without an answer is asked for.
    """
    for entry in _list(body, ""):
        match entry:
            case {"sid": str(given), "report_status": "SUCCESS" | "FAIL" as status} if _is(_ID, given):
                yield _of_carrier(provider, given, entry.get("errmsg"), delivered=status == "SUCCESS")
            case _:
                _skip(provider)


def _of_carrier(provider: str, provider_id: str, code: Any, *, delivered: bool, key: UUID | None = None) -> Receipt:
    if delivered:
        return Receipt(provider, provider_id, Outcome.DELIVERED, key=key)
    known = code if _is(_CODE, code) else _WITHOUT_CODE
    return Receipt(provider, provider_id, Outcome.FAILED, known, address_refused=known in _REFUSED, key=key)


def _key(value: Any) -> UUID | None:
    """The attempt's key, if it is written as we do."""
    return UUID(value) if _is(_KEY, value) else None


def _key_in(id_: str) -> UUID | None:
    """The attempt's key, if the message is called by it: who took it may have given no id, or was not heard."""
    found = _MESSAGE_ID.fullmatch(id_)
    return UUID(found[1]) if found else _key(id_)


def _list(value: Any, path: str) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > _RECEIPTS:
        raise InvalidRequest(FieldViolation(path, f"must be a list of {_RECEIPTS} at most"))
    return value


def _skip(provider: str) -> None:
    # The others of the same call count: the provider would send all of them again, and this one with them.
    log.warning("receipt is not understood", provider=provider)


def _is(form: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


_FORMATS: Final[Mapping[type[ProviderConfig], tuple[Callable[[str, Any], Iterator[Receipt]], Answer]]] = {
    AliyunSms: (_aliyun, json_answer({"code": 0, "msg": "接收成功"})),
    TencentSms: (_tencent, json_answer({"result": 0, "errmsg": "OK"})),
}
"""How those write receipts that have a format of their own, and what they take for a success."""
