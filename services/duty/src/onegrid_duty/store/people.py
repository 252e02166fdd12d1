"""The statements over staff, as identity announced it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from onegrid_duty.roster import Person
from onegrid_duty.tables import person
from onegrid_kit.projections import keep_newest

__all__ = ["keep_person", "people_by_name"]


def keep_person(conn: Connection, user: str, version: int, known: Person) -> bool:
    """Keep the newest that is known; whether this was it."""
    values = {"staff": known.staff, "active": known.active, "reachable": known.reachable}
    return keep_newest(conn, person, {"user": user}, version, values)


def people_by_name(conn: Connection, users: Collection[str]) -> dict[str, Person]:
    """Those that are known."""
    rows = conn.execute(select(person).where(person.c.user.in_(users)))
    return {row.user: Person(row.staff, row.active, row.reachable) for row in rows}
