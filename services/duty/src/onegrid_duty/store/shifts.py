"""The statements over shifts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Select, and_, select, true
from sqlalchemy.dialects.postgresql import insert

from onegrid.duty.v1.resources_pb2 import RoleState, ShiftSource
from onegrid_duty.shifts import Changes, Shift
from onegrid_duty.tables import roster, shift
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = ["all_shifts", "find_shift", "fixed_shifts", "remind", "set_role_state", "store_changes", "unended_shifts"]


def unended_shifts(conn: Connection, roster_id: str, now: datetime) -> list[Shift]:
    """The shifts of a roster that have not ended, in order."""
    query = _of(roster_id).where(shift.c.end_time > now)
    return [_shift(row) for row in conn.execute(query.order_by(shift.c.begin_time))]


def fixed_shifts(
    conn: Connection, roster_id: str, begin: datetime, end: datetime, after: datetime | None, limit: int
) -> list[Shift]:
    """The shifts of a roster that touch the period, in order; those that begin later than `after`."""
    s = shift.c
    query = _of(roster_id).where(s.end_time > begin, s.begin_time < end)
    if after is not None:
        query = query.where(s.begin_time > after)
    return [_shift(row) for row in conn.execute(query.order_by(s.begin_time).limit(limit))]


def all_shifts(conn: Connection, now: datetime, after: Position, limit: int) -> list[tuple[Shift, str]]:
    """The shifts of all rosters that have not ended, each with the scope of its roster."""
    s, r = shift.c, roster.c
    query = (
        select(shift, r.scope)
        .join(roster, and_(r.district == s.district, r.id == s.roster))
        .where(s.end_time > now, behind(after, s.district, s.id))
    )
    return [(_shift(row), row.scope) for row in conn.execute(query.order_by(s.district, s.id).limit(limit))]


def find_shift(conn: Connection, id_: str) -> Shift | None:
    """The shift of that id."""
    query = select(shift).where(shift.c.district == codes.district_of(id_), shift.c.id == id_)
    row = conn.execute(query).one_or_none()
    return None if row is None else _shift(row)


def remind(conn: Connection, now: datetime, until: datetime, most: int, roster_id: str = "") -> list[tuple[Shift, str]]:
    """Note that the people of the shifts, of one roster or of all, that begin by then are reminded; those shifts, each
    with what its roster is called.
    """
    s, r = shift.c, roster.c
    of_roster = s.roster == roster_id if roster_id else true()
    due = (
        select(s.district, s.id)
        .where(~s.reminded, s.begin_time > now, s.begin_time <= until, of_roster)
        .order_by(s.begin_time)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    reminded = (
        shift.update()
        .where(s.district == due.c.district, s.id == due.c.id, r.district == s.district, r.id == s.roster)
        .values(reminded=True)
        .returning(shift, r.display_name)
    )
    return [(_shift(row), row.display_name) for row in conn.execute(reminded)]


def set_role_state(conn: Connection, id_: str, revision: int, state: RoleState) -> str:
    """What became of the role of a shift; whose it is, or an empty text if the shift is not what was looked at."""
    s = shift.c
    these = s.district == codes.district_of(id_), s.id == id_, s.revision == revision
    done = shift.update().where(*these).values(role_state=int(state)).returning(s.user)
    return conn.execute(done).scalar_one_or_none() or ""


def store_changes(conn: Connection, roster_id: str, changes: Changes, now: datetime) -> None:
    """Fix shifts as a new schedule has them. Raises IntegrityError if two of a roster would overlap."""
    gone = [each.id for each in changes.cancelled] + [before.id for before, _ in changes.changed]
    if gone:
        s = shift.c
        conn.execute(shift.delete().where(s.district == codes.district_of(roster_id), s.id.in_(gone)))
    there = [*(after for _, after in changes.changed), *changes.added]
    if there:
        conn.execute(insert(shift), [{**_values(each), "update_time": now} for each in there])


def _of(roster_id: str) -> Select[Any]:
    return select(shift).where(shift.c.district == codes.district_of(roster_id), shift.c.roster == roster_id)


def _values(of: Shift) -> dict[str, object]:
    return {
        "district": codes.district_of(of.id),
        "id": of.id,
        "roster": of.roster,
        "begin_time": of.begin,
        "end_time": of.end,
        "user": of.user,
        "source": int(of.source),
        "role": of.role,
        "guarantor": of.guarantor,
        "revision": of.revision,
        "role_state": int(of.role_state),
        "reminded": of.reminded,
    }


def _shift(row: Any) -> Shift:
    return Shift(
        id=row.id,
        roster=row.roster,
        begin=row.begin_time,
        end=row.end_time,
        user=row.user,
        source=cast(ShiftSource, row.source),
        role=row.role,
        guarantor=row.guarantor,
        revision=row.revision,
        role_state=cast(RoleState, row.role_state),
        reminded=row.reminded,
    )
