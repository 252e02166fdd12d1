"""Where the time of the domain comes from. Infrastructure (leases, retries, retention) keeps the database's
time instead.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

__all__ = ["CHINA", "Clock", "SettableClock", "SystemClock"]

CHINA = ZoneInfo("Asia/Shanghai")
"""The zone in which days begin and promises end."""


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
