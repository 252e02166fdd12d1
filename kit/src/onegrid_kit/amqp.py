"""How events travel over RabbitMQ: names and headers, the same for who publishes and who consumes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from onegrid_kit.events import Delivery, Envelope, source_of

__all__ = ["CONTENT_TYPE", "UNROUTED", "envelope", "headers", "queue_arguments"]

CONTENT_TYPE: Final = "application/protobuf"
UNROUTED: Final = "onegrid.unrouted"
"""The exchange and queue of events that no queue takes; the newest 10,000 are kept for an operator to see."""


def headers(delivery: Delivery) -> dict[str, str]:
    """The event's attributes, after CloudEvents' AMQP binding."""
    return {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": delivery.id,
        "cloudEvents:source": source_of(delivery.type),
        "cloudEvents:type": delivery.type,
        "cloudEvents:subject": delivery.subject,
        "cloudEvents:time": delivery.time.isoformat(),
        "traceparent": delivery.traceparent,
    }


def envelope(given: Mapping[str, Any], body: bytes) -> Envelope:
    """The event of a message. Raises KeyError or ValueError for one that is no event of ours."""
    return Envelope(
        Delivery(
            id=given["cloudEvents:id"],
            type=given["cloudEvents:type"],
            subject=given["cloudEvents:subject"],
            time=datetime.fromisoformat(given["cloudEvents:time"]),
            traceparent=given.get("traceparent", ""),
        ),
        body,
    )


def queue_arguments() -> dict[str, Any]:
    """Quorum queues survive the loss of a node."""
    return {"x-queue-type": "quorum"}
