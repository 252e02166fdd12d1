"""Promises count working days of the Chinese calendar; national limits count days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid_kit.clock import CHINA
from onegrid_petition import deadlines, workdays
from onegrid_petition.deadlines import Promise

MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1), timezones=st.just(CHINA))  # noqa: DTZ001


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def promised(accepted: datetime, days: int) -> datetime:
    """When it is due, dispatched at the moment of its acceptance."""
    return deadlines.conclude_due(accepted, Promise(days, accepted)).time


def test_a_petition_is_answered_within_fifteen_days() -> None:
    assert deadlines.accept_due(at("2020-11-11T14:36")) == at("2020-11-27T00:00")


def test_without_a_promise_it_is_concluded_within_sixty_days() -> None:
    assert deadlines.conclude_due(at("2020-11-11T14:36")).time == at("2021-01-11T00:00")


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
    assert promised(at(accepted), days) == at(due)


@given(MOMENTS, st.integers(1, 60))
def test_a_promise_is_never_later_than_the_law(accepted: datetime, days: int) -> None:
    assert accepted < promised(accepted, days) <= deadlines.conclude_due(accepted).time


@given(MOMENTS, st.integers(1, 59))
def test_a_longer_promise_is_never_due_sooner(accepted: datetime, days: int) -> None:
    assert promised(accepted, days) <= promised(accepted, days + 1)


@given(MOMENTS)
def test_the_time_zone_of_the_moment_does_not_matter(accepted: datetime) -> None:
    assert promised(accepted, 5) == promised(accepted.astimezone(UTC), 5)


@given(MOMENTS, st.integers(1, 20))
def test_as_many_working_days_lie_between_as_were_promised(accepted: datetime, days: int) -> None:
    due = promised(accepted, days)
    first, last = accepted.date() + timedelta(days=1), (due - timedelta(days=1)).astimezone(CHINA).date()
    worked = sum(workdays.is_working_day(first + timedelta(days=n)) for n in range((last - first).days + 1))
    assert worked == days


@given(MOMENTS, st.integers(0, 59), st.integers(1, 60))
def test_a_promise_counts_from_the_dispatch_and_the_law_from_the_acceptance(
    accepted: datetime, later: int, days: int
) -> None:
    begin = accepted + timedelta(days=later)
    due = deadlines.conclude_due(accepted, Promise(days, begin)).time
    assert due == min(deadlines.conclude_due(accepted).time, max(promised(begin, days), begin)) or later


@given(MOMENTS, st.none() | st.integers(1, 60))
def test_an_extension_is_thirty_days_and_never_beyond_ninety_of_the_acceptance(
    accepted: datetime, days: int | None
) -> None:
    promise = None if days is None else Promise(days, accepted)
    due = deadlines.conclude_due(accepted, promise)
    extended = deadlines.conclude_due(accepted, promise, extended=True)
    assert extended.time - due.time == timedelta(days=30)
    assert extended.estimated == due.estimated
    assert (extended.time - timedelta(days=1)).astimezone(CHINA).date() <= accepted.date() + timedelta(days=90)


def test_a_promise_over_new_year_skips_its_holiday_before_the_calendar_is_published() -> None:
    # The 23rd working day is Thursday, 31 December; 1 January is a holiday, and the weekend follows.
    due = deadlines.conclude_due(at("2098-11-28T09:00"), Promise(25, at("2098-11-28T09:00")))
    assert due.time > at("2099-01-02T00:00")
    assert due.estimated


def test_what_counts_published_days_alone_is_no_estimate() -> None:
    assert not deadlines.conclude_due(at("2020-11-11T14:36"), Promise(30, at("2020-11-11T14:36"))).estimated
    assert not deadlines.conclude_due(at("2099-11-11T14:36")).estimated
