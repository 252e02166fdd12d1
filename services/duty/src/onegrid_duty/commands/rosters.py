"""Rosters: defined, retired."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from onegrid.duty.v1.resources_pb2 import RosterKind
from onegrid_duty import messages
from onegrid_duty.commands.scheduling import reschedule
from onegrid_duty.errors import RoleNotGrantable, UserUnknown
from onegrid_duty.roster import (
    ROSTER,
    Roster,
    Rung,
    require_escalation,
    require_rotations,
    require_zone,
)
from onegrid_duty.schedule import Rotation, Window
from onegrid_duty.store import people, rosters
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.etags import require_fresh

__all__ = ["DefineRoster", "define", "require_grantable", "require_staff", "retire"]

_GRANTING = "identity.grants.create"
"""The permission to grant roles, over the scope that they are held over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineRoster:
    """A roster as it is to be."""

    id: str
    kind: RosterKind
    display_name: str
    time_zone: str
    role: str
    rotations: tuple[Rotation, ...]
    coverage: Window | None
    supervisors: tuple[str, ...]
    escalation: tuple[Rung, ...]
    etag: str

    @property
    def name(self) -> str:
        """``rosters/{roster}``."""
        return ROSTER.name(self.id)

    @property
    def scope(self) -> str:
        """The code that the id begins with."""
        return codes.office_of(self.id)


def define(conn: Connection, command: DefineRoster, call: Call) -> Roster:
    """Enter a roster, or make it what it is to be.

    Raises StaleEtag, ScheduleInvalid, LastRungEmpty, UserUnknown or RoleNotGrantable.
    """
    require_zone(command.name, command.time_zone)
    require_rotations(command.name, command.rotations, "rotations")
    require_escalation(command.name, command.escalation, command.supervisors)
    if command.role:
        require_grantable(call, command.role, command.scope)
    turning = [user for rotation in command.rotations for user in rotation.users]
    require_staff(conn, turning, "rotations")
    require_staff(conn, command.supervisors, "supervisors")
    before = rosters.find_roster(conn, command.id, lock=True)
    require_fresh(command.name, "" if before is None else str(before.version), command.etag)
    after = Roster(
        id=command.id,
        scope=command.scope,
        kind=command.kind,
        display_name=command.display_name,
        time_zone=command.time_zone,
        role=command.role,
        rotations=command.rotations,
        coverage=command.coverage,
        supervisors=command.supervisors,
        escalation=command.escalation,
        definer=call.caller.user,
        scheduled_until=call.now,
        version=1 if before is None else before.version + 1,
        create_time=call.now if before is None else before.create_time,
        update_time=call.now,
    )
    # Whoever enters it at the same moment waits here, and schedules behind this one.
    rosters.save_roster(conn, after)
    return _announced(conn, reschedule(conn, after, call), call)


def retire(conn: Connection, roster_id: str, etag: str, call: Call) -> Roster:
    """End a roster. Raises NotFound or StaleEtag."""
    before = rosters.find_roster(conn, roster_id, lock=True)
    if before is None:
        raise NotFound(ROSTER.name(roster_id))
    require_fresh(before.name, str(before.version), etag)
    if before.retired:
        return before
    after = replace(before, retired=True, version=before.version + 1, update_time=call.now)
    return _announced(conn, reschedule(conn, after, call), call)


def require_staff(conn: Connection, users: Collection[str], field: str) -> None:
    """Raise UserUnknown for the first who is no active member of staff."""
    known = people.people_by_name(conn, users)
    for user in users:
        if not (user in known and known[user].staff and known[user].active):
            raise UserUnknown(user, field)


def require_grantable(call: Call, role: str, scope: str) -> None:
    """Raise RoleNotGrantable unless the caller may grant roles over the scope. What they may grant asks identity."""
    if not call.caller.may(_GRANTING, scope):
        raise RoleNotGrantable(role, scope)


def _announced(conn: Connection, roster: Roster, call: Call) -> Roster:
    outbox.append(conn, call, [(roster.name, messages.roster_defined(roster))])
    return roster
