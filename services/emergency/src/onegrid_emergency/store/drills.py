"""The statements over drills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from onegrid_emergency.drill import Drill, DrillTask
from onegrid_emergency.store.checklists import items_json, items_of
from onegrid_emergency.tables import drill
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = ["drills_page", "find_drill", "insert_drill", "lock_drill", "update_drill"]

_TIMES: Final = ("acknowledge_due_time", "due_time", "acknowledge_time", "complete_time")


def insert_drill(conn: Connection, new: Drill) -> None:
    """Store a new drill."""
    conn.execute(drill.insert().values(_columns(new)))


def update_drill(conn: Connection, after: Drill) -> None:
    """Store what a drill is now."""
    d = drill.c
    conn.execute(drill.update().where(d.district == after.district, d.id == after.id).values(_columns(after)))


def find_drill(conn: Connection, id_: str) -> Drill | None:
    """The drill of that id."""
    row = conn.execute(_of_id(id_)).one_or_none()
    return None if row is None else _drill(row)


def lock_drill(conn: Connection, id_: str) -> Drill | None:
    """The same, which nobody else changes until the transaction ends."""
    row = conn.execute(_of_id(id_).with_for_update()).one_or_none()
    return None if row is None else _drill(row)


def drills_page(conn: Connection, place: str, after: Position, limit: int) -> Sequence[Drill]:
    """The drills that were held in a place, the newest first."""
    d = drill.c
    order = (d.start_time, d.id)
    query = select(drill).where(d.district == codes.district_of(place), behind(after, *order, descending=True))
    if not codes.is_district(place):
        query = query.where(d.place >= place, d.place < place + "~")
    return [_drill(row) for row in conn.execute(query.order_by(*(each.desc() for each in order)).limit(limit))]


def _of_id(id_: str) -> Select[Any]:
    return select(drill).where(drill.c.district == codes.district_of(id_), drill.c.id == id_)


def _columns(of: Drill) -> dict[str, Any]:
    return {
        **asdict(of),
        "tasks": [_task_json(each) for each in of.tasks],
        "items": items_json(of.items),
        "warnings": list(of.warnings),
    }


def _drill(row: Any) -> Drill:
    values = dict(row._mapping)
    return Drill(
        **{
            **values,
            "tasks": tuple(_task(each) for each in values["tasks"]),
            "items": items_of(values["items"]),
            "warnings": tuple(values["warnings"]),
        }
    )


def _task_json(of: DrillTask) -> dict[str, Any]:
    values = asdict(of)
    return {**values, **{name: values[name] and values[name].isoformat() for name in _TIMES}}


def _task(stored: dict[str, Any]) -> DrillTask:
    times = {name: stored[name] and datetime.fromisoformat(stored[name]) for name in _TIMES}
    return DrillTask(**{**stored, **times})
