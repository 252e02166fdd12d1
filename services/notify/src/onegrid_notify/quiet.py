"""Local times of each day: quiet hours (静默时段), and when the digest of a day closes.

Both are what the wall clock of a zone shows, also on days on which it jumps: a time that it skips has come once the
clock has jumped over it, and one that it shows twice is quiet twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from typing import Final

__all__ = ["QuietHours", "next_time_of_day", "quiet_until"]

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one local time until before another, each day; over midnight where it ends before it begins. The same time
    twice means none.
    """

    start: time_of_day
    end: time_of_day

    def holds(self, time: time_of_day) -> bool:
        """Whether a clock that shows this time shows one of the quiet hours."""
        if self.start <= self.end:
            return self.start <= time < self.end
        return time >= self.start or time < self.end


def quiet_until(quiet: QuietHours | None, zone: tzinfo, moment: datetime) -> datetime | None:
    """When the quiet hours are over in which the moment lies, UTC; None if it lies in none."""
    if quiet is None or not quiet.holds(_wall(moment, zone).time()):
        return None
    now = moment.astimezone(UTC)
    # Where the clock jumps, what it shows afterwards may still be quiet.
    while quiet.holds(_wall(now, zone).time()):
        end = now + _until(_wall(now, zone), quiet.end)
        now = _jump_between(now, end, zone) or end
    return now


def next_time_of_day(time: time_of_day, zone: tzinfo, moment: datetime) -> datetime:
    """The first moment after this one, UTC, at which it comes to be this time of a day; where the clock shows it twice,
    it does so the first time.
    """
    # A clock that was set back may show the day before again, or a time of today that it has shown already.
    today = _wall(moment, zone).date()
    days = (today + number * _DAY for number in range(-1, 4))
    return next(found for day in days if (found := _moment_of(datetime.combine(day, time), zone)) > moment)


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    """What the clock shows, without a zone: such times are compared as they are shown."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _until(wall: datetime, time: time_of_day) -> timedelta:
    """How long until a clock without jumps shows the time; a day if it shows it now."""
    today = datetime.combine(wall.date(), time)
    return (today if today > wall else today + _DAY) - wall


def _moment_of(wall: datetime, zone: tzinfo) -> datetime:
    """When the clock shows this for the first time, or has jumped over it."""
    shown = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _wall(shown, zone) == wall:
        return shown
    # Skipped: by the offset of before the jump it would be after it, by that of after it before it.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _jump_between(before, shown, zone) or shown


def _jump_between(begin: datetime, end: datetime, zone: tzinfo) -> datetime | None:
    """The first moment after the beginning, and before or at the end, with another offset than there was at the
    beginning; None if there is no other at the end.
    """
    offset = begin.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == offset:
        return None
    low, high = int(begin.timestamp()), int(end.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
