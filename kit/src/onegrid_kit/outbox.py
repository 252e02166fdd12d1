"""The transactional outbox: an event is stored in the transaction of the change that it tells of, and carried later."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message
from sqlalchemy import Connection, text

from onegrid_kit import ids
from onegrid_kit.callers import Call
from onegrid_kit.events import require_event

__all__ = ["append"]

_APPEND = text(
    """
    INSERT INTO outbox (id, type, subject, time, traceparent, body)
    SELECT event.id, event.type, event.subject, CAST(:time AS timestamptz), CAST(:traceparent AS text), event.body
    FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:subjects AS text[]), CAST(:bodies AS bytea[]))
      AS event (id, type, subject, body)
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
