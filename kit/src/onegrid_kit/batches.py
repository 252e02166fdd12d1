"""Commands of one kind, each done once, announced and audited: many of them in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from google.protobuf.message import Message

from onegrid_kit import audit, idempotency, ids
from onegrid_kit.callers import Call
from onegrid_kit.database import Database, DedicatedConnection
from onegrid_kit.errors import RequestIdReused
from onegrid_kit.events import require_event

__all__ = ["BatchStatement", "Item"]


@dataclass(frozen=True, slots=True)
class Item:
    """One command, whose answer is known before it is done."""

    call: Call
    resource: str
    """What it makes, for the audit trail and as the event's subject."""
    row: Mapping[str, object]
    """What the statement's own columns are to hold, as JSON can tell it; moments are aware."""
    event: Message
    """What it announces."""
    answer: bytes
    """What it is answered, sealed."""


class BatchStatement:
    """Claims request ids and writes what is new among the items: their rows, answers, events and audit entries.

    One statement is a transaction in itself, and one round trip.
    """

    def __init__(self, columns: str, *effects: str) -> None:
        """`columns` name the items' own columns with their types; `effects` are the parts of a WITH that write
        the rows of `fresh`, one of the columns' for each new item.
        """
        self._statement = f"""
            WITH item AS (
              SELECT * FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS item (
                position integer, caller text, request_id text, method text, fingerprint text, answer text,
                resource text, time timestamptz, purpose text, traceparent text, event_id uuid, event_type text,
                event_body text, {columns})
            ), claimed AS (
              -- In the same order everywhere, so that two batches can't wait for one another.
              INSERT INTO idempotency (caller, request_id, method, fingerprint, answer)
              SELECT caller, request_id, method, decode(fingerprint, 'hex'), decode(answer, 'hex')
              FROM item WHERE request_id <> '' ORDER BY caller, request_id
              ON CONFLICT (caller, request_id) DO NOTHING RETURNING caller, request_id
            ), fresh AS (
              SELECT * FROM item
              WHERE request_id = '' OR (caller, request_id) IN (SELECT caller, request_id FROM claimed)
            ), announced AS (
              INSERT INTO outbox (id, type, subject, time, traceparent, body)
              SELECT event_id, event_type, resource, time, traceparent, decode(event_body, 'hex') FROM fresh
            ), audited AS (
              SELECT position, time, caller, method, resource, request_id, purpose FROM fresh
            ), {", ".join((audit.APPENDING, *effects))}
            SELECT position FROM item WHERE position NOT IN (SELECT position FROM fresh)
        """

    async def run(
        self, db: Database, connection: DedicatedConnection, items: Sequence[Item]
    ) -> list[bytes | RequestIdReused]:
        """Do what is new; for each item its answer, or the one that its request got before.

        Raises Conflict, or Unavailable when the database is gone; then it may have been done or not.
        """
        for event in {type(item.event) for item in items}:
            require_event(event)
        first: dict[tuple[str, str], int] = {}
        for position, item in enumerate(items):
            call = item.call
            first.setdefault((call.caller.user, call.request_id or f"#{position}"), position)
        document = orjson.dumps([_document(position, items[position]) for position in first.values()]).decode()
        # With a request id it is done once, however often it is tried.
        repeatable = all(item.call.request_id for item in items)
        done_before = await connection.fetch(self._statement, document, repeatable=repeatable)
        if not done_before and len(first) == len(items):
            return [item.answer for item in items]
        fresh = set(first.values()).difference(row[0] for row in done_before)
        return [
            item.answer if position in fresh else await _answered_before(db, item.call)
            for position, item in enumerate(items)
        ]


def _document(position: int, item: Item) -> dict[str, object]:
    call = item.call
    return {
        "position": position,
        "caller": call.caller.user,
        "request_id": call.request_id,
        "method": call.method,
        "fingerprint": call.fingerprint.hex(),
        "answer": item.answer.hex(),
        "resource": item.resource,
        "time": call.now,
        "purpose": call.purpose,
        "traceparent": call.traceparent,
        "event_id": ids.new_event_id(),
        "event_type": item.event.DESCRIPTOR.full_name,
        "event_body": item.event.SerializeToString().hex(),
        **item.row,
    }


async def _answered_before(db: Database, call: Call) -> bytes | RequestIdReused:
    try:
        return await db.read(lambda conn: idempotency.stored_answer(conn, call))
    except RequestIdReused as error:
        return error
