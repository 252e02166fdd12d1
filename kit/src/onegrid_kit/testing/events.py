"""The events of a service under test: what it announced, and what others announce to it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import Engine, text

from onegrid_kit.announcing import announce_to
from onegrid_kit.clock import Clock
from onegrid_kit.contracts import subscribers_of
from onegrid_kit.events import Delivery, Envelope, require_event
from onegrid_kit.inbox import Inbox
from onegrid_kit.service import Service
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.api import TEST_CIPHER

__all__ = ["Events", "announce_current", "announced", "announced_as", "forget_announced"]

M = TypeVar("M", bound=Message)

_ANNOUNCED = text("SELECT id, type, subject, time, traceparent, body FROM outbox ORDER BY number")
_FORGET = text("DELETE FROM outbox")


def announced(engine: Engine, subject: str = "") -> list[Any]:
    """The messages of the events that wait in the outbox, in order; those about one subject, if it is given."""
    return [_message(each) for each in _waiting(engine) if subject in ("", each.delivery.subject)]


def announced_as(engine: Engine, message: type[M], subject: str = "") -> list[M]:
    """The same of one type."""
    return [each for each in announced(engine, subject) if isinstance(each, message)]


def forget_announced(engine: Engine) -> None:
    """Empty the outbox."""
    with engine.begin() as conn:
        conn.execute(_FORGET)


def announce_current(service: Service, engine: Engine, clock: Clock) -> None:
    """Have the service announce what is current, as it does to the contract's subscribers when they come first."""
    with engine.begin() as conn:
        announce_to(conn, service.load_current(), subscribers_of(service.name))
    runner = StepRunner(service.name, engine, service.load_steps(), clock)
    while runner.step():
        pass


class Events:
    """Delivers to the handlers of a service as a carrier does."""

    def __init__(self, service: Service, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._inbox = Inbox(service.name, engine, service.load_handlers(), TEST_CIPHER)

    def deliver(self, *messages: Message, subject: str = "", time: datetime | None = None) -> None:
        """Deliver events that other services announced about a subject, together, and all of them twice, as a carrier
        may.
        """
        self._carry([self._envelope(message, subject, time or self._clock.now()) for message in messages])

    def deliver_announced(self) -> None:
        """Deliver what waits in the outbox to the service's own handlers, and empty it."""
        waiting = _waiting(self._engine)
        forget_announced(self._engine)
        self._carry(waiting)

    def _envelope(self, message: Message, subject: str, time: datetime) -> Envelope:
        require_event(type(message))
        delivery = Delivery(id=str(uuid.uuid4()), type=message.DESCRIPTOR.full_name, subject=subject, time=time)
        return Envelope(delivery, message.SerializeToString())

    def _carry(self, envelopes: Sequence[Envelope]) -> None:
        for _ in range(2):
            self._inbox.deliver(envelopes)
        assert not self._inbox.parked()


def _waiting(engine: Engine) -> list[Envelope]:
    with engine.connect() as conn:
        return [
            Envelope(Delivery(id=str(row.id), type=row.type, subject=row.subject, time=row.time), bytes(row.body))
            for row in conn.execute(_ANNOUNCED)
        ]


def _message(envelope: Envelope) -> Message:
    return GetMessageClass(Default().FindMessageTypeByName(envelope.delivery.type)).FromString(envelope.body)
