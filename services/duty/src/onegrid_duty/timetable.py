"""The shifts and gaps of a roster in any period: what is fixed, and behind that what the roster would have."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid_duty.gaps import Gap, gaps
from onegrid_duty.roster import HORIZON, ROSTER, Roster
from onegrid_duty.shifts import Shift, computed
from onegrid_duty.store import people, rosters, shifts
from onegrid_kit.errors import NotFound

__all__ = ["gaps_of", "on_duty_of", "require_roster", "shifts_of"]

_MOST_SHIFTS: Final = 100_000
"""More than a roster has in any period that can be asked for."""


def require_roster(conn: Connection, roster_id: str) -> Roster:
    """The roster. Raises NotFound."""
    found = rosters.find_roster(conn, roster_id)
    if found is None:
        raise NotFound(ROSTER.name(roster_id))
    return found


def shifts_of(
    conn: Connection,
    roster: Roster,
    begin: datetime,
    end: datetime,
    after: datetime | None = None,
    limit: int = _MOST_SHIFTS,
) -> list[Shift]:
    """The shifts of a roster that touch the period, in order; those that begin later than `after`."""
    found = shifts.fixed_shifts(conn, roster.id, begin, end, after, limit)
    if len(found) < limit and end > roster.scheduled_until:
        found += _later(conn, roster, begin, end, found[-1].begin if found else after)
    return found[:limit]


def on_duty_of(conn: Connection, roster: Roster, moment: datetime) -> tuple[Shift | None, Shift | None]:
    """The shift of the moment, and the next one."""
    found = shifts_of(conn, roster, moment, moment + HORIZON, limit=2)
    now = found[0] if found and found[0].begin <= moment else None
    coming = found[1:] if now is not None else found
    return now, coming[0] if coming else None


def gaps_of(conn: Connection, roster: Roster, begin: datetime, end: datetime) -> list[Gap]:
    """The gaps of a roster in the period, in order."""
    found = shifts_of(conn, roster, begin, end)
    known = people.people_by_name(conn, {shift.user for shift in found})
    return gaps(roster, found, known, begin, end)


def _later(conn: Connection, roster: Roster, begin: datetime, end: datetime, after: datetime | None) -> list[Shift]:
    """Those that begin behind what is fixed."""
    overrides = rosters.overrides_of(conn, roster.id, roster.scheduled_until)
    turns = roster.plan(overrides).turns(max(begin, roster.scheduled_until), end)
    return [
        computed(roster, turn)
        for turn in turns
        if turn.begin >= roster.scheduled_until and (after is None or turn.begin > after)
    ]
