"""Promises count working days of the Chinese calendar; national limits count days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.clock import CHINA
from onegrid_petition import deadlines

MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1), timezones=st.just(CHINA))  # noqa: DTZ001


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def test_a_petition_is_answered_within_fifteen_days() -> None:
    assert deadlines.accept_due(at("2020-11-11T14:36")) == at("2020-11-27T00:00")


def test_without_a_promise_it_is_concluded_within_sixty_days() -> None:
    assert deadlines.conclude_due(at("2020-11-11T14:36")) == at("2021-01-11T00:00")


@pytest.mark.parametrize(
    ("accepted", "days", "due"),
    [
        ("2020-11-11T14:36", 1, "2020-11-13T00:00"),  # Wednesday, due at the end of Thursday
        ("2020-11-13T09:00", 1, "2020-11-17T00:00"),  # Friday, due at the end of Monday
        ("2020-09-30T17:00", 1, "2020-10-10T00:00"),  # the National Day holiday, and Mid-Autumn with it, to 8 October
        ("2020-09-26T09:00", 1, "2020-09-28T00:00"),  # Sunday the 27th was worked in exchange
        ("2021-02-09T10:00", 3, "2021-02-20T00:00"),  # Spring Festival, 11 to 17 February; the 20th worked
    ],
)
def test_holidays_are_not_counted_and_make_up_days_are(accepted: str, days: int, due: str) -> None:
    assert deadlines.conclude_due(at(accepted), days) == at(due)


@given(MOMENTS, st.integers(1, 60))
def test_a_promise_is_never_later_than_the_law(accepted: datetime, days: int) -> None:
    assert accepted < deadlines.conclude_due(accepted, days) <= deadlines.conclude_due(accepted)


@given(MOMENTS, st.integers(1, 59))
def test_a_longer_promise_is_never_due_sooner(accepted: datetime, days: int) -> None:
    assert deadlines.conclude_due(accepted, days) <= deadlines.conclude_due(accepted, days + 1)


@given(MOMENTS)
def test_the_time_zone_of_the_moment_does_not_matter(accepted: datetime) -> None:
    assert deadlines.conclude_due(accepted, 5) == deadlines.conclude_due(accepted.astimezone(UTC), 5)


@given(MOMENTS, st.integers(1, 20))
def test_as_many_working_days_lie_between_as_were_promised(accepted: datetime, days: int) -> None:
    due = deadlines.conclude_due(accepted, days)
    first, last = accepted.date() + timedelta(days=1), (due - timedelta(days=1)).astimezone(CHINA).date()
    worked = sum(deadlines.is_working_day(first + timedelta(days=n)) for n in range((last - first).days + 1))
    assert worked == days


def test_years_without_a_published_calendar_have_plain_weeks() -> None:
    assert deadlines.is_working_day(date(2099, 1, 2))
    assert not deadlines.is_working_day(date(2099, 1, 3))
