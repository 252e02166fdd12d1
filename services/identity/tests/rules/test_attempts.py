"""How often one may try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_identity import attempts
from onegrid_identity.attempts import Failures
from onegrid_kit.errors import RateLimited
from onegrid_kit.one_time_codes import require_code_pause

NOW = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
GAPS = st.lists(st.timedeltas(timedelta(0), timedelta(hours=1)), max_size=30)


@given(GAPS, st.booleans())
def test_no_more_than_five_failures_follow_one_another_without_a_pause(gaps: list[timedelta], known: bool) -> None:
    """A caller who tries as often as possible, from a known or unknown address."""
    now = NOW
    failures = Failures(success=NOW if known else None)
    run = 0
    for gap in gaps:
        now += gap
        if run == attempts.FAILURES and failures.last is not None and now - failures.last < attempts.FAILURES_LAST:
            with pytest.raises(RateLimited) as refused:
                attempts.require_few_failures(failures, Failures(), now)
            assert refused.value.retry_after == failures.last + timedelta(minutes=15) - now
            continue
        attempts.require_few_failures(failures, Failures(), now)
        run = 1 if failures.last is None or now - failures.last >= attempts.FAILURES_LAST else run + 1
        assert run <= attempts.FAILURES
        failures = failures.one_more(now)


@given(st.integers(0, 4), st.timedeltas(timedelta(0), timedelta(minutes=15) - timedelta(microseconds=1)))
def test_failures_in_a_row_add_up(count: int, ago: timedelta) -> None:
    assert Failures(count, NOW - ago).one_more(NOW) == Failures(count + 1, NOW)


@given(st.integers(0, 20), st.timedeltas(timedelta(minutes=15), timedelta(days=900)))
def test_failures_long_ago_do_not_count(count: int, ago: timedelta) -> None:
    assert Failures(count, NOW - ago).one_more(NOW) == Failures(1, NOW)


@given(st.integers(0, 200), st.none() | st.timedeltas(timedelta(0), timedelta(days=200)))
def test_the_failures_of_strangers_keep_out_strangers_alone(count: int, since_success: timedelta | None) -> None:
    own = Failures(success=None if since_success is None else NOW - since_success)
    strangers = Failures(count, NOW)
    stranger = since_success is None or since_success >= attempts.KNOWN_FOR
    if stranger and count >= attempts.STRANGERS_FAILURES:
        with pytest.raises(RateLimited):
            attempts.require_few_failures(own, strangers, NOW)
    else:
        attempts.require_few_failures(own, strangers, NOW)


@given(st.integers(1, 200), st.integers(1, 100), st.timedeltas(timedelta(0), timedelta(hours=1)))
def test_more_codes_than_the_limit_wait_until_the_hour_is_over(count: int, limit: int, ago: timedelta) -> None:
    if count > limit:
        with pytest.raises(RateLimited) as refused:
            attempts.require_few_codes(count, NOW - ago, limit, NOW)
        assert refused.value.retry_after == max(timedelta(hours=1) - ago, timedelta(seconds=1))
    else:
        attempts.require_few_codes(count, NOW - ago, limit, NOW)


@given(st.timedeltas(timedelta(seconds=-59), timedelta(minutes=3)))
def test_the_next_code_waits_a_minute_and_no_longer(ago: timedelta) -> None:
    if ago < timedelta(minutes=1):
        with pytest.raises(RateLimited) as refused:
            require_code_pause(NOW - ago, NOW)
        assert refused.value.retry_after == timedelta(minutes=1) - ago
    else:
        require_code_pause(NOW - ago, NOW)
