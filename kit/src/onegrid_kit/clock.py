"""Where the time of the domain comes from. Infrastructure (leases, retries, retention) keeps the database's
time instead.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

__all__ = ["CHINA", "CLOCKS_DIFFER", "Clock", "SettableClock", "SystemClock", "day_in_china", "end_of_day_in_china"]

CHINA = ZoneInfo("Asia/Shanghai")
"""The zone in which days begin and promises end."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clock of a caller may be ahead of ours, or behind it: a time within that is not wrong."""

_HOUR_S = 3600


def day_in_china(moment: datetime) -> date:
    """The day in China at that moment, which is aware and not before 1901."""
    return _day_of_hour(int(moment.timestamp() // _HOUR_S))


# A filing would spend more time on zones than on all of its identifiers.
@lru_cache(maxsize=1024)
def _day_of_hour(hour: int) -> date:
    # China's days have begun at whole hours of UTC since 1901.
    return datetime.fromtimestamp(hour * _HOUR_S, CHINA).date()


@lru_cache(maxsize=1024)
def end_of_day_in_china(day: date) -> datetime:
    """The first moment after the day, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), CHINA).astimezone(UTC)


class Clock(Protocol):
    """Returns the current time."""

    def now(self) -> datetime:
        """The present, aware and in UTC."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)


class SettableClock:
    """A clock that stands still at the moment it is set to, for demonstrations and tests: however slow the machine is,
    what happens then is recorded at that moment. Until it is set, it follows the machine's time."""

    def __init__(self) -> None:
        self._moment: datetime | None = None

    def set(self, moment: datetime) -> None:
        """Stand still at this moment, which is aware."""
        self._moment = moment.astimezone(UTC)

    def reset(self) -> None:
        """Follow the machine's time again."""
        self._moment = None

    def now(self) -> datetime:
        """The present, as set."""
        return self._moment or datetime.now(UTC)
