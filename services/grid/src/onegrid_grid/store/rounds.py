"""The statements over inspection rounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from onegrid_grid.inspection_round import Round
from onegrid_grid.tables import inspection_round
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = ["enter_rounds", "find_round", "lock_rounds", "rounds_of_device", "rounds_page", "update_rounds"]

_r: Final = inspection_round.c
_UPDATE: Final = update(inspection_round).where(_r.district == bindparam("of_district"), _r.id == bindparam("of_id"))


def enter_rounds(conn: Connection, new: Sequence[Round]) -> None:
    """Enter those of the rounds that are not there."""
    if new:
        conn.execute(insert(inspection_round).on_conflict_do_nothing(), list(map(_values, new)))


def find_round(conn: Connection, id_: str) -> Round | None:
    """The round of that id."""
    row = conn.execute(_with_ids([id_])).one_or_none()
    return None if row is None else _round(row)


def lock_rounds(conn: Connection, ids: Sequence[str]) -> dict[str, Round]:
    """The rounds of these ids, which nobody else changes until the transaction ends."""
    # In one order, so that two who lock several do not wait for one another.
    found = conn.execute(_with_ids(ids).order_by(_r.district, _r.id).with_for_update())
    return {row.id: _round(row) for row in found}


def update_rounds(conn: Connection, changed: Iterable[Round]) -> None:
    """Store what changed of rounds."""
    rows = [_values(each) | {"of_district": each.district, "of_id": each.id} for each in changed]
    if rows:
        conn.execute(_UPDATE, rows)


def rounds_page(
    conn: Connection,
    parent: str,
    period: tuple[datetime | None, datetime | None],
    after: Position,
    limit: int,
) -> list[Round]:
    """The rounds in the cells of a place, the one that began last first."""
    begin, end = period
    query = select(inspection_round).where(
        _r.district == codes.district_of(parent),
        _r.id.startswith(parent),
        behind(after, _r.begin_time, _r.id, descending=True),
    )
    if begin is not None:
        query = query.where(_r.begin_time >= begin)
    if end is not None:
        query = query.where(_r.begin_time < end)
    return [_round(row) for row in conn.execute(query.order_by(_r.begin_time.desc(), _r.id.desc()).limit(limit))]


def rounds_of_device(conn: Connection, device_key: str, since: datetime) -> list[str]:
    """The ids of rounds with entries of a device whose first entry arrived since then."""
    query = select(_r.id).where(_r.devices.contains([device_key]), _r.create_time >= since)
    return list(conn.execute(query).scalars())


def _with_ids(ids: Sequence[str]) -> Select[Any]:
    return select(inspection_round).where(_r.district.in_({codes.district_of(each) for each in ids}), _r.id.in_(ids))


def _values(of: Round) -> dict[str, Any]:
    return {name: getattr(of, name) for name in Round.__slots__} | {
        "district": of.district,
        "begin_time": of.begin_time,
        "marks": list(of.marks),
        "devices": list(of.devices),
    }


def _round(row: Any) -> Round:
    values = {name: getattr(row, name) for name in Round.__slots__}
    return Round(**values | {"marks": tuple(row.marks), "devices": tuple(row.devices)})
