"""The schedule of a roster, computed: rotations, temporary schedules and overrides become shifts that never overlap.

The roster, the notices and the authority ask this one module. It knows moments in UTC and wall times of a zone, and
nothing of who may do what.

A wall time that a change of clocks leaves out is the moment as far behind the change; of one that it repeats, the first
is meant (PEP 495, `fold=0`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

from onegrid.duty.v1.resources_pb2 import LengthUnit, ShiftSource

__all__ = ["Cover", "Period", "Plan", "Rotation", "Temporary", "Turn", "Window", "cut", "instant", "uncovered"]

_DAYS = {LengthUnit.LENGTH_UNIT_DAY: 1, LengthUnit.LENGTH_UNIT_WEEK: 7}
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From a moment until another one, which it does not hold."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A time in which one person is on duty."""

    begin: datetime
    end: datetime
    user: str
    source: ShiftSource
    author: str = ""
    """Who put the person there beside the roster's definer; empty: the definer did."""


@dataclass(frozen=True, slots=True)
class Window:
    """Wall times of each day; an end that is not later than the beginning is of the next day."""

    begin: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """People who take turns."""

    users: tuple[str, ...]
    first_date: date
    handoff: time
    unit: LengthUnit
    length: int
    end_date: date | None = None
    """At whose handoff time it ends."""
    window: Window | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """Rotations that stand in place of the roster's for a while."""

    begin: datetime
    end: datetime
    rotations: tuple[Rotation, ...]
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Somebody who is on duty for a while, whoever would be otherwise."""

    begin: datetime
    end: datetime
    user: str
    source: ShiftSource = ShiftSource.SHIFT_SOURCE_OVERRIDE
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that the schedule of a roster is computed from. Of each kind the later ones stand above the earlier ones;
    temporary schedules stand above rotations, and covers above both."""

    zone: ZoneInfo
    rotations: tuple[Rotation, ...] = ()
    temporaries: tuple[Temporary, ...] = ()
    covers: tuple[Cover, ...] = ()

    def turns(self, begin: datetime, end: datetime) -> list[Turn]:
        """The turns that lie in the period or reach into it, in order, each with its own begin and end."""
        # What lies above a turn may end it, or begin it, outside of the period.
        margin = max((_longest(each) for each in self.rotations), default=_A_DAY)
        schedule = self._rotated(self.rotations, begin - margin, end + margin)
        for each in self.temporaries:
            period = Period(each.begin, each.end)
            inside = [
                replace(turn, source=ShiftSource.SHIFT_SOURCE_TEMPORARY, author=each.author)
                for turn in _clipped(self._rotated(each.rotations, each.begin, each.end), period)
            ]
            schedule = _merged(cut(schedule, [period]), inside)
        for cover in self.covers:
            turn = Turn(begin=cover.begin, end=cover.end, user=cover.user, source=cover.source, author=cover.author)
            schedule = _above(schedule, [turn])
        return [turn for turn in schedule if turn.end > begin and turn.begin < end]

    def _rotated(self, rotations: Iterable[Rotation], begin: datetime, end: datetime) -> list[Turn]:
        layers = (list(_turns(rotation, self.zone, begin, end)) for rotation in rotations)
        return reduce(_above, layers, [])


def instant(zone: ZoneInfo, day: date, wall: time) -> datetime:
    """The moment of a wall time."""
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def cut(turns: Sequence[Turn], periods: Sequence[Period]) -> list[Turn]:
    """The turns without these periods. Both are in order, and do not overlap one another."""
    left: list[Turn] = []
    passed = 0
    for turn in turns:
        while passed < len(periods) and periods[passed].end <= turn.begin:
            passed += 1
        begin, at = turn.begin, passed
        while at < len(periods) and periods[at].begin < turn.end:
            if periods[at].begin > begin:
                left.append(replace(turn, begin=begin, end=periods[at].begin))
            begin = periods[at].end
            at += 1
        if begin < turn.end:
            left.append(turn if begin == turn.begin else replace(turn, begin=begin))
    return left


