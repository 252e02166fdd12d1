"""The transactional outbox: an event is stored in the transaction of the change that it tells of, and carried later."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message
from sqlalchemy import Connection, text

from onegrid_kit import ids
from onegrid_kit.callers import Call
from onegrid_kit.events import require_event

__all__ = ["append", "append_many"]

_APPEND = text(
    """
    INSERT INTO outbox (id, type, subject, time, traceparent, body)
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:subjects AS text[]),
                         CAST(:times AS timestamptz[]), CAST(:traceparents AS text[]), CAST(:bodies AS bytea[]))
    """
)


def append_many(conn: Connection, events: Sequence[tuple[Call, str, Message]]) -> None:
    """Announce events, each of its call and about its subject, a resource name. TypeError: a message is no event."""
    if not events:
        return
    for message_type in {type(message) for _, _, message in events}:
        require_event(message_type)
    conn.execute(
        _APPEND,
        {
            "ids": [ids.new_event_id() for _ in events],
            "types": [message.DESCRIPTOR.full_name for _, _, message in events],
            "subjects": [subject for _, subject, _ in events],
            "times": [call.now for call, _, _ in events],
            "traceparents": [call.traceparent for call, _, _ in events],
            "bodies": [message.SerializeToString() for _, _, message in events],
        },
    )


def append(conn: Connection, call: Call, events: Sequence[tuple[str, Message]]) -> None:
    """Announce events of one call, in this order."""
    append_many(conn, [(call, subject, message) for subject, message in events])
