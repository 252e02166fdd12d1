"""Quiet hours and times of day, in every zone and on every kind of day, against a clock that is read each minute."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cache, cached_property
from itertools import accumulate, product
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onegrid_notify.quiet import QuietHours, next_time_of_day, quiet_until

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CHINA = ZoneInfo("Asia/Shanghai")
YEARS = (2011, 2026)
"""The years whose changes of clocks are tried: 2011 has the day that Samoa left out."""
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 29, 30, 31, 59]) | st.integers(0, 59))


class Clock:
    """What a clock on a wall shows each minute around a moment."""

    def __init__(self, zone: ZoneInfo, around: datetime) -> None:
        self._begin = around.astimezone(UTC).replace(second=0, microsecond=0) - 2 * DAY
        moments = (self._begin + number * MINUTE for number in range(6 * 24 * 60))
        self._shown = [moment.astimezone(zone).replace(tzinfo=None) for moment in moments]
        self._minutes = [of(shown.time()) for shown in self._shown]

    @cached_property
    def _latest(self) -> Sequence[datetime]:
        """The latest that it has shown by then."""
        return list(accumulate(self._shown, max))

    def _number(self, moment: datetime) -> int:
        return (moment.astimezone(UTC) - self._begin) // MINUTE

    def quiet_until(self, quiet: QuietHours, moment: datetime) -> datetime | None:
        """The first minute from the moment on that shows no quiet hour; None if that is the moment's own."""
        held = minutes_of(quiet)
        first = number = self._number(moment)
        while self._minutes[number] in held:
            number += 1
        return None if number == first else self._begin + number * MINUTE

    def next_time_of_day(self, at: time, moment: datetime) -> datetime:
        """The first minute behind the moment's own by which it has shown the time of another day, or a later one."""
        number = self._number(moment)
        times = [datetime.combine(self._shown[number].date() + days * DAY, at) for days in range(-3, 4)]
        passed = bisect_right(times, self._latest[number])
        return self._begin + bisect_left(self._latest, times[passed], lo=number) * MINUTE


@cache
def clock_around(name: str, change: datetime) -> Clock:
    return Clock(ZoneInfo(name), change)


@cache
def minutes_of(quiet: QuietHours) -> frozenset[int]:
    """The minutes of a day that are quiet."""
    end = of(quiet.end) + 1440 * (quiet.end < quiet.start)
    return frozenset(minute % 1440 for minute in range(of(quiet.start), end))


def of(at: time) -> int:
    return at.hour * 60 + at.minute


@cache
def changes() -> Sequence[tuple[str, datetime]]:
    """A zone for each change of clocks of those years, from one offset to another at some moment, and the moment."""
    found: dict[tuple[datetime, timedelta | None, timedelta | None], str] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for year in YEARS:
            begin = datetime(year, 1, 1, tzinfo=UTC)
            offsets = [(begin + week * 7 * DAY).astimezone(zone).utcoffset() for week in range(54)]
            for week in range(53):
                if offsets[week] != offsets[week + 1]:
                    low = begin + week * 7 * DAY
                    high = low + 7 * DAY
                    while high - low > MINUTE:
                        middle = low + (high - low) // 2 // MINUTE * MINUTE
                        same = middle.astimezone(zone).utcoffset() == offsets[week]
                        low, high = (middle, high) if same else (low, middle)
                    found.setdefault((high, offsets[week], offsets[week + 1]), name)
    return [(name, moment) for (moment, _, _), name in sorted(found.items(), key=lambda each: each[0][0])]


def test_there_are_changes_of_every_kind() -> None:
    kinds = {
        moment.astimezone(ZoneInfo(name)).utcoffset() - (moment - MINUTE).astimezone(ZoneInfo(name)).utcoffset()  # type: ignore[operator]
        for name, moment in changes()
    }
    assert {timedelta(minutes=minutes) for minutes in (60, -60, 30, -30)} <= kinds
    assert max(kinds) >= DAY
    assert len(changes()) > 50


