"""Years as terms and probation count them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.clock import CHINA
from onegrid_partyedu.calendar_years import day_after_months

MOMENTS = st.integers(-1_530_000_000, 4_100_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
"""From 1921 to 2099."""


@given(MOMENTS, st.integers(0, 120))
def test_the_day_has_the_same_number_or_is_the_last_of_its_month(moment: datetime, months: int) -> None:
    begin, end = moment.astimezone(CHINA), day_after_months(moment, months).astimezone(CHINA)
    assert (end.year * 12 + end.month) - (begin.year * 12 + begin.month) == months
    assert end.day == begin.day or (end.day < begin.day and (end + timedelta(days=1, hours=2)).day == 1)
    assert (end.hour, end.minute, end.second, end.microsecond) == (0, 0, 0, 0)


@given(MOMENTS, st.integers(0, 60), st.integers(0, 60))
def test_later_months_are_later_days(moment: datetime, fewer: int, more: int) -> None:
    assert day_after_months(moment, fewer) <= day_after_months(moment, fewer + more)


def test_the_day_is_counted_in_china() -> None:
    assert day_after_months(datetime(2020, 2, 28, 20, tzinfo=UTC), 12) == datetime(2021, 2, 28, tzinfo=CHINA)
