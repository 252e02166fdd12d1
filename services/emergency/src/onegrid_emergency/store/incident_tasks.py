"""The statements over the tasks of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from onegrid_emergency.incident_task import Task
from onegrid_emergency.tables import incident_task
from onegrid_kit import codes

__all__ = ["find_task", "insert_task", "move_tasks", "tasks_of", "update_task"]


def insert_task(conn: Connection, new: Task) -> None:
    """Store a new task."""
    conn.execute(incident_task.insert().values(asdict(new)))


def update_task(conn: Connection, after: Task) -> None:
    """Store what a task is now."""
    key = (incident_task.c.district == after.district, incident_task.c.id == after.id)
    conn.execute(incident_task.update().where(*key).values(asdict(after)))


def move_tasks(conn: Connection, district: str, ids: Sequence[str], to: str) -> None:
    """Have these tasks belong to another incident."""
    of_ids = (incident_task.c.district == district, incident_task.c.id.in_(ids))
    conn.execute(incident_task.update().where(*of_ids).values(incident=to))


def find_task(conn: Connection, id_: str) -> Task | None:
    """The task of that id."""
    key = (incident_task.c.district == codes.district_of(id_), incident_task.c.id == id_)
    row = conn.execute(select(incident_task).where(*key)).one_or_none()
    return None if row is None else _task(row)


def tasks_of(conn: Connection, district: str, incidents: Sequence[str]) -> dict[str, list[Task]]:
    """The tasks of each of these incidents, the oldest first."""
    query = select(incident_task).where(incident_task.c.district == district, incident_task.c.incident.in_(incidents))
    tasks: dict[str, list[Task]] = {}
    for row in conn.execute(query.order_by(incident_task.c.create_time, incident_task.c.id)):
        tasks.setdefault(row.incident, []).append(_task(row))
    return tasks


def _task(row: Any) -> Task:
    return Task(**row._mapping)