def test_quiet_hours_end_when_the_clock_says_so_in_every_zone_around_every_change() -> None:
    for name, change in changes():
        zone = ZoneInfo(name)
        clock = clock_around(name, change)
        before = (change - MINUTE).astimezone(zone)
        after = change.astimezone(zone)
        skipped_or_twice = [before + MINUTE, before + 30 * MINUTE, before - 29 * MINUTE, after]
        borders = {at.time().replace(second=0) for at in skipped_or_twice} | {time(0)}
        moments = [change + minutes * MINUTE for minutes in (-1400, -61, -1, 0, 31)]
        for start, end in product(borders, repeat=2):
            quiet = QuietHours(start, end)
            for moment in moments:
                assert quiet_until(quiet, zone, moment) == clock.quiet_until(quiet, moment), (name, moment, quiet)


def test_a_time_of_day_comes_once_a_day_in_every_zone_around_every_change() -> None:
    for name, change in changes():
        zone = ZoneInfo(name)
        clock = clock_around(name, change)
        before = (change - MINUTE).astimezone(zone)
        for shown in (before + MINUTE, before + 30 * MINUTE, change.astimezone(zone), before.replace(hour=0, minute=0)):
            at = shown.time().replace(second=0)
            for minutes in (-1500, -61, -1, 0, 1, 30, 600):
                moment = change + minutes * MINUTE
                found = next_time_of_day(at, zone, moment)
                assert found == clock.next_time_of_day(at, moment), (name, moment, at)
                # Who asks again at that moment is given the next one.
                assert next_time_of_day(at, zone, found) > found


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(available_timezones())),
    MOMENTS,
    TIMES,
    TIMES,
)
def test_both_agree_with_the_clock_at_any_moment(name: str, moment: datetime, start: time, end: time) -> None:
    zone, quiet = ZoneInfo(name), QuietHours(start, end)
    minute = moment.replace(second=0, microsecond=0)
    clock = Clock(zone, minute)
    assert quiet_until(quiet, zone, moment) == clock.quiet_until(quiet, minute)
    assert next_time_of_day(end, zone, moment) == clock.next_time_of_day(end, minute)


def china(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2020, 11, day, hour, minute, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("start", "end", "moment", "until"),
    [
        (time(22), time(7), china(11, 22), china(12, 7)),
        (time(22), time(7), china(11, 23, 59), china(12, 7)),
        (time(22), time(7), china(12, 0), china(12, 7)),
        (time(22), time(7), china(12, 6, 59), china(12, 7)),
        (time(22), time(7), china(12, 7), None),
        (time(22), time(7), china(11, 21, 59), None),
        (time(12), time(14), china(11, 13), china(11, 14)),
        (time(12), time(14), china(11, 14), None),
        (time(0), time(6), china(11, 0), china(11, 6)),
        (time(18), time(0), china(11, 18), china(12, 0)),
        (time(7), time(6, 59), china(11, 7), china(12, 6, 59)),
    ],
)
def test_quiet_hours_of_a_day_without_a_change(
    start: time, end: time, moment: datetime, until: datetime | None
) -> None:
    assert quiet_until(QuietHours(start, end), CHINA, moment) == until


@given(TIMES, MOMENTS)
def test_the_same_time_twice_means_no_quiet_hours(at: time, moment: datetime) -> None:
    assert quiet_until(QuietHours(at, at), CHINA, moment) is None
    assert quiet_until(None, CHINA, moment) is None


def test_a_digest_of_a_skipped_day_comes_when_the_day_was_skipped() -> None:
    """Samoa went from 29 to 31 December 2011."""
    zone = ZoneInfo("Pacific/Apia")
    moment = datetime(2011, 12, 29, 7, tzinfo=zone)
    found = [moment := next_time_of_day(time(8), zone, moment) for _ in range(3)]
    shown = [f"{each.astimezone(zone):%d %H:%M}" for each in found]
    assert shown == ["29 08:00", "31 00:00", "31 08:00"]
