"""The transactional outbox: an event is stored in the transaction of the change it announces, and carried later."""

from __future__ import annotations

import time
from collections.abc import Sequence

from google.protobuf.message import Message
from sqlalchemy import Connection, Engine, text

from onegrid_kit import ids, metrics
from onegrid_kit.callers import Call
from onegrid_kit.events import Envelope, require_event

__all__ = ["Outbox", "append", "measure"]

_BATCH = 500
_APPEND = text(
    """
    INSERT INTO outbox (id, type, subject, time, traceparent, body)
    SELECT event.id, event.type, event.subject, CAST(:time AS timestamptz), CAST(:traceparent AS text), event.body
    FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:subjects AS text[]), CAST(:bodies AS bytea[]))
      AS event (id, type, subject, body)
    """
)
_PENDING = text(
    """
    SELECT number, id, type, subject, time, traceparent, body,
           CAST(extract(epoch FROM clock_timestamp() - created_at) AS double precision) AS age
    FROM outbox ORDER BY number LIMIT :most
    """
)
_PENDING_BUT = text(
    """
    SELECT number, id, type, subject, time, traceparent, body,
           CAST(extract(epoch FROM clock_timestamp() - created_at) AS double precision) AS age
    FROM outbox
    WHERE NOT EXISTS (
      SELECT FROM outbox AS before
      WHERE before.subject = outbox.subject AND before.number <= outbox.number
        AND before.type = ANY(CAST(:held AS text[]))
    )
    ORDER BY number LIMIT :most
    """
)
_FORGET = text("DELETE FROM outbox WHERE number = ANY(CAST(:numbers AS bigint[]))")
_MEASURE = text(
    """
    SELECT count(*) AS depth, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS age,
           (SELECT sum(block) FROM audit_head) AS blocks
    FROM outbox
    """
)


def append(conn: Connection, call: Call, events: Sequence[tuple[str, Message]]) -> None:
    """Announce events of one call, in this order, each about its subject, a resource name.

    TypeError: a message is no event.
    """
    if not events:
        return
    for message_type in {type(message) for _, message in events}:
        require_event(message_type)
    conn.execute(
        _APPEND,
        {
            "ids": [ids.new_event_id() for _ in events],
            "types": [message.DESCRIPTOR.full_name for _, message in events],
            "subjects": [subject for subject, _ in events],
            "time": call.now,
            "traceparent": call.traceparent,
            "bodies": [message.SerializeToString() for _, message in events],
        },
    )


class Outbox:
    """The outbox as a carrier sees it; it holds one connection."""

    def __init__(self, service: str, engine: Engine) -> None:
        self._service = service
        self._conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._carry = metrics.CARRY_SECONDS.labels(service)
        self._stored: dict[int, float] = {}

    def pending(self, held: Sequence[str] = ()) -> list[tuple[int, Envelope]]:
        """The oldest events, by their numbers, but for those of the types that are held, and those behind one of them
        that are about the same subject."""
        statement, values = (_PENDING_BUT, {"most": _BATCH, "held": held}) if held else (_PENDING, {"most": _BATCH})
        rows = self._conn.execute(statement, values).all()
        now = time.monotonic()
        self._stored = {row.number: now - row.age for row in rows}
        return [(row.number, Envelope.of_row(row)) for row in rows]

    def forget(self, carried: Sequence[tuple[int, Envelope]]) -> None:
        """These have arrived."""
        if carried:
            self._conn.execute(_FORGET, {"numbers": [number for number, _ in carried]})
            now = time.monotonic()
            for number, envelope in carried:
                metrics.EVENTS_CARRIED.labels(self._service, envelope.delivery.type).inc()
                self._carry.observe(
                    max(0.0, now - self._stored[number]), metrics.exemplar(envelope.delivery.traceparent)
                )

    def close(self) -> None:
        """Give the connection back."""
        self._conn.close()


def measure(service: str, engine: Engine) -> None:
    """Export how many events wait in the outbox and how long, and how long the audit trail is."""
    with engine.connect() as conn:
        row = conn.execute(_MEASURE).one()
    metrics.OUTBOX_DEPTH.labels(service).set(row.depth)
    metrics.OUTBOX_AGE.labels(service).set(row.age)
    metrics.AUDIT_BLOCKS.labels(service).set(row.blocks)
