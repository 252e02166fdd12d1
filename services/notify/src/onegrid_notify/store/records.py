"""The statements over departments' records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_notify.records import Record
from onegrid_notify.tables import record

__all__ = ["keep_records", "records_page"]

_RANKED = ("source_time", "deleted", "title", "text", "place", "uri")
"""Of two states of a record the one that is greater in these stays: the later one, and of two of one time always the
same one, in whatever order they come."""


def keep_records(conn: Connection, column_id: str, pushed: Sequence[Record]) -> int:
    """Store those of the records that are new, or later than what is there; how many they are."""
    statement = insert(record).values(
        [
            {"district": codes.district_of(column_id), "column_id": column_id, **asdict(each)}
            # In one order, so that two pushes that meet wait for one another instead of both.
            for each in sorted(pushed, key=lambda each: each.source_id)
        ]
    )
    new = statement.excluded
    later = statement.on_conflict_do_update(
        index_elements=[record.c.district, record.c.column_id, record.c.source_id],
        set_={name: new[name] for name in _RANKED},
        where=tuple_(*(record.c[name] for name in _RANKED)) < tuple_(*(new[name] for name in _RANKED)),
    )
    return len(conn.execute(later.returning(record.c.source_id)).all())


def records_page(conn: Connection, column_id: str, place: str, after: Position, limit: int) -> list[Record]:
    """The records of a column that exist, the last changed first; inside of one place, or all."""
    r = record
    order = (r.c.source_time, r.c.source_id)
    query = select(r).where(
        r.c.district == codes.district_of(column_id),
        r.c.column_id == column_id,
        ~r.c.deleted,
        behind(after, *order, descending=True),
    )
    if place:
        query = query.where(r.c.place >= place, r.c.place < place + "~")
    rows = conn.execute(query.order_by(*(each.desc() for each in order)).limit(limit))
    return [_record(row) for row in rows]


def _record(row: Any) -> Record:
    return Record(
        source_id=row.source_id,
        source_time=row.source_time,
        title=row.title,
        text=row.text,
        place=row.place,
        uri=row.uri,
        deleted=row.deleted,
    )
