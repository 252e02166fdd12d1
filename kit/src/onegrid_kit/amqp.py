"""How events travel over RabbitMQ: names and headers, the same for who publishes and who consumes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from onegrid_kit.events import Delivery, Envelope, source_of
from onegrid_kit.settings import ServiceSettings, SettingsError

__all__ = [
    "CONTENT_TYPE",
    "QUEUE_ARGUMENTS",
    "UNROUTED",
    "UNROUTED_ARGUMENTS",
    "UNSUBSCRIBED",
    "envelope",
    "headers",
    "require_broker",
]

CONTENT_TYPE: Final = "application/protobuf"
UNROUTED: Final = "onegrid.unrouted"
"""The exchange and queue of what was lost on its way and what a worker refuses; the newest are kept for an operator."""
UNSUBSCRIBED: Final = "onegrid.unsubscribed"
"""An exchange without a queue: events that have no subscriber end there, which is no loss."""
QUEUE_ARGUMENTS: Final[Mapping[str, Any]] = {"x-queue-type": "quorum", "x-dead-letter-exchange": UNROUTED}
"""A service's queue: quorum queues survive the loss of a node."""
UNROUTED_ARGUMENTS: Final[Mapping[str, Any]] = {"x-queue-type": "quorum", "x-max-length": 10_000}
"""The queue of unroutable messages, which has a maximum length."""


def headers(delivery: Delivery, traceparent: str) -> dict[str, str]:
    """The event's attributes, after CloudEvents' AMQP binding, and the trace that its publishing belongs to."""
    return {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": delivery.id,
        "cloudEvents:source": source_of(delivery.type),
        "cloudEvents:type": delivery.type,
        "cloudEvents:subject": delivery.subject,
        "cloudEvents:time": delivery.time.isoformat(),
        "traceparent": traceparent,
    }


def envelope(given: Mapping[str, Any], body: bytes) -> Envelope:
    """The event of a message. Raises KeyError, ValueError or TypeError for one that is no event of ours."""
    return Envelope(
        Delivery(
            id=str(uuid.UUID(given["cloudEvents:id"])),
            type=given["cloudEvents:type"],
            subject=given["cloudEvents:subject"],
            time=datetime.fromisoformat(given["cloudEvents:time"]),
            traceparent=given.get("traceparent", ""),
        ),
        body,
    )


def require_broker(settings: ServiceSettings) -> None:
    """Raise SettingsError if no broker is set."""
    if not settings.amqp_url:
        raise SettingsError(
            "ONEGRID_AMQP_URL is not set: worker, relay and migrate need RabbitMQ, "
            "`amqp://user:password@host:port/vhost`; `migrate --without-broker` declares no queue"
        )
