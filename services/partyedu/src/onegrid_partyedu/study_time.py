"""Study time (学习时长): what is credited of the times in which a member studied, on whatever devices.

Pure functions of sets of intervals; the order in which these became known does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

__all__ = ["REPORT_INTERVAL", "REPORT_TOLERANCE", "Interval", "clipped", "credited", "duration", "merged", "reached"]

Interval: TypeAlias = tuple[datetime, datetime]
"""From the one moment to the other."""

REPORT_INTERVAL: Final = timedelta(seconds=30)
"""How often players report while study goes on."""
REPORT_TOLERANCE: Final = timedelta(seconds=60)
"""How far two reports lie apart at most if the time between them counts: one of them may be lost, or late."""

_NOTHING: Final = timedelta()


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The union: by time, none of which touches another; empty ones are left out."""
    found: list[Interval] = []
    for begin, end in sorted(intervals):
        if end <= begin:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def credited(studied: Mapping[str, Iterable[Interval]]) -> dict[str, tuple[Interval, ...]]:
    """What counts for each lesson, given when it was studied: each moment counts once, for the lesson that had been
    begun first of those that were studied then; of several that were begun at once, for the first by name.
    """
    found: dict[str, list[Interval]] = {lesson: [] for lesson in studied}
    begun = sorted((begin, lesson, end) for lesson, intervals in studied.items() for begin, end in merged(intervals))
    until: datetime | None = None
    """Whatever lies before is credited already: what began earlier goes on until then."""
    for begin, lesson, end in begun:
        rest = begin if until is None else max(begin, until)
        if rest < end:
            found[lesson].append((rest, end))
            until = end
    return {lesson: tuple(intervals) for lesson, intervals in found.items()}


def clipped(
    intervals: Iterable[Interval], begin: datetime | None = None, end: datetime | None = None
) -> tuple[Interval, ...]:
    """What of them lies from the one moment to the other; None: however early, or late."""
    parts = (
        (first if begin is None else max(first, begin), last if end is None else min(last, end))
        for first, last in intervals
    )
    return tuple((first, last) for first, last in parts if first < last)


def duration(intervals: Iterable[Interval]) -> timedelta:
    """How long they are together; none may overlap another."""
    return sum((end - begin for begin, end in intervals), _NOTHING)


def reached(intervals: Iterable[Interval], required: timedelta) -> datetime | None:
    """When they were that long together; None: they are not. They are in order, and none overlaps another."""
    left = required
    for begin, end in intervals:
        if end - begin >= left:
            return begin + left
        left -= end - begin
    return None
