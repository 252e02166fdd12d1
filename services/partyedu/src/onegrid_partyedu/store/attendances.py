"""The statements over who was at meetings, and over wrong check-in codes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.meetings_pb2 import AttendanceState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.meeting import Attendance
from onegrid_partyedu.tables import attendance, check_in_guess

__all__ = [
    "attendances_of",
    "attendances_page",
    "count_guess",
    "find_attendance",
    "forget_guesses",
    "lock_guesses",
    "save_attendances",
]


def find_attendance(conn: Connection, meeting: str, member: str) -> Attendance | None:
    """What is recorded of a member at a meeting."""
    a = attendance.c
    query = select(attendance).where(a.district == codes.district_of(meeting), a.meeting == meeting, a.member == member)
    row = conn.execute(query).one_or_none()
    return None if row is None else _attendance(row)


def attendances_of(conn: Connection, meeting: str) -> list[Attendance]:
    """All that is recorded of a meeting."""
    a = attendance.c
    query = select(attendance).where(a.district == codes.district_of(meeting), a.meeting == meeting)
    return [_attendance(row) for row in conn.execute(query)]


def attendances_page(
    conn: Connection, meeting: str, state: AttendanceState, after: Position, limit: int
) -> list[Attendance]:
    """What is recorded of a meeting, by member."""
    a = attendance.c
    query = select(attendance).where(
        a.district == codes.district_of(meeting), a.meeting == meeting, behind(after, a.member)
    )
    if state:
        query = query.where(a.state == state)
    return [_attendance(row) for row in conn.execute(query.order_by(a.member).limit(limit))]


def save_attendances(conn: Connection, recorded: Collection[Attendance]) -> None:
    """Record these, instead of what was recorded of the same members."""
    if not recorded:
        return
    statement = insert(attendance)
    changed = ("state", "source", "guest", "reason", "record_time")
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=list(attendance.primary_key),
            set_={name: statement.excluded[name] for name in changed},
        ),
        [
            {
                "district": codes.district_of(each.meeting),
                "meeting": each.meeting,
                "member": each.member,
                "state": each.state,
                "source": each.source,
                "guest": each.guest,
                "reason": each.reason,
                "record_time": each.record_time,
            }
            for each in recorded
        ],
    )


def lock_guesses(conn: Connection, meeting: str, member: str, now: datetime) -> tuple[int, datetime]:
    """How many wrong codes a member gave at a meeting, and when the last one was; nobody else counts them until the
    transaction ends.
    """
    key = _guess_key(meeting, member)
    conn.execute(insert(check_in_guess).values(**key, count=0, last_time=now).on_conflict_do_nothing())
    g = check_in_guess.c
    query = select(g.count, g.last_time).where(*(g[name] == value for name, value in key.items())).with_for_update()
    count, last = conn.execute(query).one()
    return count, last


def count_guess(conn: Connection, meeting: str, member: str, count: int, now: datetime) -> None:
    """Store how many wrong codes a member gave."""
    g = check_in_guess.c
    where = (g[name] == value for name, value in _guess_key(meeting, member).items())
    conn.execute(check_in_guess.update().where(*where).values(count=count, last_time=now))


def forget_guesses(conn: Connection, meeting: str) -> None:
    """Forget the wrong codes of a meeting that is over."""
    g = check_in_guess.c
    conn.execute(delete(check_in_guess).where(g.district == codes.district_of(meeting), g.meeting == meeting))


def _guess_key(meeting: str, member: str) -> dict[str, str]:
    return {"district": codes.district_of(meeting), "meeting": meeting, "member": member}


def _attendance(row: Any) -> Attendance:
    return Attendance(
        meeting=row.meeting,
        member=row.member,
        state=row.state,
        source=row.source,
        guest=row.guest,
        reason=row.reason,
        record_time=row.record_time,
    )
