"""How often one may try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_identity import attempts
from onegrid_kit.errors import RateLimited

NOW = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
GAPS = st.lists(st.timedeltas(timedelta(0), timedelta(hours=1)), max_size=30)


@given(GAPS)
def test_no_more_than_five_failures_follow_one_another_without_a_pause(gaps: list[timedelta]) -> None:
    """Somebody who tries whenever they are let."""
    count, last, now = 0, None, NOW
    run = 0
    for gap in gaps:
        now += gap
        try:
            attempts.require_few_failures(count, last, now)
        except RateLimited:
            assert run == attempts.FAILURES
            continue
        run = 1 if last is None or now - last >= attempts.FAILURES_LAST else run + 1
        assert run <= attempts.FAILURES
        count, last = attempts.one_more(count, last, now), now


@given(
    st.integers(0, 4),
    st.timedeltas(
        timedelta(0),
        timedelta(minutes=15),
    ).filter(lambda ago: ago < timedelta(minutes=15)),
)
def test_failures_in_a_row_add_up(count: int, ago: timedelta) -> None:
    assert attempts.one_more(count, NOW - ago, NOW) == count + 1


@given(st.integers(0, 20), st.timedeltas(timedelta(minutes=15), timedelta(days=900)))
def test_failures_long_ago_do_not_count(count: int, ago: timedelta) -> None:
    assert attempts.one_more(count, NOW - ago, NOW) == 1


@given(st.timedeltas(timedelta(seconds=-59), timedelta(minutes=3)))
def test_the_next_code_waits_a_minute_and_no_longer(ago: timedelta) -> None:
    if ago < timedelta(minutes=1):
        with pytest.raises(RateLimited) as refused:
            attempts.require_code_pause(NOW - ago, NOW)
        assert refused.value.retry_after == timedelta(minutes=1) - ago
    else:
        attempts.require_code_pause(NOW - ago, NOW)
