"""Until when a petition is answered and concluded.

The national limits count days (Regulations on Petition Work 信访工作条例, arts. 22, 23 and 34); what a work
item promises counts working days of the Chinese calendar, make-up workdays included. A day ends at midnight in
China.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

import chinese_calendar

from onegrid_kit.clock import CHINA

__all__ = ["ACCEPT_DAYS", "CONCLUDE_DAYS", "accept_due", "conclude_due", "is_working_day"]

ACCEPT_DAYS: Final = 15
"""Days from the filing until a petition is answered as accepted or not."""
CONCLUDE_DAYS: Final = 60
"""Days from the acceptance until it is concluded."""


def is_working_day(day: date) -> bool:
    """Whether offices work on that day, by the State Council's calendar; Monday to Friday in years it has not
    published.
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def accept_due(filed: datetime) -> datetime:
    """When the petition must have been answered as accepted or not."""
    return _end_of(_day(filed) + timedelta(days=ACCEPT_DAYS))


def conclude_due(accepted: datetime, promised_working_days: int | None = None) -> datetime:
    """When the petition must be concluded: the national limit, or what its work item promises if that is sooner."""
    limit = _end_of(_day(accepted) + timedelta(days=CONCLUDE_DAYS))
    if promised_working_days is None:
        return limit
    return min(limit, _end_of(_working_days_after(_day(accepted), promised_working_days)))


def _working_days_after(day: date, count: int) -> date:
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return day


def _day(moment: datetime) -> date:
    return moment.astimezone(CHINA).date()


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), CHINA)
