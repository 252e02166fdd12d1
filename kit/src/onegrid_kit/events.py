"""Events, CloudEvents with a protobuf message in them: what a service announces, and who handles it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.options.v1 import options_pb2
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.cipher import Cipher

__all__ = [
    "Delivery",
    "Envelope",
    "Subscription",
    "on",
    "on_many",
    "on_many_personal",
    "on_personal",
    "require_event",
    "retention_of",
    "source_of",
]

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event's attributes, after CloudEvents 1.0."""

    id: str
    """A UUID; the same each time the event is delivered."""
    type: str
    """The message's full name: ``onegrid.petition.v1.PetitionFiled``."""
    subject: str
    """The resource that it is about: ``petitions/…``.

    One carrier brings events of one subject in order, but for those whose handler failed; several workers do not.
    """
    time: datetime
    """When it happened, by the domain's clock."""
    traceparent: str = ""
    """The trace that it belongs to."""

    def call(self) -> Call:
        """The call of a command that a handler runs: without a caller, at the time of the event and in its trace."""
        return Call(caller=ANONYMOUS, now=self.time, method=self.type, traceparent=self.traceparent)


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event on its way."""

    delivery: Delivery
    body: bytes
    """The message, serialized."""

    @classmethod
    def of_row(cls, row: Any) -> Self:
        """The event of a row that has its attributes and body as columns."""
        delivery = Delivery(
            id=str(row.id), type=row.type, subject=row.subject, time=row.time, traceparent=row.traceparent
        )
        return cls(delivery, bytes(row.body))


@dataclass(frozen=True, slots=True)
class Subscription:
    """A handler and the event that it handles."""

    name: str
    """What inbox, metrics and operators call the handler; it must stay the same over releases."""
    message: type[Message]
    handle: Callable[[Connection, Any, Delivery, Cipher], None]
    """It is given the service's cipher, too."""
    handle_many: Callable[[Connection, Sequence[tuple[Any, Delivery]], Cipher], None] | None = None
    """The same for those that come together, if it costs less then."""
    together: object = None
    """What those have in common that are handled so at once."""
    in_turn: bool = False
    """Whether only those are that directly follow one another, so that what comes behind them finds them handled."""

    @property
    def type(self) -> str:
        """The event's type."""
        return self.message.DESCRIPTOR.full_name


def on(name: str, message: type[M], handle: Callable[[Connection, M, Delivery], None]) -> Subscription:
    """Subscribe the handler under this name, which is stored.

    It runs in a transaction, which it may share with handlers of other events, and is called again after it failed:
    what it does must lie in that transaction.
    """
    return on_personal(name, message, lambda conn, event, delivery, _: handle(conn, event, delivery))


def on_personal(name: str, message: type[M], handle: Callable[[Connection, M, Delivery, Cipher], None]) -> Subscription:
    """The same for a handler that stores personal data: it gets the cipher of the service's personal fields."""
    require_event(message)
    return Subscription(name, message, handle)


def on_many(
    name: str,
    message: type[M],
    handle_many: Callable[[Connection, Sequence[tuple[M, Delivery]]], None],
    *,
    in_turn: bool = False,
) -> Subscription:
    """Subscribe a handler that takes the events that come together, in their order; also those of other types that are
    subscribed to with the same function.

    It runs after the other handlers of what comes together; `in_turn`: with those that directly follow one another,
    before what comes behind them and may need it. If it fails, each event is handled by itself.
    """
    subscription = on_many_personal(name, message, lambda conn, events, _: handle_many(conn, events), in_turn=in_turn)
    return replace(subscription, together=handle_many)


def on_many_personal(
    name: str,
    message: type[M],
    handle_many: Callable[[Connection, Sequence[tuple[M, Delivery]], Cipher], None],
    *,
    in_turn: bool = False,
) -> Subscription:
    """The same for a handler that stores personal data: it gets the cipher of the service's personal fields."""
    require_event(message)
    return Subscription(
        name,
        message,
        lambda conn, event, delivery, cipher: handle_many(conn, [(event, delivery)], cipher),
        handle_many,
        together=handle_many,
        in_turn=in_turn,
    )


def require_event(message: type[Message]) -> None:
    """Raise TypeError unless the contract marks the message as an event."""
    if not message.DESCRIPTOR.GetOptions().HasExtension(options_pb2.event):  # type: ignore[arg-type]
        raise TypeError(f"{message.DESCRIPTOR.full_name} is not marked as an event")


def retention_of(message: type[Message]) -> timedelta:
    """For how long the contract lets personal data of the event be kept; zero if it has none."""
    event: options_pb2.Event = message.DESCRIPTOR.GetOptions().Extensions[options_pb2.event]  # type: ignore[index]
    return event.personal_data_retention.ToTimedelta()


def source_of(event_type: str) -> str:
    """The service that announces the type, which is also its exchange: ``onegrid.petition``."""
    return ".".join(event_type.split(".")[:2])
