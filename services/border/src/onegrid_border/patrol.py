"""Patrols (巡逻), as the rules see them: frozen, and changed only into others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid.border.v1.resources_pb2 import Evidence
from onegrid.field.v1.field_pb2 import Mark, WaypointState
from onegrid_kit import codes
from onegrid_kit.lifecycle import short_name
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName

__all__ = ["GRACE", "PATROL", "Counts", "Covered", "Patrol", "Point"]

PATROL: Final = ResourceName("patrols/{patrol}")
GRACE: Final = timedelta(minutes=15)
"""How long after its planned start a patrol is not started, if nothing else is asked for."""
_EARLY: Final = Mark.MARK_EARLY
_LATE: Final = Mark.MARK_LATE
_OFF_TIME: Final = frozenset({_EARLY, _LATE, Mark.MARK_FROM_FUTURE})
"""Of an entry from the future it is not known when it was made: it is marked neither early nor late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """How it stands with a checkpoint."""

    id: str
    display_name: str
    location: Location
    tolerance_m: int
    due_time: datetime
    late_time: datetime
    """Until when a check-in is in time."""
    state: WaypointState = WaypointState.WAYPOINT_STATE_PENDING
    reach_time: datetime | None = None
    entry_id: str = ""
    """Of the entry that reached it."""
    marks: tuple[Mark, ...] = ()
    """Of that entry."""
    evidence: Evidence = Evidence.EVIDENCE_UNSPECIFIED
    """What a check-in must show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """How much of a route was covered."""

    reached: int = 0
    covered_m: int = 0
    """The length of the legs of which both ends were reached."""
    route_m: int = 0
    track_m: int = 0
    """The length of the way from fix to fix."""
    duration: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of a patrol's checkpoints are alike; what a month comes to is added up of these."""

    reached: int
    in_time: int
    """Of those reached; some of them may be neither in time, early nor late: nobody knows when they were reached."""
    early: int
    late: int
    missed: int
    outstanding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """One round of a unit on a route."""

    id: str
    version: int = 1
    unit: str
    """The unit's id."""
    route: str
    """The route's id."""
    route_revision: int
    planned_leader: str
    """``users/{user}``."""
    lone: bool = False
    shift: str = ""
    """``shifts/{shift}`` that it was planned for."""
    start_due_time: datetime
    grace: timedelta = GRACE
    cancel_reason: str = ""
    cancel_time: datetime | None = None
    create_time: datetime
    update_time: datetime
    # What its log comes to.
    state: PatrolState = PatrolState.PATROL_STATE_PLANNED
    leader: str = ""
    """``users/{user}`` who leads it now."""
    start_time: datetime | None = None
    finish_time: datetime | None = None
    pause_until_time: datetime | None = None
    points: tuple[Point, ...] = ()
    covered: Covered = Covered()
    position: Location | None = None
    position_time: datetime | None = None
    entry_time: datetime | None = None
    """Of the newest entry."""
    entries: int = 0
    marks: tuple[Mark, ...] = ()
    devices: tuple[str, ...] = ()
    """``deviceKeys/{device_key}`` of those that made its entries."""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def office(self) -> str:
        """The code of the place or department that answers for its unit."""
        return codes.office_of(self.unit)

    @property
    def name(self) -> str:
        """``patrols/{patrol}``."""
        return PATROL.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def state_name(self) -> str:
        """The state in short: ``UNDERWAY``."""
        return short_name(PatrolState, self.state)

    @property
    def out(self) -> bool:
        """Whether it has started and is not over."""
        return self.state in (PatrolState.PATROL_STATE_UNDERWAY, PatrolState.PATROL_STATE_PAUSED)

    @property
    def outstanding(self) -> bool:
        """Whether it is not known of a checkpoint whether it was reached."""
        return any(point.state == WaypointState.WAYPOINT_STATE_OUTSTANDING for point in self.points)

    @property
    def counts(self) -> Counts:
        """How many of its checkpoints are alike."""
        states = Counter(point.state for point in self.points)
        reached = [
            frozenset(point.marks) for point in self.points if point.state == WaypointState.WAYPOINT_STATE_REACHED
        ]
        return Counts(
            reached=len(reached),
            in_time=sum(_OFF_TIME.isdisjoint(marks) for marks in reached),
            early=sum(_EARLY in marks for marks in reached),
            late=sum(_LATE in marks for marks in reached),
            missed=states[WaypointState.WAYPOINT_STATE_MISSED],
            outstanding=states[WaypointState.WAYPOINT_STATE_OUTSTANDING],
        )

    def is_placed_since(self, moment: datetime | None) -> bool:
        """Whether a position of the unit is known that is newer than one of that moment; None: whether one is known."""
        if self.position is None or self.position_time is None:
            return False
        return moment is None or self.position_time > moment

    @property
    def start_late_time(self) -> datetime:
        """Until when it must have started."""
        return self.start_due_time + self.grace
