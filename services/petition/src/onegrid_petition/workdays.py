"""Working days in China: as the State Council published them, or estimated for years whose calendar it has not.

Each year's calendar, with its make-up workdays, is published in the November before. Until then only the statutory
holidays are known: 13 days a year by the State Council's Decree 795 (国务院令第795号, 全国年节及纪念日放假办法), and
working days in place of those that fall on weekends. Which other days will be swapped for weekends is not known.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Final

import chinese_calendar
from borax.calendars.lunardate import LunarDate, TermUtils

__all__ = ["is_published", "is_working_day"]

_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)
# New Year, Labour Day and National Day.
_SOLAR: Final = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
# Spring Festival after its eve, Dragon Boat and Mid-Autumn Festival, by lunar month and day.
_LUNAR: Final = ((1, 1), (1, 2), (1, 3), (5, 5), (8, 15))
_LUNAR_YEARS: Final = range(1901, 2101)


def is_working_day(day: date) -> bool:
    """Whether offices work on that day, make-up workdays included; an estimate where the calendar is not published."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < _SATURDAY and day not in _days_off(day.year)


def is_published(day: date) -> bool:
    """Whether the calendar of that day is known."""
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


@cache
def _days_off(year: int) -> frozenset[date]:
    """The statutory holidays of a year, and the working days that make up for those on weekends."""
    holidays = {date(year, month, day) for month, day in _SOLAR}
    if year in _LUNAR_YEARS:
        holidays |= {LunarDate(year, month, day).to_solar_date() for month, day in _LUNAR}
        holidays.add(LunarDate(year, 1, 1).to_solar_date() - _DAY)
        holidays.add(TermUtils.day_start_from_term(year, "清明"))
    off = set(holidays)
    for holiday in sorted(holidays):
        if holiday.weekday() >= _SATURDAY:
            instead = holiday
            while instead.weekday() >= _SATURDAY or instead in off:
                instead += _DAY
            off.add(instead)
    return frozenset(off)
