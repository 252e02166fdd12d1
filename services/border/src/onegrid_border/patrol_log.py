"""What the log of a patrol comes to: where it stands, who leads it, when its checkpoints are due, what is missing.

Pure functions of the set of entries and of the moment; the order in which entries arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid.border.v1.records_pb2 import PatrolRecord
from onegrid_border.evidence import ShownCodes, claims_of
from onegrid_border.patrol import Covered, Patrol, Point
from onegrid_border.route import Checkpoint, Course
from onegrid_kit.distance import distance_m
from onegrid_kit.field.judging import Judging
from onegrid_kit.field.model import Course as Way
from onegrid_kit.field.model import DeviceLog, JudgedEntry, Judgement, Logged, Waypoint

__all__ = ["Log", "Recorded", "judged", "next_change"]

_LONGEST_PAUSE: Final = timedelta(hours=2)
_NOTHING: Final = timedelta()
_JUST_AFTER: Final = timedelta(milliseconds=1)
"""A check-in at the last moment is in time."""
_MOVES: Final = frozenset({"start", "check_in", "pause", "resume", "finish"})


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry, and what was recorded by it."""

    entry: Logged
    record: PatrolRecord


@dataclass(frozen=True, slots=True)
class Log:
    """All that was recorded of a patrol, and what is known of the devices."""

    recorded: Sequence[Recorded]
    devices: Mapping[str, DeviceLog]
    codes: ShownCodes = field(default_factory=ShownCodes)
    """What the entries show."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What the entries say of the patrol itself, at a moment."""

    state: PatrolState
    leader: str
    start_time: datetime | None
    finish_time: datetime | None
    pause_until: datetime | None
    rests: tuple[tuple[datetime, datetime], ...]


def judged(patrol: Patrol, course: Course, log: Log, now: datetime) -> tuple[Patrol, Judgement]:
    """The patrol as its log has it at this moment, and the judgement that it comes from."""
    records = {each.entry.hash: each.record for each in log.recorded}
    entries = [each.entry for each in log.recorded]
    judging = Judging(entries, log.devices, now)
    made = judging.entries
    told = _told(patrol, made, records, now)
    due_times = _due_times(patrol, course, told)
    read = {hash_: each.check_in.code for hash_, each in records.items() if each.HasField("check_in")}
    judgement = judging.along(
        _way(patrol, course, told, due_times), claims_of(course.checkpoints, made, read, log.codes)
    )
    current = judgement.current
    after = replace(
        patrol,
        state=PatrolState.PATROL_STATE_CANCELLED if patrol.cancel_time else told.state,
        leader=told.leader,
        start_time=told.start_time,
        finish_time=told.finish_time,
        pause_until_time=told.pause_until,
        points=tuple(
            Point(
                id=checkpoint.id,
                display_name=checkpoint.display_name,
                location=checkpoint.location,
                tolerance_m=checkpoint.tolerance_m,
                due_time=due_time,
                late_time=due_time + checkpoint.tolerance,
                state=each.state,
                reach_time=each.entry.time if each.entry else None,
                entry_id=each.entry.entry.entry_id if each.entry else "",
                marks=each.entry.marks if each.entry else (),
                evidence=checkpoint.evidence,
            )
            for checkpoint, due_time, each in zip(course.checkpoints, due_times, judgement.waypoints, strict=True)
        ),
        covered=Covered(
            reached=judgement.coverage.reached,
            covered_m=round(judgement.coverage.covered_m),
            route_m=round(judgement.coverage.course_m),
            track_m=round(judgement.coverage.track_m),
            duration=judgement.coverage.duration,
        ),
        position=current.location if current else None,
        position_time=current.fix_time if current else None,
        entry_time=max((each.time for each in judgement.entries if each.counts), default=None),
        entries=len(judgement.entries),
        marks=tuple(sorted({mark for each in judgement.entries for mark in each.marks})),
        devices=tuple(sorted({each.device_key for each in entries})),
    )
    return after, judgement


def next_change(patrol: Patrol, now: datetime) -> datetime | None:
    """When time alone changes something next: a start or a check-in that is late by then, a pause that ends. Also of a
    patrol that has not started or is over: its checkpoints are not pending any more once their time is.
    """
    if patrol.state == PatrolState.PATROL_STATE_CANCELLED:
        return None
    moments = [point.late_time + _JUST_AFTER for point in patrol.points if point.reach_time is None]
    if patrol.state == PatrolState.PATROL_STATE_PLANNED:
        moments.append(patrol.start_late_time)
    if patrol.pause_until_time is not None:
        moments.append(patrol.pause_until_time)
    return min((moment for moment in moments if moment > now), default=None)


def _told(
    patrol: Patrol, entries: Sequence[JudgedEntry], records: Mapping[bytes, PatrolRecord], now: datetime
) -> _Told:
    state, leader = PatrolState.PATROL_STATE_PLANNED, patrol.planned_leader
    start_time: datetime | None = None
    finish_time: datetime | None = None
    pause: tuple[datetime, datetime] | None = None
    rests: list[tuple[datetime, datetime]] = []
    for each in entries:
        if not each.counts:
            continue
        record = records[each.entry.hash]
        kind = record.WhichOneof("record")
        if kind == "hand_over":
            leader = record.hand_over.leader
        if kind not in _MOVES:
            continue
        if pause is not None:
            rests.append((pause[0], min(each.time, pause[1])))
            pause = None
        # Whoever checks in has started, though the entry that says so may be lost.
        start_time = start_time or each.time
        finish_time = each.time if kind == "finish" else None
        state = PatrolState.PATROL_STATE_FINISHED if kind == "finish" else PatrolState.PATROL_STATE_UNDERWAY
        if kind == "pause":
            pause = each.time, _pause_end(each.time, record.pause.until_time.ToDatetime(UTC))
    if pause is not None:
        rests.append(pause)
        if now < pause[1]:
            state = PatrolState.PATROL_STATE_PAUSED
        else:
            pause = None
    return _Told(state, leader, start_time, finish_time, pause[1] if pause else None, tuple(rests))


def _pause_end(begin: datetime, until: datetime) -> datetime:
    return min(max(begin, until), begin + _LONGEST_PAUSE)


def _due_times(patrol: Patrol, course: Course, told: _Told) -> list[datetime]:
    """When the checkpoints are due: later by as long as the patrol started late, and as it rested before."""
    base = max(patrol.start_due_time, told.start_time or patrol.start_due_time)
    return [_after_rests(base + each.due, told.rests) for each in course.checkpoints]


def _way(patrol: Patrol, course: Course, told: _Told, due_times: Sequence[datetime]) -> Way:
    before = (None, *course.checkpoints)
    return Way(
        waypoints=tuple(
            Waypoint(
                point=each.id,
                location=each.location,
                tolerance_m=each.tolerance_m,
                due_time=due_time,
                tolerance=each.tolerance,
                least=_least(previous, each, course.max_speed_kmh),
            )
            for previous, each, due_time in zip(before, course.checkpoints, due_times, strict=False)
        ),
        begin_time=min(patrol.start_due_time, told.start_time or patrol.start_due_time),
        corridor_m=course.corridor_m,
    )


def _after_rests(due_time: datetime, rests: Sequence[tuple[datetime, datetime]]) -> datetime:
    for begin, end in rests:
        if begin < due_time:
            due_time += end - begin
    return due_time


def _least(before: Checkpoint | None, each: Checkpoint, max_speed_kmh: int) -> timedelta:
    if before is None or not max_speed_kmh:
        return _NOTHING
    return timedelta(seconds=distance_m(before.location, each.location) / (max_speed_kmh / 3.6))
