"""Years of the calendar, as the Party counts terms and probation: days in China."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from onegrid_kit.clock import CHINA

__all__ = ["day_after_months"]


def day_after_months(moment: datetime, months: int) -> datetime:
    """0 o'clock of the day that has the same number so many months later; the last of its month where that has no
    such day.
    """
    day = moment.astimezone(CHINA)
    years, month = divmod(day.month - 1 + months, 12)
    first = day.replace(year=day.year + years, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1)).astimezone(UTC)
