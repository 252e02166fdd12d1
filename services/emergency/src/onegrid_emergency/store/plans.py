"""The statements over plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid_emergency.plan import Checklist, Elevation, Notice, Plan, PlanTask
from onegrid_emergency.tables import plan
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = ["automatic_plans", "find_plan", "notice_of", "plans_page", "save_plan"]

_CONTENT: Final = ("tasks", "checklists", "elevations", "rosters", "notice")


def find_plan(conn: Connection, id_: str, *, lock: bool = False) -> Plan | None:
    """The plan of that id; locked, nobody else changes it until the transaction ends."""
    query = select(plan).where(plan.c.district == codes.district_of(id_), plan.c.id == id_)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _plan(row)


def save_plan(conn: Connection, new: Plan) -> bool:
    """Store a plan as it is now; whether it follows on what is stored: of a new one, nobody else has entered it."""
    values = _columns(new)
    statement = insert(plan).values(values)
    key = [plan.c.district, plan.c.id]
    saved = statement.on_conflict_do_update(index_elements=key, set_=values, where=plan.c.sequence == new.sequence - 1)
    return conn.execute(saved.returning(plan.c.id)).one_or_none() is not None


def automatic_plans(conn: Connection, district: str, kind: IncidentKind, level: IncidentLevel) -> list[Plan]:
    """The plans for that kind and level that are activated by themselves, by name."""
    p = plan.c
    these = p.district == district, p.kind == kind, p.level == level, p.automatic, p.retire_time.is_(None)
    return [_plan(row) for row in conn.execute(select(plan).where(*these).order_by(p.id))]


def plans_page(
    conn: Connection,
    district: str,
    kind: IncidentKind,
    level: IncidentLevel,
    after: Position,
    limit: int,
    *,
    retired: bool,
) -> Sequence[Plan]:
    """The plans of a district, by name; of one kind or level or of any, in use or also retired."""
    p = plan.c
    query = select(plan).where(p.district == district, behind(after, p.id))
    if kind:
        query = query.where(p.kind == kind)
    if level:
        query = query.where(p.level == level)
    if not retired:
        query = query.where(p.retire_time.is_(None))
    return [_plan(row) for row in conn.execute(query.order_by(p.id).limit(limit))]


def _columns(of: Plan) -> dict[str, Any]:
    values = asdict(of)
    content = {name: values.pop(name) for name in _CONTENT}
    elevate_at_most: timedelta = values.pop("elevate_at_most")
    return {"district": of.district, **values, "content": content, "elevate_at_most": elevate_at_most}


def _plan(row: Any) -> Plan:
    values = dict(row._mapping)
    content = values.pop("content")
    del values["district"]
    return Plan(
        **values,
        tasks=tuple(PlanTask(**each) for each in content["tasks"]),
        checklists=tuple(Checklist(each["title"], tuple(each["items"])) for each in content["checklists"]),
        elevations=tuple(Elevation(**each) for each in content["elevations"]),
        rosters=tuple(content["rosters"]),
        notice=notice_of(content["notice"]),
    )


def notice_of(stored: dict[str, Any] | None) -> Notice | None:
    """What people are told, as it is stored."""
    return stored and Notice(**{**stored, "places": tuple(stored["places"])})  # type: ignore[return-value]
