"""Overrides: made, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid_duty.commands.rosters import require_grantable, require_staff
from onegrid_duty.commands.scheduling import reschedule
from onegrid_duty.errors import OverrideLimitReached
from onegrid_duty.roster import OVERRIDE, ROSTER, Override, Roster, require_rotations
from onegrid_duty.schedule import Rotation
from onegrid_duty.store import rosters
from onegrid_kit import ids
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound

__all__ = ["CreateOverride", "create", "delete", "require_locked", "require_room"]

_MOST: Final = 200
_LONGEST: Final = timedelta(days=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOverride:
    """What is to replace a part of the schedule."""

    roster: str
    """The roster's id."""
    begin: datetime
    end: datetime
    user: str
    rotations: tuple[Rotation, ...]
    reason: str


def create(conn: Connection, command: CreateOverride, call: Call) -> Override:
    """Have somebody else, or other rotations, for a while.

    Raises InvalidRequest, ScheduleInvalid, UserUnknown, NotFound, OverrideLimitReached or RoleNotGrantable.
    """
    _require_period(command.begin, command.end, call.now)
    require_rotations(ROSTER.name(command.roster), command.rotations, "schedule.rotations")
    covering = {command.user} if command.user else {user for each in command.rotations for user in each.users}
    require_staff(conn, sorted(covering), "user" if command.user else "schedule.rotations")
    roster = require_locked(conn, command.roster)
    if roster.role and not covering <= roster.people:
        require_grantable(call, roster.role, roster.scope)
    require_room(conn, roster, call.now)
    new = Override(
        id=f"{roster.id}-{ids.new_id()}",
        roster=roster.id,
        begin=command.begin,
        end=command.end,
        user=command.user,
        rotations=command.rotations,
        reason=command.reason,
        author=call.caller.user,
        create_time=call.now,
    )
    rosters.insert_override(conn, new)
    reschedule(conn, roster, call)
    return new


def delete(conn: Connection, override_id: str, call: Call) -> None:
    """Take an override back. Raises NotFound."""
    found = rosters.find_override(conn, override_id)
    if found is None:
        raise NotFound(OVERRIDE.name(override_id))
    roster = require_locked(conn, found.roster)
    if not rosters.delete_override(conn, override_id):
        raise NotFound(OVERRIDE.name(override_id))
    reschedule(conn, roster, call)


def require_locked(conn: Connection, roster_id: str) -> Roster:
    """The roster, which nobody else changes until the transaction ends. Raises NotFound."""
    found = rosters.find_roster(conn, roster_id, lock=True)
    if found is None:
        raise NotFound(ROSTER.name(roster_id))
    return found


def require_room(conn: Connection, roster: Roster, now: datetime) -> None:
    """Raise OverrideLimitReached if the roster can have no further one."""
    if rosters.count_overrides(conn, roster.id, now) >= _MOST:
        raise OverrideLimitReached(roster.name, _MOST)


def _require_period(begin: datetime, end: datetime, now: datetime) -> None:
    """Raise InvalidRequest unless it is a period that is not over."""
    if not begin < end <= begin + _LONGEST:
        raise InvalidRequest(FieldViolation("end_time", "lies behind the beginning, by 100 days at most"))
    if end <= now:
        raise InvalidRequest(FieldViolation("end_time", "lies in the past"))
