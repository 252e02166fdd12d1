"""What plans of emergency ask of duty: whoever is on duty is paged, and holds more while the plan lasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import PlanRosterPaged
from onegrid_duty import messages
from onegrid_duty.commands import pages
from onegrid_duty.elevation import Elevation
from onegrid_duty.errors import EscalationMissing
from onegrid_duty.escalation import Cause
from onegrid_duty.roster import ROSTER, Roster
from onegrid_duty.shifts import Changes, Shift
from onegrid_duty.store import elevations as store
from onegrid_duty.store import rosters, shifts
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound

__all__ = ["elevate", "end_elevation", "follow_changes", "page_for_plan"]

_MOST_SHIFTS = 10_000


def page_for_plan(conn: Connection, activation: str, roster: str, title: str, call: Call) -> None:
    """Page whoever is on duty, or say why nobody can be."""
    result = PlanRosterPaged(activation=activation, roster=roster)
    try:
        result.page = pages.page_on_duty(conn, ROSTER.id(roster), title, call, Cause(plan_activation=activation)).name
    except (NotFound, EscalationMissing) as error:
        result.reason = error.reason.name
    outbox.append(conn, call, [(activation, result)])


def elevate(conn: Connection, new: Elevation, call: Call) -> None:
    """Have whoever is on duty hold a role from now on."""
    # Nobody reschedules it meanwhile.
    rosters.find_roster(conn, new.roster, lock=True)
    if store.keep_elevation(conn, new):
        _announce(conn, new, _touched(conn, new), call)


def end_elevation(conn: Connection, elevation: Elevation, call: Call) -> None:
    """Have nobody hold it any more."""
    rosters.find_roster(conn, elevation.roster, lock=True)
    ended = replace(elevation, ended=True)
    if store.end_elevation(conn, ended):
        _announce(conn, ended, _touched(conn, ended), call)


def follow_changes(conn: Connection, roster: Roster, changes: Changes, call: Call) -> None:
    """Have a plan elevate who is on duty now that the schedule is another."""
    if not changes:
        return
    for elevation in store.open_elevations(conn, roster.id, call.now):
        moved = [after for before, after in changes.changed if elevation.covers(before) or elevation.covers(after)]
        there = [*moved, *filter(elevation.covers, changes.added)]
        _announce(conn, elevation, filter(elevation.covers, changes.cancelled), call, cancelled=True)
        _announce(conn, elevation, there, call)


def _touched(conn: Connection, elevation: Elevation) -> Sequence[Shift]:
    return shifts.fixed_shifts(conn, elevation.roster, elevation.begin, elevation.end, None, _MOST_SHIFTS)


def _announce(
    conn: Connection, elevation: Elevation, of: Iterable[Shift], call: Call, *, cancelled: bool = False
) -> None:
    events = [
        (shift.name, messages.shift_elevated(shift, elevation, adds=not cancelled and elevation.covers(shift)))
        for shift in of
    ]
    outbox.append(conn, call, events)
