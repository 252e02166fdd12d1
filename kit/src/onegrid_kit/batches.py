"""Batched commands: calls of the same moment share a statement; each is done once, announced and audited."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from google.protobuf.message import Message
from sqlalchemy import Connection, text

from onegrid_kit import audit, idempotency, ids
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.errors import RequestIdReused, Unavailable
from onegrid_kit.events import require_event
from onegrid_kit.sizes import require_sendable

if TYPE_CHECKING:
    from onegrid_kit.database import Database, DedicatedConnection

__all__ = ["BatchStatement", "BatchedCommand", "Item", "VersionChanged"]


@dataclass(frozen=True, slots=True)
class Item:
    """One command, whose response is known before it is done."""

    call: Call
    row: Mapping[str, object]
    """What the statement's own columns hold, as JSON has it; moments are aware."""
    event: Message | None
    """What it announces; None if nobody needs to hear of it."""
    response: Message
    subject: str = ""
    """The resource that the event is about; empty: the one that the command is audited for."""


class VersionChanged(Exception):
    """Somebody else changed, or is changing, what the command was decided on; it must be decided again."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    item: Item
    resource: str
    """What it is audited for."""
    sealed: bytes
    """The response as it is kept for a repeated request; empty for a call without a request id."""

    @property
    def subject(self) -> str:
        """What its event is about."""
        return self.item.subject or self.resource


class BatchedCommand:
    """A hot command: the calls of the same moment share a statement; see `Database.batched`."""

    def __init__(
        self,
        db: Database,
        cipher: Cipher,
        statement: BatchStatement,
        connection: DedicatedConnection,
        *,
        name: str,
        most: int,
        pace_s: float,
    ) -> None:
        self._db = db
        self._cipher = cipher
        self._statement = statement
        self._connection = connection
        self._coalescer: Coalescer[_Waiting, bytes | None] = Coalescer(name, self._flush, most=most, pace_s=pace_s)

    async def run(self, item: Item) -> bytes:
        """Do the command once for its request id; its serialized response, or the one that its request got before.

        Raises RequestIdReused, VersionChanged if the statement has a guard, Conflict, Unavailable when the database is
        gone, or OutcomeUnknown when it goes while it stores a batch in which a call has no request id; those that have
        one can be repeated all the same.
        """
        answer = item.response.SerializeToString()
        require_sendable(len(answer))
        sealed = self._cipher.seal(answer, idempotency.PURPOSE) if item.call.request_id else b""
        waiting = _Waiting(item, item.call.audited_resource(item.response), sealed)
        before = await self._coalescer.submit(waiting)
        return answer if before is None else self.open(before)

    def open(self, sealed: bytes) -> bytes:
        """The response that was kept."""
        return self._cipher.open(sealed, idempotency.PURPOSE)

    async def _flush(self, batch: Sequence[_Waiting]) -> Sequence[bytes | Exception | None]:
        """For each its sealed response if its request was answered before; None for those that are done now."""
        for event in {type(waiting.item.event) for waiting in batch if waiting.item.event is not None}:
            require_event(event)
        first: dict[Hashable, int] = {}
        for position, waiting in enumerate(batch):
            first.setdefault(self._once(position, waiting), position)
        document = orjson.dumps([_document(position, batch[position]) for position in first.values()]).decode()
        # With a request id it is done once, however often it is tried.
        repeatable = all(waiting.item.call.request_id for waiting in batch)
        rows = await self._connection.fetch(self._statement.sql, document, repeatable=repeatable)
        if not rows and len(first) == len(batch):
            return [None] * len(batch)
        current = {row["position"]: row["current"] for row in rows}
        """Of those that were not done, whether the guard let them pass."""
        fresh = set(first.values()).difference(current)
        return [
            None if position in fresh else await self._not_done(waiting.item.call, current.get(position))
            for position, waiting in enumerate(batch)
        ]

    def _once(self, position: int, waiting: _Waiting) -> Hashable:
        """What a statement does once at most: a request, or a change of a resource that only one item may change."""
        call = waiting.item.call
        if self._statement.guarded and not self._statement.shared:
            return waiting.subject
        return call.caller.user, call.request_id or f"#{position}"

    async def _not_done(self, call: Call, current: bool | None) -> bytes | Exception:
        if self._statement.guarded and not self._statement.shared and not current:
            return VersionChanged()
        try:
            before = await self._db.read(lambda conn: idempotency.earlier_answer(conn, call))
        except (RequestIdReused, Unavailable) as error:
            return error
        return VersionChanged() if before is None else before


class BatchStatement:
    """Claims request ids and writes what is new among the items: their rows, responses, events and audit entries.

    One statement is a transaction in itself, and one round trip.
    """

    def __init__(self, columns: str, *effects: str, guard: str = "", shared: bool = False) -> None:
        """`columns` name the items' own columns with their types; `effects` are the parts of a WITH that write
        the rows of `fresh`, one of the columns' for each new item. `guard` selects the positions of those that may be
        done: it locks what they change, skips what is locked, and compares its version. `shared`: several items may
        change the same row, for which the guard adds up what they take of it; it waits for what is locked.
        """
        self.guarded = bool(guard)
        """Whether it may leave out items that are new."""
        self.shared = shared
        """Whether several items of one statement may change the same."""
        self.sql = f"""
            WITH item AS (
              SELECT * FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS item (
                position integer, caller text, request_id text, method text, fingerprint text, answer text,
                resource text, subject text, time timestamptz, purpose text, traceparent text, event_id uuid,
                event_type text, event_body text, {columns})
            ), current AS ({guard or "SELECT position FROM item"}
            ), claimed AS (
              -- In the same order everywhere, so that two batches can't wait for one another.
              INSERT INTO idempotency (caller, request_id, method, fingerprint, answer)
              SELECT caller, request_id, method, decode(fingerprint, 'hex'), decode(answer, 'hex')
              FROM item JOIN current USING (position) WHERE request_id <> '' ORDER BY caller, request_id
              ON CONFLICT (caller, request_id) DO NOTHING RETURNING caller, request_id
            ), fresh AS (
              SELECT * FROM item JOIN current USING (position)
              WHERE request_id = '' OR (caller, request_id) IN (SELECT caller, request_id FROM claimed)
            ), announced AS (
              INSERT INTO outbox (id, type, subject, time, traceparent, body)
              SELECT event_id, event_type, subject, time, traceparent, decode(event_body, 'hex') FROM fresh
              WHERE event_id IS NOT NULL
            ), audited AS (
              SELECT position, time, caller, method, resource, request_id, purpose FROM fresh
            ), {", ".join((audit.APPENDING, *effects))}
            SELECT position, position IN (SELECT position FROM current) AS current
            FROM item WHERE position NOT IN (SELECT position FROM fresh)
        """
        self._text = text(self.sql.replace("$1", ":document"))

    def run(self, conn: Connection, items: Sequence[Item]) -> None:
        """Do what is new, and what the guard lets pass, in the transaction of a job or a handler."""
        waiting = (_Waiting(item, item.call.audited_resource(item.response), b"") for item in items)
        document = orjson.dumps([_document(position, one) for position, one in enumerate(waiting)]).decode()
        conn.execute(self._text, {"document": document})


def _document(position: int, waiting: _Waiting) -> dict[str, object]:
    item = waiting.item
    call = item.call
    return {
        "position": position,
        "caller": call.caller.user,
        "request_id": call.request_id,
        "method": call.method,
        "fingerprint": call.fingerprint.hex(),
        "answer": waiting.sealed.hex(),
        "resource": waiting.resource,
        "subject": waiting.subject,
        "time": call.now,
        "purpose": call.purpose,
        "traceparent": call.traceparent,
        **_announcement(item.event),
        **item.row,
    }


def _announcement(event: Message | None) -> dict[str, object]:
    if event is None:
        return {}
    return {
        "event_id": ids.new_event_id(),
        "event_type": event.DESCRIPTOR.full_name,
        "event_body": event.SerializeToString().hex(),
    }
