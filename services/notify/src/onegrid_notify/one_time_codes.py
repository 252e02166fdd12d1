"""Identity's one-time codes, on their way to a telephone: before everything else, and never after they end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, Self

from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import OneTimeCodeIssued
from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason
from onegrid_kit import sending
from onegrid_kit.cipher import Cipher
from onegrid_kit.events import Delivery
from onegrid_kit.lifecycle import short_name
from onegrid_kit.sending import Context, Drop, Lane, Outgoing, Prepared, Send, Sending
from onegrid_notify.address import Destination
from onegrid_notify.contents import Sms
from onegrid_notify.facts import CodeFacts, Recipient, event_key
from onegrid_notify.rendering import render
from onegrid_notify.store.suppressions import suppressed
from onegrid_notify.templates import DEFAULT_LANGUAGE, LANGUAGES

__all__ = ["KIND", "prepare", "send_one_time_code"]

KIND: Final = "one-time code"
"""The kind of these sendings."""
_PURPOSE: Final = "one-time code on its way"
_EVENT: Final = event_key(OneTimeCodeIssued)


@dataclass(frozen=True, slots=True)
class _Code:
    """What is sealed of it."""

    phone: str
    code: str

    def sealed(self, cipher: Cipher) -> bytes:
        return cipher.encrypt(json.dumps(asdict(self)), _PURPOSE)

    @classmethod
    def opened(cls, sealed: bytes, cipher: Cipher) -> Self:
        return cls(**json.loads(cipher.decrypt(sealed, _PURPOSE)))


def send_one_time_code(conn: Connection, event: OneTimeCodeIssued, delivery: Delivery, cipher: Cipher) -> None:
    """Have the code sent, once for its event."""
    expire_time = event.expire_time.ToDatetime(UTC)
    new = Sending(
        id=delivery.subject,
        kind=KIND,
        channel=short_name(Channel, Channel.CHANNEL_SMS),
        district=event.district,
        lane=Lane.CRITICAL,
        parameters={
            "language": event.language,
            "issue_time": delivery.time.isoformat(),
            "minutes": str(int((expire_time - delivery.time).total_seconds()) // 60),
        },
        sealed=_Code(event.phone, event.code).sealed(cipher),
        expire_time=expire_time,
    )
    sending.enqueue(conn, [new], delivery.time)


def prepare(conn: Connection, rows: Sequence[Outgoing], context: Context) -> Sequence[Prepared]:
    """The messages with the codes, as their districts word them; none to a number that is suppressed, and none that an
    operator replays once its code is forgotten.
    """
    cipher = context.cipher
    codes = {row.id: _Code.opened(row.sealed, cipher) for row in rows if row.sealed}
    index = {id_: Destination(Channel.CHANNEL_SMS, code.phone).index(cipher) for id_, code in codes.items()}
    blocked = suppressed(conn, [(row.district, index[row.id]) for row in rows if row.id in codes])
    prepared: list[Prepared] = []
    for row in rows:
        if row.id not in codes:
            prepared.append(Drop("CODE_FORGOTTEN"))
        elif (row.district, index[row.id]) in blocked:
            prepared.append(Drop(short_name(DeliveryReason, DeliveryReason.DELIVERY_REASON_ADDRESS_SUPPRESSED)))
        else:
            prepared.append(_message(conn, row, codes[row.id], index[row.id]))
    return prepared


def _message(conn: Connection, row: Outgoing, code: _Code, index: bytes) -> Send:
    language = row.parameters["language"]
    facts = CodeFacts(
        time=datetime.fromisoformat(row.parameters["issue_time"]), code=code.code, minutes=row.parameters["minutes"]
    )
    message = render(
        conn,
        row.district,
        _EVENT,
        Recipient.PERSON,
        facts,
        language if language in LANGUAGES else DEFAULT_LANGUAGE,
    )
    content = Sms(template=message.sms_template, parameters=message.sms_parameters, text=message.short_text)
    return Send(code.phone, content, address_key=index.hex(), template=message.sms_template)
