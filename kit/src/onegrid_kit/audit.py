"""The audit trail: every command and every read of personal data, in hash chains that a later change would break.

What one transaction appends is one block of one of several strands; strands keep transactions from waiting for one another.
A block's hash covers the one before it and all of its entries.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from onegrid_kit.callers import Call

__all__ = ["STRANDS", "append", "broken_blocks"]

STRANDS = 8

_APPEND = text(
    """
    WITH head AS (
      UPDATE audit_head SET block = block + 1, hash = sha256(hash || CAST(:digest AS bytea))
      WHERE strand = :strand RETURNING block, hash
    ), sealed AS (
      INSERT INTO audit_block (strand, block, hash) SELECT :strand, block, hash FROM head
    )
    INSERT INTO audit_entry (strand, block, position, time, caller, method, resource, request_id, purpose)
    SELECT :strand, head.block, entry.* FROM head, unnest(
      CAST(:positions AS integer[]), CAST(:times AS timestamptz[]), CAST(:callers AS text[]), CAST(:methods AS text[]),
      CAST(:resources AS text[]), CAST(:request_ids AS text[]), CAST(:purposes AS text[])) AS entry
    """
)
_ENTRIES = text(
    """
    SELECT strand, block, time, caller, method, resource, request_id, purpose FROM audit_entry
    ORDER BY strand, block, position
    """
)
_BLOCKS = text("SELECT strand, block, hash FROM audit_block ORDER BY strand, block")
_HEADS = text("SELECT strand, block, hash FROM audit_head ORDER BY strand")
_GENESIS = bytes(32)


def append(conn: Connection, entries: Sequence[tuple[Call, str]]) -> None:
    """Write calls and the resource that each was about, as one block."""
    if not entries:
        return
    rows = [
        (call.now, call.caller.user, call.method, resource, call.request_id, call.purpose)
        for call, resource in entries
    ]
    times, callers, methods, resources, request_ids, purposes = (list(column) for column in zip(*rows, strict=True))
    conn.execute(
        _APPEND,
        {
            "strand": random.randrange(STRANDS),  # noqa: S311
            "digest": _digest(rows),
            "positions": list(range(len(rows))),
            "times": times,
            "callers": callers,
            "methods": methods,
            "resources": resources,
            "request_ids": request_ids,
            "purposes": purposes,
        },
    )


def broken_blocks(conn: Connection) -> Iterator[str]:
    """What does not fit in the trail, in words; nothing if it is whole."""
    entries: dict[tuple[int, int], list[tuple[datetime, str, str, str, str, str]]] = {}
    for row in conn.execute(_ENTRIES):
        entries.setdefault((row.strand, row.block), []).append(
            (row.time, row.caller, row.method, row.resource, row.request_id, row.purpose)
        )
    reached = {strand: (0, _GENESIS) for strand in range(STRANDS)}
    for row in conn.execute(_BLOCKS):
        block, before = reached[row.strand]
        if row.block != block + 1:
            yield f"strand {row.strand}: block {block + 1} is missing"
        rows = entries.pop((row.strand, row.block), [])
        if hashlib.sha256(before + _digest(rows)).digest() != bytes(row.hash):
            yield f"strand {row.strand}: block {row.block} was changed"
        reached[row.strand] = (row.block, bytes(row.hash))
    for row in conn.execute(_HEADS):
        if reached[row.strand] != (row.block, bytes(row.hash)):
            yield f"strand {row.strand}: it ends at block {reached[row.strand][0]}, not {row.block}"
    for strand, block in sorted(entries):
        yield f"strand {strand}: entries of block {block} belong to no block"


def _digest(rows: Sequence[tuple[datetime, str, str, str, str, str]]) -> bytes:
    digest = hashlib.sha256()
    for time, *words in rows:
        for word in (time.astimezone(UTC).isoformat(timespec="microseconds"), *words):
            data = word.encode()
            digest.update(len(data).to_bytes(4) + data)
    return digest.digest()
