"""The statements over digests. Whoever adds to one, or closes it, locks it until the transaction ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from onegrid_notify.digest import Digest

__all__ = ["add_entries", "close_digests", "digests_of", "forget_digests", "lock_open_digests"]

_LOCK_OPEN = text(
    """
    INSERT INTO digest AS known (id, user_name, close_time)
    SELECT id, user_name, close_time
    FROM unnest(CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:close_times AS timestamptz[]))
      AS given (id, user_name, close_time)
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET close_time = known.close_time
    RETURNING id, closed
    """
)
_ADD = text(
    """
    INSERT INTO digest_entry (sending, digest)
    SELECT sending, digest FROM unnest(CAST(:sendings AS text[]), CAST(:digests AS text[])) AS given (sending, digest)
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text("SELECT id FROM digest WHERE id = ANY (CAST(:ids AS text[])) ORDER BY id FOR UPDATE")
_CLOSE = text(
    """
    WITH closed AS (
      UPDATE digest SET closed = true WHERE id = ANY (CAST(:ids AS text[])) AND NOT closed
    )
    SELECT digest, sending FROM digest_entry WHERE digest = ANY (CAST(:ids AS text[])) ORDER BY digest, number
    """
)
_OF_SENDINGS = text(
    """
    SELECT sending, (array_agg(digest ORDER BY number DESC))[1] AS digest FROM digest_entry
    WHERE sending = ANY (CAST(:sendings AS text[])) GROUP BY sending
    """
)
_FORGET = text(
    """
    DELETE FROM digest
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM digest WHERE close_time < :before ORDER BY close_time LIMIT :limit))
    """
)


def lock_open_digests(conn: Connection, digests: Collection[Digest]) -> set[str]:
    """Enter digests that are not there yet, and lock all of them; the ids of those that are not closed."""
    unique = list({each.id: each for each in digests}.values())
    values = {
        "ids": [each.id for each in unique],
        "users": [each.user for each in unique],
        "close_times": [each.close_time for each in unique],
    }
    return {row.id for row in conn.execute(_LOCK_OPEN, values) if not row.closed}


def add_entries(conn: Connection, entries: Sequence[tuple[str, str]]) -> None:
    """Add sendings to digests that are locked, by the id of each; one that is in it already stays so."""
    conn.execute(_ADD, {"sendings": [each[0] for each in entries], "digests": [each[1] for each in entries]})


def close_digests(conn: Connection, ids: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Close digests: the ids of the sendings that are in each, in the order in which they came. Closing again gives the
    same.
    """
    # Locked by a statement of its own: the next one sees what was added while this one waited.
    conn.execute(_LOCK, {"ids": list(ids)})
    entries: dict[str, list[str]] = {}
    for row in conn.execute(_CLOSE, {"ids": list(ids)}):
        entries.setdefault(row.digest, []).append(row.sending)
    return entries


def digests_of(conn: Connection, sendings: Collection[str]) -> Mapping[str, str]:
    """The ids of the digests that sendings were added to last, by the ids of those that were."""
    return {row.sending: row.digest for row in conn.execute(_OF_SENDINGS, {"sendings": list(sendings)})}


def forget_digests(conn: Connection, before: datetime, limit: int) -> None:
    """Delete digests that closed before that moment, with what they say was in them; so many at once."""
    conn.execute(_FORGET, {"before": before, "limit": limit})
