"""Days in China, whose midnight is 16:00 UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.clock import CHINA, day_in_china, end_of_day_in_china


# With the summer times that China kept from 1986 to 1991, when its midnight was 15:00 UTC.
@given(st.floats(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_the_day_is_that_of_the_calendar(moment: datetime) -> None:
    assert day_in_china(moment) == moment.astimezone(CHINA).date()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2020, 11, 11, 15, 59, 59, 999999, UTC), date(2020, 11, 11)),
        (datetime(2020, 11, 11, 16, tzinfo=UTC), date(2020, 11, 12)),
        (datetime(2020, 11, 12, 15, 59, 59, 999999, UTC), date(2020, 11, 12)),
        (datetime(1988, 7, 1, 15, tzinfo=UTC), date(1988, 7, 2)),
    ],
)
def test_a_day_begins_at_midnight(moment: datetime, day: date) -> None:
    assert day_in_china(moment) == day
    assert moment < end_of_day_in_china(day)
