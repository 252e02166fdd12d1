"""Fixing the shifts that a roster's schedule has from now on, and announcing what changes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import ShiftCancelled, ShiftChanged
from onegrid_duty import messages
from onegrid_duty.commands import plans
from onegrid_duty.commands.watching import detect_gaps, remind
from onegrid_duty.roster import HORIZON, Roster
from onegrid_duty.shifts import Changes, Shift, rescheduled
from onegrid_duty.store import rosters, shifts
from onegrid_kit import ids, outbox
from onegrid_kit.callers import ANONYMOUS, Call

__all__ = ["extend_rosters", "reschedule"]

_EVERY: Final = timedelta(days=1)
_AT_ONCE: Final = 50


def reschedule(conn: Connection, roster: Roster, call: Call) -> Roster:
    """Fix the shifts of the next weeks as the schedule has them; the roster, which must be locked, as it is now."""
    until = call.now + HORIZON
    overrides = rosters.overrides_of(conn, roster.id, call.now)
    turns = roster.plan(overrides).turns(call.now, until)
    fixed = shifts.unended_shifts(conn, roster.id, call.now)
    changes = rescheduled(roster, fixed, turns, call.now, lambda: f"{roster.id}-{ids.new_id()}")
    shifts.store_changes(conn, roster.id, changes, call.now)
    outbox.append(conn, call, _events(changes, roster))
    plans.follow_changes(conn, roster, changes, call)
    after = replace(roster, scheduled_until=until)
    rosters.save_roster(conn, after)
    remind(conn, call.now, roster.id)
    detect_gaps(conn, after, call)
    return after


def extend_rosters(conn: Connection, now: datetime) -> None:
    """Fix the shifts that have come within reach since they were fixed last, a day ago or longer."""
    call = Call(caller=ANONYMOUS, now=now, method="extend rosters")
    for roster in rosters.rosters_to_extend(conn, now + HORIZON - _EVERY, _AT_ONCE):
        reschedule(conn, roster, call)


def _events(changes: Changes, roster: Roster) -> list[tuple[str, Message]]:
    return [
        *((each.name, _cancelled(each)) for each in changes.cancelled),
        *((after.name, _changed(before, after, roster.scope)) for before, after in changes.changed),
        *((each.name, messages.shift_scheduled(each, roster.scope)) for each in changes.added),
    ]


def _changed(before: Shift, after: Shift, scope: str) -> ShiftChanged:
    return ShiftChanged(
        shift=messages.shift(after),
        authority=messages.authority(after, scope),
        former_user=before.user if before.user != after.user else "",
    )


def _cancelled(shift: Shift) -> ShiftCancelled:
    return ShiftCancelled(shift=messages.shift(shift))
