"""The statements over incidents and their reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid_emergency.incident import OPEN_INCIDENTS, Command, Grading, Incident, Post, Report, Review
from onegrid_emergency.store.incident_tasks import tasks_of
from onegrid_emergency.tables import incident, report
from onegrid_kit import codes
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = [
    "find_incident",
    "has_source",
    "incidents_around",
    "incidents_page",
    "insert_incident",
    "insert_report",
    "lock_incident",
    "merge_what_was_merged",
    "move_reports",
    "update_incident",
]


def insert_incident(conn: Connection, new: Incident) -> None:
    """Store a new incident, without its reports and tasks."""
    conn.execute(incident.insert().values(_columns(new)))


def update_incident(conn: Connection, after: Incident) -> None:
    """Store what an incident is now, without its reports and tasks."""
    key = (incident.c.district == after.district, incident.c.id == after.id)
    conn.execute(incident.update().where(*key).values(_columns(after)))


def insert_report(conn: Connection, new: Report) -> None:
    """Store a new report."""
    conn.execute(report.insert().values(_flat(asdict(new))))


def has_source(conn: Connection, district: str, source_name: str) -> bool:
    """Whether there is a report of what has this name at another service."""
    of_source = (report.c.district == district, report.c.source_name == source_name, report.c.source_name != "")
    return conn.execute(select(report.c.id).where(*of_source)).first() is not None


def find_incident(conn: Connection, id_: str) -> Incident | None:
    """The incident of that id, with its reports and tasks."""
    row = conn.execute(_of_id(id_)).one_or_none()
    return None if row is None else _complete(conn, [row])[0]


def lock_incident(conn: Connection, id_: str) -> Incident | None:
    """The same, which nobody else can change until the transaction ends."""
    row = conn.execute(_of_id(id_).with_for_update()).one_or_none()
    return None if row is None else _complete(conn, [row])[0]


def incidents_page(
    conn: Connection, place: str, states: Sequence[IncidentState], after: Position, limit: int
) -> list[Incident]:
    """The incidents in a place, in any of the states or in all, the newest first; with
    their reports and tasks."""
    order = (incident.c.create_time, incident.c.id)
    query = select(incident).where(
        incident.c.district == codes.district_of(place), behind(after, *order, descending=True)
    )
    if not codes.is_district(place):
        query = query.where(incident.c.place >= place, incident.c.place < place + "~")
    if states:
        query = query.where(incident.c.state.in_(states))
    rows = conn.execute(query.order_by(*(each.desc() for each in order)).limit(limit)).all()
    return _complete(conn, rows)


def move_reports(conn: Connection, district: str, ids: Sequence[str], to: str, *, home: str | None = None) -> None:
    """Have these reports belong to another incident; with a `home`, for good."""
    values = {"incident": to} if home is None else {"incident": to, "home": home}
    conn.execute(report.update().where(report.c.district == district, report.c.id.in_(ids)).values(values))


def merge_what_was_merged(conn: Connection, merged: Incident, into: str) -> None:
    """Have what is part of a merged incident be part of the one that it is merged into."""
    conn.execute(
        incident.update()
        .where(incident.c.district == merged.district, incident.c.merged_into == merged.id)
        .values(merged_into=into)
    )


def incidents_around(conn: Connection, of: Incident, apart: timedelta, most: int) -> list[Incident]:
    """The other open incidents of the district that happened so much earlier or later at most, the nearest first."""
    query = (
        select(incident)
        .where(
            incident.c.district == of.district,
            incident.c.id != of.id,
            incident.c.occur_time.between(of.occur_time - apart, of.occur_time + apart),
            incident.c.state.in_(OPEN_INCIDENTS),
        )
        .order_by(func.abs(func.extract("epoch", incident.c.occur_time - of.occur_time)), incident.c.id)
        .limit(most)
    )
    return _complete(conn, conn.execute(query).all())


def _complete(conn: Connection, rows: Sequence[Any]) -> list[Incident]:
    """The incidents of these rows, in their order, with their reports and tasks."""
    incidents = [_incident(row) for row in rows]
    ids = [each.id for each in incidents]
    query = select(report).where(
        report.c.district.in_({each.district for each in incidents}), report.c.incident.in_(ids)
    )
    reports: dict[str, list[Report]] = {}
    for row in conn.execute(query.order_by(report.c.create_time, report.c.id)):
        reports.setdefault(row.incident, []).append(_report(row))
    tasks = tasks_of(conn, incidents[0].district, ids) if incidents else {}
    return [
        replace(each, reports=tuple(reports.get(each.id, ())), tasks=tuple(tasks.get(each.id, ())))
        for each in incidents
    ]


def _of_id(id_: str) -> Select[Any]:
    return select(incident).where(incident.c.district == codes.district_of(id_), incident.c.id == id_)


def _columns(of: Incident) -> dict[str, Any]:
    """The columns of an incident's row."""
    grading, command, review = of.grading, of.command, of.review
    values = asdict(of)
    del values["reports"], values["tasks"]
    return {
        **_flat(values),
        "level": of.level,
        "grading": grading and {**asdict(grading), "time": grading.time.isoformat()},
        "command": command and asdict(command),
        "review": review and {**asdict(review), "time": review.time.isoformat()},
    }


def _incident(row: Any) -> Incident:
    values = _nested(row)
    # A column of its own, for lists and figures; the grading has it, too.
    del values["level"]
    grading, command, review = values["grading"], values["command"], values["review"]
    if grading:
        values["grading"] = Grading(**{**grading, "time": datetime.fromisoformat(grading["time"])})
    if command:
        values["command"] = Command(command["commander"], tuple(Post(**post) for post in command["posts"]))
    if review:
        values["review"] = Review(**{**review, "time": datetime.fromisoformat(review["time"])})
    return Incident(**values)


def _report(row: Any) -> Report:
    return Report(**_nested(row))


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """The columns of a value whose location is two of them."""
    location = values.pop("location") or {"longitude": None, "latitude": None}
    return {**values, **location}


def _nested(row: Any) -> dict[str, Any]:
    values = dict(row._mapping)
    longitude, latitude = values.pop("longitude"), values.pop("latitude")
    return {**values, "location": None if longitude is None else Location(longitude, latitude)}
