"""Events, CloudEvents with a protobuf message in them: what a service announces, who handles it; and timed jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.options.v1 import options_pb2

__all__ = ["Delivery", "Envelope", "Job", "Subscription", "on", "require_event", "source_of"]

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


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event on its way."""

    delivery: Delivery
    body: bytes
    """The message, serialized."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A handler and the event that it handles."""

    message: type[Message]
    handle: Callable[[Connection, Any, Delivery], None]

    @property
    def type(self) -> str:
        """The event's type."""
        return self.message.DESCRIPTOR.full_name

    @property
    def name(self) -> str:
        """What inbox, metrics and operators call the handler; it must stay the same over releases."""
        return self.handle.__name__


def on(message: type[M], handle: Callable[[Connection, M, Delivery], None]) -> Subscription:
    """Subscribe the handler.

    It runs in a transaction, which it may share with handlers of other events, and is called again after it failed:
    what it does must lie in that transaction.
    """
    require_event(message)
    return Subscription(message, handle)


def require_event(message: type[Message]) -> None:
    """Raise TypeError unless the contract marks the message as an event."""
    if not message.DESCRIPTOR.GetOptions().HasExtension(options_pb2.event):  # type: ignore[arg-type]
        raise TypeError(f"{message.DESCRIPTOR.full_name} is not marked as an event")


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again, in one replica at a time."""

    name: str
    every: timedelta
    run: Callable[[Connection, datetime], None]
    """Called with a transaction and the domain's time."""


def source_of(event_type: str) -> str:
    """The service that announces the type, which is also its exchange: ``onegrid.petition``."""
    return ".".join(event_type.split(".")[:2])
