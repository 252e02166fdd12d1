"""The codes that verify addresses, on their way through the sender."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason
from onegrid_kit import ids
from onegrid_kit.cipher import Cipher
from onegrid_kit.lifecycle import short_name
from onegrid_kit.sending import Context, Drop, Lane, Outgoing, Prepared, Send, Sending
from onegrid_notify.address import CODE_LASTS, Address, OneTimeCode
from onegrid_notify.contents import Email, Sms
from onegrid_notify.store.addresses import addresses_of_users
from onegrid_notify.store.preferences import preferences_of_users
from onegrid_notify.store.suppressions import suppressed

__all__ = ["KIND", "prepare", "sending_of"]

KIND: Final = "address code"
"""The kind of these sendings."""
_TEMPLATE: Final = "address-code"
"""What the settings of an SMS provider call the template; its parameters are `code` and `minutes`."""
_SUBJECT: Final = {"zh": "验证码", "en": "Your code"}
_TEXT: Final = {
    "zh": "验证码{code}，{minutes}分钟内有效，用于确认您的接收地址。如非本人操作，请忽略。",
    "en": "Your code is {code}, good for {minutes} minutes. It confirms where you get messages. If you did not ask for "
    "it, ignore it.",
}
_PURPOSE: Final = "address code on its way"


def sending_of(address: Address, digits: str, expire_time: datetime, cipher: Cipher) -> Sending:
    """What sends a code to the address."""
    sealed = cipher.encrypt(digits, _PURPOSE)
    return Sending(
        id=f"{address.name}/codes/{ids.new_id()}",
        kind=KIND,
        channel=short_name(Channel, address.channel),
        district=address.district,
        recipient=address.user,
        subject=address.name,
        lane=Lane.CRITICAL,
        sealed=sealed,
        expire_time=expire_time,
    )


def prepare(conn: Connection, rows: Sequence[Outgoing], context: Context) -> Sequence[Prepared]:
    """The messages with the codes; those are dropped that are good no more, or whose address is gone or suppressed."""
    users = {row.recipient for row in rows}
    known = {each.name: each for of in addresses_of_users(conn, users).values() for each in of}
    blocked = suppressed(conn, [(each.district, each.value_index) for each in known.values()])
    languages = {user: of.language for user, of in preferences_of_users(conn, users).items()}
    return [_prepared(row, known.get(row.subject), blocked, languages[row.recipient], context.cipher) for row in rows]


def _prepared(
    row: Outgoing, address: Address | None, blocked: set[tuple[str, bytes]], language: str, cipher: Cipher
) -> Prepared:
    if address is None:
        return _drop(DeliveryReason.DELIVERY_REASON_NO_ADDRESS)
    if not row.sealed:
        # It is replayed after it has ended.
        return _drop(DeliveryReason.DELIVERY_REASON_SUPERSEDED)
    digits = cipher.decrypt(row.sealed, _PURPOSE)
    index = OneTimeCode.digest(address.id, digits, cipher)
    if address.code is None or address.code.index != index:
        return _drop(DeliveryReason.DELIVERY_REASON_SUPERSEDED)
    if (address.district, address.value_index) in blocked:
        return _drop(DeliveryReason.DELIVERY_REASON_ADDRESS_SUPPRESSED)
    parameters = {"code": digits, "minutes": str(int(CODE_LASTS.total_seconds()) // 60)}
    text = _TEXT[language].format_map(parameters)
    content: Email | Sms
    if address.channel == Channel.CHANNEL_EMAIL:
        content = Email(subject=_SUBJECT[language], text=text, language=language)
    else:
        content = Sms(template=_TEMPLATE, parameters=parameters, text=text)
    return Send(
        address.destination(cipher).value,
        content,
        address_key=address.value_index.hex(),
        template=_TEMPLATE,
    )


def _drop(reason: DeliveryReason) -> Drop:
    return Drop(short_name(DeliveryReason, reason))