def uncovered(
    turns: Sequence[Period], zone: ZoneInfo, begin: datetime, end: datetime, coverage: Window | None
) -> list[Period]:
    """The times of the period in which somebody must be on duty, and nobody is. `turns`: when somebody is, in order."""
    needed = [Period(begin, end)] if coverage is None else list(_days(coverage, zone, begin, end))
    found: list[Period] = []
    for period in needed:
        reached, last = max(period.begin, begin), min(period.end, end)
        for turn in turns:
            if turn.end <= reached:
                continue
            if turn.begin >= last:
                break
            if turn.begin > reached:
                found.append(Period(reached, turn.begin))
            reached = turn.end
        if reached < last:
            found.append(Period(reached, last))
    return found


def _longest(rotation: Rotation) -> timedelta:
    """What no turn of the rotation is longer than, whatever the clocks do."""
    if rotation.unit == LengthUnit.LENGTH_UNIT_HOUR:
        return timedelta(hours=rotation.length)
    return _A_DAY * (rotation.length * _DAYS[rotation.unit] + 1)


def _turns(rotation: Rotation, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[Turn]:
    """The turns of one rotation that lie in the period or reach into it."""
    for number, period in _numbered(rotation, zone, begin, end):
        user = rotation.users[number % len(rotation.users)]
        pieces = [period] if rotation.window is None else _windows(rotation.window, zone, period)
        for piece in pieces:
            if piece.end > begin and piece.begin < end:
                yield Turn(begin=piece.begin, end=piece.end, user=user, source=ShiftSource.SHIFT_SOURCE_ROTATION)


def _numbered(rotation: Rotation, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[int, Period]]:
    """The turns without regard to windows, each by its number, counted from 0."""
    first = instant(zone, rotation.first_date, rotation.handoff)
    stop = None if rotation.end_date is None else instant(zone, rotation.end_date, rotation.handoff)
    end = end if stop is None else min(end, stop)
    if rotation.unit == LengthUnit.LENGTH_UNIT_HOUR:
        length = timedelta(hours=rotation.length)
        number = max(0, (begin - first) // length)

        def at(number: int) -> datetime:
            return first + number * length
    else:
        days = rotation.length * _DAYS[rotation.unit]
        # One day earlier: the handoff of the day may not have come yet.
        number = max(0, ((begin.astimezone(zone).date() - rotation.first_date).days - 1) // days)

        def at(number: int) -> datetime:
            return instant(zone, rotation.first_date + timedelta(days=number * days), rotation.handoff)

    starts = at(number)
    while starts < end:
        ends = at(number + 1)
        if ends > begin:
            yield number, Period(starts, ends if stop is None else min(ends, stop))
        number, starts = number + 1, ends


def _windows(window: Window, zone: ZoneInfo, period: Period) -> Iterator[Period]:
    """The parts of the period that lie in the window of some day."""
    for day in _days(window, zone, period.begin, period.end):
        begin, end = max(day.begin, period.begin), min(day.end, period.end)
        if begin < end:
            yield Period(begin, end)


def _days(window: Window, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[Period]:
    """The windows of the days that touch the period."""
    day = begin.astimezone(zone).date() - _A_DAY
    last = end.astimezone(zone).date()
    while day <= last:
        closes = day if window.end > window.begin else day + _A_DAY
        found = Period(instant(zone, day, window.begin), instant(zone, closes, window.end))
        if found.begin < found.end and found.end > begin and found.begin < end:
            yield found
        day += _A_DAY


def _above(below: list[Turn], turns: list[Turn]) -> list[Turn]:
    """Both, and where they overlap only the second ones."""
    return _merged(cut(below, [Period(turn.begin, turn.end) for turn in turns]), turns)


def _merged(some: list[Turn], others: list[Turn]) -> list[Turn]:
    return sorted([*some, *others], key=lambda turn: turn.begin)


def _clipped(turns: Iterable[Turn], period: Period) -> Iterator[Turn]:
    for turn in turns:
        begin, end = max(turn.begin, period.begin), min(turn.end, period.end)
        if begin < end:
            yield replace(turn, begin=begin, end=end)
