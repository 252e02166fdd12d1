"""Rosters, what replaces a part of their schedule, and what they must be like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from onegrid.duty.v1.resources_pb2 import LengthUnit, RosterKind, RungTarget, ShiftSource
from onegrid_duty.errors import LastRungEmpty, ScheduleInvalid
from onegrid_duty.schedule import Cover, Plan, Rotation, Temporary, Window
from onegrid_kit.errors import FieldViolation
from onegrid_kit.names import ResourceName

__all__ = [
    "HORIZON",
    "LONGEST_TURN",
    "OVERRIDE",
    "ROSTER",
    "SHIFT",
    "Override",
    "Person",
    "Roster",
    "Rung",
    "parse_date",
    "require_escalation",
    "require_rotations",
    "require_zone",
]

ROSTER: Final = ResourceName("rosters/{roster}")
SHIFT: Final = ResourceName("shifts/{shift}")
OVERRIDE: Final = ResourceName("overrides/{override}")
HORIZON: Final = timedelta(weeks=8)
"""How far ahead shifts are fixed."""
LONGEST_TURN: Final = timedelta(weeks=8, days=1)
_LONGEST: Final = {
    LengthUnit.LENGTH_UNIT_HOUR: 168,
    LengthUnit.LENGTH_UNIT_DAY: 31,
    LengthUnit.LENGTH_UNIT_WEEK: 8,
}
_YEARS: Final = range(2000, 2101)


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of somebody who may be on duty."""

    staff: bool
    active: bool
    reachable: bool
    """Whether the account has a telephone number."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of paging."""

    target: RungTarget
    wait: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody else for a while, or a temporary schedule."""

    id: str
    roster: str
    """The roster's id."""
    begin: datetime
    end: datetime
    user: str = ""
    """``users/{user}``; empty for a temporary schedule."""
    rotations: tuple[Rotation, ...] = ()
    reason: str
    author: str
    """``users/{user}`` who made it."""
    swap: str = ""
    """The id of the swap that it came from."""
    create_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who is on duty for a place or department."""

    id: str
    scope: str
    kind: RosterKind
    display_name: str
    time_zone: str
    role: str = ""
    """``roles/{role}`` that a shift grants."""
    rotations: tuple[Rotation, ...] = ()
    coverage: Window | None = None
    supervisors: tuple[str, ...] = ()
    escalation: tuple[Rung, ...] = ()
    retired: bool = False
    definer: str
    """``users/{user}`` who defined it last."""
    scheduled_until: datetime
    version: int = 1
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``rosters/{roster}``."""
        return ROSTER.name(self.id)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its wall times."""
        return ZoneInfo(self.time_zone)

    @property
    def people(self) -> frozenset[str]:
        """Who takes turns in it."""
        return frozenset(user for rotation in self.rotations for user in rotation.users)

    def plan(self, overrides: Sequence[Override]) -> Plan:
        """What its schedule is computed from, with these overrides, the oldest first."""
        if self.retired:
            return Plan(zone=self.zone)
        return Plan(
            zone=self.zone,
            rotations=self.rotations,
            temporaries=tuple(
                Temporary(begin=each.begin, end=each.end, rotations=each.rotations, author=each.author)
                for each in overrides
                if each.rotations
            ),
            covers=tuple(_cover(each) for each in overrides if each.user),
        )

    def guarantor(self, user: str, author: str) -> str:
        """Whose authority bounds what the person's shift grants: of people of the roster its definer, whoever has them
        stand in; of others whoever put them there.
        """
        return author if author and user not in self.people else self.definer


def _cover(override: Override) -> Cover:
    source = ShiftSource.SHIFT_SOURCE_SWAP if override.swap else ShiftSource.SHIFT_SOURCE_OVERRIDE
    return Cover(begin=override.begin, end=override.end, user=override.user, source=source, author=override.author)


def parse_date(text: str) -> date | None:
    """The date that is meant; None if there is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def require_zone(roster: str, time_zone: str) -> None:
    """Raise ScheduleInvalid unless it is a zone of the IANA."""
    if time_zone not in available_timezones():
        raise ScheduleInvalid(roster, FieldViolation("time_zone", "is no time zone of the IANA"))


def require_rotations(roster: str, rotations: Sequence[Rotation], field: str) -> None:
    """Raise ScheduleInvalid for turns that are too long, or for an end that does not lie behind the first turn."""
    faults = [fault for number, each in enumerate(rotations) for fault in _faults(each, f"{field}[{number}]")]
    if faults:
        raise ScheduleInvalid(roster, *faults)


def require_escalation(roster: str, escalation: Sequence[Rung], supervisors: Sequence[str]) -> None:
    """Raise LastRungEmpty unless the last rung always finds somebody."""
    if escalation and not (escalation[-1].target == RungTarget.RUNG_TARGET_SUPERVISORS and supervisors):
        raise LastRungEmpty(roster)


def _faults(rotation: Rotation, path: str) -> Iterator[FieldViolation]:
    longest = _LONGEST[rotation.unit]
    if rotation.length > longest:
        yield FieldViolation(f"{path}.length", f"is more than {longest}")
    if rotation.end_date is not None and rotation.end_date <= rotation.first_date:
        yield FieldViolation(f"{path}.end_date", "does not lie behind the first turn")
    if rotation.window is not None and rotation.window.begin == rotation.window.end:
        yield FieldViolation(f"{path}.window", "begins when it ends; leave it out for all day")
