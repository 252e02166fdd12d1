"""The statements over suppressions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import Connection, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid.notify.v1.delivery_pb2 import Channel, SuppressionReason
from onegrid_kit.paging import Position
from onegrid_notify.suppression import Suppression
from onegrid_notify.tables import suppression

__all__ = [
    "delete_suppression",
    "find_suppression",
    "insert_suppressions",
    "suppressed",
    "suppressions_page",
]


def suppressed(conn: Connection, addresses: Collection[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    """To which of these addresses nothing is sent: each is a district and a blind index."""
    s = suppression.c
    query = select(s.district, s.value_index).where(tuple_(s.district, s.value_index).in_(addresses))
    return {(row.district, bytes(row.value_index)) for row in conn.execute(query)} if addresses else set()


def find_suppression(conn: Connection, district: str, value_index: bytes) -> Suppression | None:
    """The suppression of an address."""
    s = suppression.c
    row = conn.execute(select(suppression).where(s.district == district, s.value_index == value_index)).one_or_none()
    return None if row is None else _suppression(row)


def insert_suppressions(conn: Connection, new: Collection[Suppression]) -> None:
    """Enter suppressions; of an address that is suppressed already, the one that there is stays."""
    if new:
        conn.execute(insert(suppression).on_conflict_do_nothing(), [_values(each) for each in new])


def delete_suppression(conn: Connection, district: str, value_index: bytes) -> Suppression | None:
    """Delete the suppression of an address; what it was, if there was one."""
    s = suppression.c
    done = suppression.delete().where(s.district == district, s.value_index == value_index).returning(suppression)
    row = conn.execute(done).one_or_none()
    return None if row is None else _suppression(row)


def suppressions_page(
    conn: Connection, district: str, value_index: bytes | None, after: Position, limit: int
) -> list[Suppression]:
    """The suppressions of a district, the newest first; or only that of one address. A position is a time and the index
    in hex.
    """
    s = suppression.c
    query = select(suppression).where(s.district == district)
    if value_index is not None:
        query = query.where(s.value_index == value_index)
    if after:
        last = tuple_(literal(after[0], s.create_time.type), literal(bytes.fromhex(str(after[1])), s.value_index.type))
        query = query.where(tuple_(s.create_time, s.value_index) < last)
    ordered = query.order_by(s.create_time.desc(), s.value_index.desc()).limit(limit)
    return [_suppression(row) for row in conn.execute(ordered)]


def _values(of: Suppression) -> dict[str, Any]:
    return {
        "district": of.district,
        "value_index": of.value_index,
        "channel": int(of.channel),
        "reason": int(of.reason),
        "note": of.note,
        "create_time": of.create_time,
    }


def _suppression(row: Any) -> Suppression:
    return Suppression(
        district=row.district,
        value_index=bytes(row.value_index),
        channel=cast(Channel, row.channel),
        reason=cast(SuppressionReason, row.reason),
        note=row.note,
        create_time=row.create_time,
    )
