"""Which entries reach the waypoints of a course, how, and what it means that none does. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from onegrid.field.v1.field_pb2 import Mark, WaypointState
from onegrid_kit.distance import distance_m
from onegrid_kit.field.model import Course, Logged, Waypoint
from onegrid_kit.geometry import distances_to_line_m
from onegrid_kit.locations import Location

__all__ = ["Candidate", "claimed", "mark_strays", "reaching", "state_of"]

_MOST_ACCURACY_M: Final = 100.0
_MOST_STRAY_ACCURACY_M: Final = 2_000.0
_OTHERS: Final = frozenset({Mark.MARK_LOST_DEVICE, Mark.MARK_REVOKED_KEY})
_NOT_THERE: Final = _OTHERS | {Mark.MARK_FROM_FUTURE, Mark.MARK_STALE_FIX}
_NOTHING: Final = timedelta()


@dataclass(slots=True)
class Candidate:
    """An entry while it is judged."""

    entry: Logged
    time: datetime
    anchored: bool
    location: Location | None = None
    fix_time: datetime | None = None
    marks: set[Mark] = field(default_factory=set)

    @property
    def order(self) -> tuple[str, int, bytes]:
        """Puts entries of one moment into one order."""
        return self.entry.device_key, self.entry.counter, self.entry.hash

    def copy(self) -> Candidate:
        """One that is marked by itself."""
        return Candidate(self.entry, self.time, self.anchored, self.location, self.fix_time, set(self.marks))


def claimed(course: Course, candidates: Collection[Candidate]) -> list[list[Candidate]]:
    """For each waypoint the entries that claim it, in the order given, and marked if their positions do not show it."""
    found: list[list[Candidate]] = [[] for _ in course.waypoints]
    for each in candidates:
        index = _claimed_by(each, course.waypoints)
        if index is not None:
            _mark_place(each, course.waypoints[index])
            claim = each.entry.claim
            if claim is not None and claim.fault is not None:
                each.marks.add(claim.fault)
            found[index].append(each)
    return found


def mark_strays(course: Course, candidates: Collection[Candidate]) -> None:
    """Mark what was recorded outside of the course's corridor, as far as a fix can be trusted to say so."""
    if not course.corridor_m or not course.waypoints:
        return
    placed = [(each, each.location, each.entry.fix) for each in candidates if not each.marks & _NOT_THERE]
    there = [(each, location, fix.accuracy_m) for each, location, fix in placed if location is not None and fix]
    line = [waypoint.location for waypoint in course.waypoints]
    strays = distances_to_line_m([location for _, location, _ in there], line)
    for (each, _, accuracy_m), off_m in zip(there, strays, strict=True):
        if off_m > course.corridor_m + min(accuracy_m, _MOST_STRAY_ACCURACY_M):
            each.marks.add(Mark.MARK_OFF_CORRIDOR)


def reaching(course: Course, claims: Sequence[Collection[Candidate]]) -> list[Candidate | None]:
    """For each waypoint the entry that reaches it, marked for its time, order and pace; None if there is none."""
    found: list[Candidate | None] = []
    for waypoint, candidates in zip(course.waypoints, claims, strict=True):
        able = [each for each in candidates if _may_reach(each)]
        found.append(min(able, key=_preference(waypoint)) if able else None)
    timed = [
        None if each is None or Mark.MARK_FROM_FUTURE in each.marks else each for each in found
    ]  # fmt: skip
    for waypoint, each in zip(course.waypoints, timed, strict=True):
        if each is not None:
            _mark_time(each, waypoint)
    _mark_order(timed)
    _mark_pace(course, timed)
    return found


def state_of(
    course: Course,
    waypoint: Waypoint,
    reached: Candidate | None,
    now: datetime,
    is_complete: Callable[[datetime], bool],
) -> WaypointState:
    """How it stands with a waypoint. `is_complete`: whether all is known that was recorded until a moment."""
    if reached is not None:
        return WaypointState.WAYPOINT_STATE_REACHED
    over = course.end_time if waypoint.due_time is None else waypoint.due_time + waypoint.tolerance
    if over is None or now <= over:
        return WaypointState.WAYPOINT_STATE_PENDING
    return WaypointState.WAYPOINT_STATE_MISSED if is_complete(over) else WaypointState.WAYPOINT_STATE_OUTSTANDING


def _claimed_by(candidate: Candidate, waypoints: Sequence[Waypoint]) -> int | None:
    """The waypoint of the claimed point; of several the one that is due next to the entry's time."""
    claim = candidate.entry.claim
    if claim is None:
        return None
    indexes = [index for index, waypoint in enumerate(waypoints) if waypoint.point == claim.point]
    return min(indexes, key=lambda index: _off_due(candidate.time, waypoints[index]), default=None)


def _off_due(time: datetime, waypoint: Waypoint) -> timedelta:
    return _NOTHING if waypoint.due_time is None else abs(time - waypoint.due_time)


def _mark_place(candidate: Candidate, waypoint: Waypoint) -> None:
    claim, fix = candidate.entry.claim, candidate.entry.fix
    if candidate.location is None or fix is None or Mark.MARK_STALE_FIX in candidate.marks:
        if claim is not None and not claim.proven:
            candidate.marks.add(Mark.MARK_UNPLACED)
        return
    allowed = waypoint.tolerance_m + min(fix.accuracy_m, _MOST_ACCURACY_M)
    if distance_m(candidate.location, waypoint.location) > allowed:
        candidate.marks.add(Mark.MARK_OFF_POINT)


def _may_reach(candidate: Candidate) -> bool:
    claim = candidate.entry.claim
    if claim is None or claim.fault is not None or candidate.marks & _OTHERS:
        return False
    if claim.needs_place and Mark.MARK_UNPLACED in candidate.marks:
        return False
    return claim.proven or Mark.MARK_OFF_POINT not in candidate.marks


def _preference(waypoint: Waypoint) -> Callable[[Candidate], tuple[bool, timedelta, datetime]]:
    """The best first: with a time that counts, on time or nearest to it, the earliest."""

    def preference(each: Candidate) -> tuple[bool, timedelta, datetime]:
        off = max(_off_due(each.time, waypoint) - waypoint.tolerance, _NOTHING)
        return Mark.MARK_FROM_FUTURE in each.marks, off, each.time

    return preference


def _mark_time(candidate: Candidate, waypoint: Waypoint) -> None:
    if waypoint.due_time is not None:
        if candidate.time < waypoint.due_time - waypoint.tolerance:
            candidate.marks.add(Mark.MARK_EARLY)
        elif candidate.time > waypoint.due_time + waypoint.tolerance:
            candidate.marks.add(Mark.MARK_LATE)


def _mark_order(timed: Sequence[Candidate | None]) -> None:
    first_of_later: datetime | None = None
    for each in reversed(timed):
        if each is not None:
            if first_of_later is not None and first_of_later < each.time:
                each.marks.add(Mark.MARK_WRONG_ORDER)
            first_of_later = each.time if first_of_later is None else min(first_of_later, each.time)


def _mark_pace(course: Course, timed: Sequence[Candidate | None]) -> None:
    for (before, each), waypoint in zip(pairwise(timed), course.waypoints[1:], strict=True):
        if before is not None and each is not None and _NOTHING <= each.time - before.time < waypoint.least:
            each.marks.add(Mark.MARK_TOO_FAST)
