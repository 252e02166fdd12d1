"""The audit trail: every command and every read of personal data, in hash chains that a later change would break.

What one transaction appends is one block of one of several strands, which keep transactions from waiting for one
another.
A block's hash covers the one before it and all of its entries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

import orjson
from sqlalchemy import Connection, text

from onegrid_kit.callers import Call

__all__ = ["APPENDING", "append", "appending", "broken_blocks", "document"]

STRANDS = 8

_HASHED = " || ".join(
    f"int4send(octet_length({column})) || convert_to({column}, 'UTF8')"
    for column in (
        """to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')""",
        *("caller", "method", "resource", "request_id", "purpose"),
    )
)
# The strand is the connection's own: those of a pool seldom meet on one, and a transaction that appends twice locks
# one only.
APPENDING = f"""
    audited_head AS (
      UPDATE audit_head SET block = block + 1,
        hash = sha256(hash || (SELECT sha256(string_agg({_HASHED}, '' ORDER BY position)) FROM audited))
      WHERE strand = pg_backend_pid() % {STRANDS} AND EXISTS (SELECT FROM audited) RETURNING strand, block, hash
    ), audited_block AS (
      INSERT INTO audit_block (strand, block, hash) SELECT strand, block, hash FROM audited_head
    ), audited_entry AS (
      INSERT INTO audit_entry (strand, block, position, time, caller, method, resource, request_id, purpose)
      SELECT strand, block, position, time, caller, method, resource, request_id, purpose FROM audited_head, audited
    )
"""
"""The part of a statement that appends the rows of `audited`, one before it, as one block."""


def appending(entries: str, resource: str = "resource") -> str:
    """The part of a statement that appends what a `document` lists; `entries` is the parameter that holds it,
    `resource` the expression for the resource of an `entry`.
    """
    return f"""
    audited AS (
      SELECT position, time, caller, method, {resource} AS resource, request_id, purpose
      FROM jsonb_to_recordset(CAST({entries} AS jsonb)) AS entry (
        position integer, time timestamptz, caller text, district text, method text, resource text, request_id text,
        purpose text)
    ), {APPENDING}
    """


_APPEND = text(f"WITH {appending(':entries')} SELECT")
_TRAIL = text(
    """
    SELECT strand, block, hash, position, time, caller, method, resource, request_id, purpose
    FROM audit_block FULL JOIN audit_entry USING (strand, block)
    ORDER BY strand, block, position
    """
)
_HEADS = text("SELECT strand, block, hash FROM audit_head ORDER BY strand")
_GENESIS = bytes(32)


def append(conn: Connection, entries: Sequence[tuple[Call, str]]) -> None:
    """Write calls and the resource that each was about, as one block."""
    if not entries:
        return
    conn.execute(_APPEND, {"entries": document(entries)})


def document(entries: Sequence[tuple[Call, str]]) -> str:
    """Calls and the resource that each was about, as JSON."""
    # A driver that encodes eight arrays takes longer than the database to take one document apart.
    return orjson.dumps(
        [
            {
                "position": position,
                "time": call.now,
                "caller": call.caller.user,
                "district": call.caller.district,
                "method": call.method,
                "resource": resource,
                "request_id": call.request_id,
                "purpose": call.purpose,
            }
            for position, (call, resource) in enumerate(entries)
        ]
    ).decode()


def broken_blocks(conn: Connection) -> Iterator[str]:
    """Descriptions of what does not fit in the trail, oldest first within each strand; none if it is intact.

    Run it in a transaction of REPEATABLE READ, so that it sees no block that came after the heads it compares with.
    """
    heads = {row.strand: (row.block, bytes(row.hash)) for row in conn.execute(_HEADS)}
    reached = dict.fromkeys(range(STRANDS), (0, _GENESIS))
    # Streamed: the trail is longer than memory.
    trail = conn.execution_options(yield_per=1000).execute(_TRAIL)
    for (strand, block), rows in groupby(trail, lambda row: (row.strand, row.block)):
        last, before = reached.get(strand, (0, _GENESIS))
        first, *more = rows
        if first.hash is None:
            yield f"strand {strand}, block {block}: its entries belong to no block"
            continue
        if block != last + 1:
            yield f"strand {strand}, block {last + 1}: it is missing"
        entries = [
            (row.time, row.caller, row.method, row.resource, row.request_id, row.purpose)
            for row in (first, *more)
            if row.position is not None
        ]
        # A gap leaves nothing to compare the next block with; its own successor is compared again.
        if block == last + 1 and hashlib.sha256(before + _digest(entries)).digest() != bytes(first.hash):
            yield f"strand {strand}, block {block}: it was changed"
        reached[strand] = (block, bytes(first.hash))
    for strand, (block, hash_) in sorted(reached.items()):
        head = heads.get(strand, (0, _GENESIS))
        if head[0] > block:
            yield f"strand {strand}, block {block + 1}: it is missing, and all behind it"
        elif head != (block, hash_):
            yield f"strand {strand}, block {block}: it is not the one that the strand's head names"


def _digest(rows: Sequence[tuple[datetime, str, str, str, str, str]]) -> bytes:
    digest = hashlib.sha256()
    for time, *columns in rows:
        for column in (time.astimezone(UTC).isoformat(timespec="microseconds"), *columns):
            data = column.encode()
            digest.update(len(data).to_bytes(4) + data)
    return digest.digest()
