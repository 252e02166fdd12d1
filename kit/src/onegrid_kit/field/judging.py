"""What a log comes to: times, marks, the current position, waypoints, coverage. A pure function of a set of entries.

The order in which entries arrive, how often, and in which batches, does not matter: what is judged is put into one
order first, and nothing is taken from when it came. The figures stand in the contract, at Mark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Final

from onegrid.field.v1.field_pb2 import Mark
from onegrid_kit.distance import distance_m
from onegrid_kit.field import courses
from onegrid_kit.field.clocks import LATER_THAN_KNOWN, Clocks
from onegrid_kit.field.courses import Candidate
from onegrid_kit.field.datums import to_wgs84
from onegrid_kit.field.model import (
    Claim,
    Course,
    Coverage,
    DeviceLog,
    JudgedEntry,
    JudgedWaypoint,
    Judgement,
    Logged,
)

__all__ = ["Judging", "judge"]

# An attribute of an enum of a message is looked up by code in Python: for each entry that is some dozen times.
_CHAIN_BROKEN: Final = Mark.MARK_CHAIN_BROKEN
_CLOCK_CHANGED: Final = Mark.MARK_CLOCK_CHANGED
_CLOCK_SKEW: Final = Mark.MARK_CLOCK_SKEW
_CONFLICTED: Final = Mark.MARK_CONFLICTED
_DATUM_UNKNOWN: Final = Mark.MARK_DATUM_UNKNOWN
_FROM_FUTURE: Final = Mark.MARK_FROM_FUTURE
_IMPOSSIBLE_SPEED: Final = Mark.MARK_IMPOSSIBLE_SPEED
_LOST_DEVICE: Final = Mark.MARK_LOST_DEVICE
_MANY_PLACES: Final = Mark.MARK_MANY_PLACES
_REVOKED_KEY: Final = Mark.MARK_REVOKED_KEY
_STALE_FIX: Final = Mark.MARK_STALE_FIX
_SKEW: Final = timedelta(minutes=2)
_STEP: Final = timedelta(seconds=10)
_STALE: Final = timedelta(minutes=2)
_NO_PLACE_AFTER: Final = timedelta(days=1)
_FASTEST_M_PER_S: Final = 50.0
_APART_M: Final = 100.0
_MOST_ACCURACY_M: Final = 2_000.0
_MOVED_M: Final = 10.0
_NOTHING: Final = timedelta()
_UNKNOWN_DEVICE: Final = DeviceLog()
_NO_CLAIMS: Final[Mapping[bytes, Claim]] = MappingProxyType({})
_NOT_CURRENT: Final = frozenset({_FROM_FUTURE, _LOST_DEVICE, _REVOKED_KEY})
_NO_TRACK: Final = _NOT_CURRENT | {_IMPOSSIBLE_SPEED, _MANY_PLACES}


def judge(
    entries: Iterable[Logged], devices: Mapping[str, DeviceLog], now: datetime, course: Course | None = None
) -> Judgement:
    """Judge these entries, which may be of several devices and authors.

    `devices`: what is known of each device by its name, also of those that should have entries and have none: where the
    time of a waypoint is over, it was missed only if all of them are complete until then. `now`: the server's time.
    """
    return Judging(entries, devices, now).along(course)


class Judging:
    """Judges in two steps, for a service whose course depends on what was recorded, and when; see `judge`."""

    def __init__(self, entries: Iterable[Logged], devices: Mapping[str, DeviceLog], now: datetime) -> None:
        logged = _without_repetitions(entries)
        self._now = now
        self._clocks = {
            name: Clocks(devices.get(name, _UNKNOWN_DEVICE), now)
            for name in {*devices, *(each.device_key for each in logged)}
        }
        self._candidates = [_candidate(each, self._clocks[each.device_key]) for each in logged]
        for each in self._candidates:
            _mark_clock_and_place(each, self._clocks[each.entry.device_key])
            _mark_holder(each, devices.get(each.entry.device_key, _UNKNOWN_DEVICE))
        _mark_conflicts(self._candidates)
        _mark_chain(self._candidates)
        for of_device in _by(self._candidates, lambda each: each.entry.device_key):
            _mark_clock_changes(of_device)
        for track in _tracks(self._candidates):
            _mark_places_at_once(track)
            _mark_speed(track)

    @property
    def entries(self) -> tuple[JudgedEntry, ...]:
        """The entries by their judged times, without the marks that only a course gives."""
        return tuple(map(_judged, sorted(self._candidates, key=_made)))

    def along(self, course: Course | None, claims: Mapping[bytes, Claim] = _NO_CLAIMS) -> Judgement:
        """What they come to on a course.

        `claims`: of entries by their hashes, for a service that learns by the judged times what they prove; others are
        as the entries have them.
        """
        # A course marks them, and another one differently.
        candidates = [each.copy() for each in self._candidates]
        for each in candidates:
            if each.entry.hash in claims:
                each.entry = replace(each.entry, claim=claims[each.entry.hash])
        reached = _reached(course, candidates)
        if course is not None:
            courses.mark_strays(course, candidates)
        judged = {id(each): _judged(each) for each in candidates}
        return Judgement(
            entries=tuple(judged[id(each)] for each in sorted(candidates, key=_made)),
            waypoints=_waypoints(course, reached, judged, self._now, self._clocks),
            current=_current(judged.values()),
            coverage=_coverage(course, reached, candidates),
        )


def _made(candidate: Candidate) -> tuple[datetime, tuple[str, int, bytes]]:
    return candidate.time, candidate.order


def _without_repetitions(entries: Iterable[Logged]) -> list[Logged]:
    """Each entry once, in the order of devices, counters and hashes."""
    found: dict[tuple[str, int, bytes], Logged] = {}
    for each in entries:
        key = (each.device_key, each.counter, each.hash)
        known = found.get(key)
        found[key] = each if known is None or each.conflicted else known
    return [found[key] for key in sorted(found)]


def _candidate(entry: Logged, clocks: Clocks) -> Candidate:
    time, anchored = clocks.time_of(entry)
    candidate = Candidate(entry, time, anchored)
    fix = entry.fix
    if fix is not None and fix.age <= _NO_PLACE_AFTER:
        candidate.location = to_wgs84(fix.longitude, fix.latitude, fix.datum)
        if candidate.location is not None:
            candidate.fix_time = time - max(fix.age, _NOTHING)
    return candidate


def _mark_clock_and_place(candidate: Candidate, clocks: Clocks) -> None:
    entry, marks, fix = candidate.entry, candidate.marks, candidate.entry.fix
    if candidate.anchored and abs(entry.device_time - candidate.time) > _SKEW:
        marks.add(_CLOCK_SKEW)
    if candidate.time - clocks.known_by(entry.counter) > LATER_THAN_KNOWN:
        marks.add(_FROM_FUTURE)
    if fix is not None:
        if fix.age < -LATER_THAN_KNOWN:
            marks.add(_FROM_FUTURE)
        if fix.age > _STALE:
            marks.add(_STALE_FIX)
        if candidate.location is None and to_wgs84(fix.longitude, fix.latitude, fix.datum) is None:
            marks.add(_DATUM_UNKNOWN)


def _mark_holder(candidate: Candidate, log: DeviceLog) -> None:
    if log.lost_time is not None and candidate.time >= log.lost_time:
        candidate.marks.add(_LOST_DEVICE)
    if log.revoke_time is not None and candidate.time >= log.revoke_time:
        candidate.marks.add(_REVOKED_KEY)


def _mark_conflicts(candidates: Sequence[Candidate]) -> None:
    same: dict[Hashable, list[Candidate]] = defaultdict(list)
    for each in candidates:
        same[each.entry.device_key, each.entry.counter].append(each)
        same[each.entry.entry_id].append(each)
        if each.entry.conflicted:
            each.marks.add(_CONFLICTED)
    for several in same.values():
        if len(several) > 1:
            for each in several:
                each.marks.add(_CONFLICTED)


def _mark_chain(candidates: Sequence[Candidate]) -> None:
    hashes: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for each in candidates:
        hashes[each.entry.device_key, each.entry.counter].add(each.entry.hash)
    for each in candidates:
        before = hashes.get((each.entry.device_key, each.entry.counter - 1))
        if before and each.entry.previous_hash not in before:
            each.marks.add(_CHAIN_BROKEN)


def _mark_clock_changes(of_device: Sequence[Candidate]) -> None:
    """Of one device, by counters; of several entries with one counter the first stands for what was before the next."""
    before: Logged | None = None
    for _, several in groupby(of_device, key=lambda each: each.entry.counter):
        versions = list(several)
        for each in versions:
            if before is not None and _clock_was_set(before, each.entry):
                each.marks.add(_CLOCK_CHANGED)
        before = versions[0].entry


def _clock_was_set(before: Logged, entry: Logged) -> bool:
    went_on = entry.device_time - before.device_time
    if entry.boot_id == before.boot_id:
        return abs(went_on - (entry.uptime - before.uptime)) > _STEP
    return went_on < -_STEP


def _tracks(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """The fixes of each device, and of each author who was on several devices, in the order of their times."""
    placed = [
        each for each in candidates if each.location is not None and _FROM_FUTURE not in each.marks
    ]  # fmt: skip
    placed.sort(key=_at)
    yield from _by(placed, lambda each: each.entry.device_key)
    for of_author in _by(placed, lambda each: each.entry.author):
        if len({each.entry.device_key for each in of_author}) > 1:
            yield of_author


def _mark_places_at_once(track: Sequence[Candidate]) -> None:
    for _, at_once in groupby(track, key=lambda each: _at(each)[0].replace(microsecond=0)):
        several = list(at_once)
        if len(several) > 1:
            # The one that is farthest from the first, and the one that is farthest from that: few pairs of many.
            one = max(several, key=lambda each: _metres(several[0], each))
            other = max(several, key=lambda each: _metres(one, each))
            if _surely_apart_m(one, other) > 0:
                for each in several:
                    each.marks.add(_MANY_PLACES)


def _mark_speed(track: Sequence[Candidate]) -> None:
    for before, each in pairwise(track):
        since, time = _at(before)[0], _at(each)[0]
        if since.replace(microsecond=0) == time.replace(microsecond=0):
            continue
        if _surely_apart_m(before, each) > _FASTEST_M_PER_S * (time - since).total_seconds():
            each.marks.add(_IMPOSSIBLE_SPEED)


def _surely_apart_m(one: Candidate, other: Candidate) -> float:
    inaccurate = sum(min(each.entry.fix.accuracy_m, _MOST_ACCURACY_M) for each in (one, other) if each.entry.fix)
    return _metres(one, other) - inaccurate - _APART_M


def _metres(one: Candidate, other: Candidate) -> float:
    return 0.0 if one.location is None or other.location is None else distance_m(one.location, other.location)


def _at(candidate: Candidate) -> tuple[datetime, tuple[str, int, bytes]]:
    return candidate.fix_time or candidate.time, candidate.order


def _by(candidates: Iterable[Candidate], key: Callable[[Candidate], str]) -> Iterable[list[Candidate]]:
    found: dict[str, list[Candidate]] = defaultdict(list)
    for each in candidates:
        found[key(each)].append(each)
    return [found[name] for name in sorted(found)]


def _reached(course: Course | None, candidates: Sequence[Candidate]) -> list[Candidate | None]:
    return [] if course is None else courses.reaching(course, courses.claimed(course, candidates))


def _waypoints(
    course: Course | None,
    reached: Sequence[Candidate | None],
    judged: Mapping[int, JudgedEntry],
    now: datetime,
    clocks: Mapping[str, Clocks],
) -> tuple[JudgedWaypoint, ...]:
    if course is None:
        return ()
    begin = course.begin_time

    def is_complete(until: datetime) -> bool:
        # Of nobody nothing is known.
        return bool(clocks) and all(each.is_complete(begin, until) for each in clocks.values())

    return tuple(
        JudgedWaypoint(
            waypoint,
            courses.state_of(course, waypoint, each, now, is_complete),
            None if each is None else judged[id(each)],
        )
        for waypoint, each in zip(course.waypoints, reached, strict=True)
    )


def _judged(candidate: Candidate) -> JudgedEntry:
    entry, conflicted = candidate.entry, _CONFLICTED in candidate.marks
    return JudgedEntry(
        entry=entry if entry.conflicted == conflicted else replace(entry, conflicted=conflicted),
        time=candidate.time,
        anchored=candidate.anchored,
        location=candidate.location,
        fix_time=candidate.fix_time,
        marks=tuple(sorted(candidate.marks)),
    )


def _current(judged: Iterable[JudgedEntry]) -> JudgedEntry | None:
    able = [each for each in judged if each.fix_time is not None and not _NOT_CURRENT.intersection(each.marks)]
    return max(able, key=_newest, default=None)


def _newest(each: JudgedEntry) -> tuple[datetime, datetime, str, int, bytes]:
    return each.fix_time or each.time, each.time, each.entry.device_key, each.entry.counter, each.entry.hash


def _coverage(course: Course | None, reached: Sequence[Candidate | None], candidates: Sequence[Candidate]) -> Coverage:
    waypoints = () if course is None else course.waypoints
    legs = [distance_m(one.location, other.location) for one, other in pairwise(waypoints)]
    both = [one is not None and other is not None for one, other in pairwise(reached)]
    times = [each.time for each in candidates if _FROM_FUTURE not in each.marks]
    tracked = sorted((each for each in candidates if each.location and not each.marks & _NO_TRACK), key=_at)
    tracks = _by(tracked, lambda each: each.entry.device_key)
    return Coverage(
        reached=sum(each is not None for each in reached),
        waypoints=len(waypoints),
        covered_m=sum(leg for leg, covered in zip(legs, both, strict=True) if covered),
        course_m=sum(legs),
        track_m=max(map(_length_m, tracks), default=0.0),
        duration=max(times) - min(times) if times else _NOTHING,
    )


def _length_m(track: Sequence[Candidate]) -> float:
    length, last = 0.0, track[0]
    for each in track:
        moved = _metres(last, each)
        if each.entry.fix and moved > max(_MOVED_M, each.entry.fix.accuracy_m):
            length, last = length + moved, each
    return length
