"""The statements over plans that are or were in effect for an incident."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, select

from onegrid_emergency.plan import Activation, ActiveElevation, Elevation, PagedRoster
from onegrid_emergency.store.checklists import items_json, items_of
from onegrid_emergency.store.plans import notice_of
from onegrid_emergency.tables import plan_activation
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = [
    "activations_in_effect",
    "activations_page",
    "find_activation",
    "insert_activation",
    "lock_activation",
    "open_activations",
    "plans_activated",
    "update_activation",
]


def insert_activation(conn: Connection, new: Activation) -> None:
    """Store that a plan is in effect."""
    conn.execute(plan_activation.insert().values(_columns(new)))


def update_activation(conn: Connection, after: Activation) -> None:
    """Store what an activation is now."""
    a = plan_activation.c
    conn.execute(plan_activation.update().where(a.district == after.district, a.id == after.id).values(_columns(after)))


def find_activation(conn: Connection, id_: str) -> Activation | None:
    """The activation of that id."""
    row = conn.execute(_of_id(id_)).one_or_none()
    return None if row is None else _activation(row)


def lock_activation(conn: Connection, id_: str) -> Activation | None:
    """The same, which nobody else changes until the transaction ends."""
    row = conn.execute(_of_id(id_).with_for_update()).one_or_none()
    return None if row is None else _activation(row)


def open_activations(conn: Connection, incident_id: str) -> list[Activation]:
    """The plans that are in effect for an incident, the oldest first, locked."""
    a = plan_activation.c
    query = _of_incident(incident_id).where(a.end_time.is_(None)).order_by(a.activate_time, a.id)
    return [_activation(row) for row in conn.execute(query.with_for_update())]


def activations_in_effect(conn: Connection) -> list[Activation]:
    """All plans that are in effect."""
    query = select(plan_activation).where(plan_activation.c.end_time.is_(None))
    return [_activation(row) for row in conn.execute(query)]


def plans_activated(conn: Connection, incident_id: str) -> frozenset[str]:
    """The ids of the plans that are or were in effect for an incident."""
    return frozenset(each.plan for each in conn.execute(_of_incident(incident_id)))


def activations_page(conn: Connection, incident_id: str, after: Position, limit: int) -> list[Activation]:
    """The plans that are or were in effect for an incident, the oldest first."""
    a = plan_activation.c
    query = _of_incident(incident_id).where(behind(after, a.activate_time, a.id))
    return [_activation(row) for row in conn.execute(query.order_by(a.activate_time, a.id).limit(limit))]


def _of_id(id_: str) -> Select[Any]:
    a = plan_activation.c
    return select(plan_activation).where(a.district == codes.district_of(id_), a.id == id_)


def _of_incident(incident_id: str) -> Select[Any]:
    a = plan_activation.c
    return select(plan_activation).where(a.district == codes.district_of(incident_id), a.incident == incident_id)


def _columns(of: Activation) -> dict[str, Any]:
    return {**asdict(of), "tasks": list(of.tasks), "items": items_json(of.items)}


def _activation(row: Any) -> Activation:
    values = dict(row._mapping)
    return Activation(
        **{
            **values,
            "tasks": tuple(values["tasks"]),
            "items": items_of(values["items"]),
            "elevations": tuple(
                ActiveElevation(**{**each, "elevation": Elevation(**each["elevation"])})
                for each in values["elevations"]
            ),
            "rosters": tuple(PagedRoster(**each) for each in values["rosters"]),
            "notice": notice_of(values["notice"]),
        }
    )
