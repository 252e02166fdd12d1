"""Working days are those of the published calendar, and of the statutory holidays where there is none yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import chinese_calendar
import pytest

from onegrid_petition import workdays


@pytest.fixture
def unpublished(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time before any calendar was published."""

    def unknown(day: date) -> bool:
        raise NotImplementedError(day)

    monkeypatch.setattr(chinese_calendar, "is_workday", unknown)


def days_of(year: int) -> Iterator[date]:
    day = date(year, 1, 1)
    while day.year == year:
        yield day
        day += timedelta(days=1)


@pytest.mark.parametrize("year", [2025, 2026])
def test_as_many_working_days_are_estimated_as_are_published_later(
    year: int, unpublished: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimated = sum(workdays.is_working_day(day) for day in days_of(year))
    monkeypatch.undo()
    assert estimated == sum(workdays.is_working_day(day) for day in days_of(year))


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2027-01-01", False),  # New Year, a Friday
        ("2027-02-05", False),  # the eve of Spring Festival, a Friday
        ("2027-02-08", False),  # its third day, a Monday
        ("2027-02-09", False),  # in place of Saturday
        ("2027-02-10", False),  # in place of Sunday
        ("2027-02-11", True),
        ("2027-04-05", False),  # Qingming
        ("2027-05-03", False),  # in place of Saturday, Labour Day
        ("2027-05-04", False),  # in place of Sunday
        ("2027-06-09", False),  # Dragon Boat Festival
        ("2027-09-15", False),  # Mid-Autumn Festival
        ("2027-10-01", False),  # National Day, a Friday
        ("2027-10-04", False),  # in place of Saturday
        ("2027-10-06", True),
        ("2027-10-09", False),  # a Saturday
        ("9999-10-01", False),  # without a lunar calendar
        ("9999-10-06", True),
    ],
)
def test_statutory_holidays_are_known_in_any_year(day: str, worked: bool, unpublished: None) -> None:
    assert workdays.is_working_day(date.fromisoformat(day)) == worked


def test_the_published_calendar_decides_where_there_is_one() -> None:
    assert workdays.is_published(date(2020, 9, 27))
    assert workdays.is_working_day(date(2020, 9, 27))  # a Sunday
    assert not workdays.is_published(date(2099, 1, 5))
