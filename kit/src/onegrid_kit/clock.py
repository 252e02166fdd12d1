"""Where the time of the domain comes from. Infrastructure (leases, retries, retention) keeps the database's
time instead.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

__all__ = ["CHINA", "Clock", "SettableClock", "SystemClock"]

CHINA = ZoneInfo("Asia/Shanghai")
"""The zone in which days begin and promises end."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present, aware and in UTC."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)


class SettableClock:
    """A clock that runs from any moment it is set to; for demonstrations and tests."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def set(self, moment: datetime) -> None:
        """Go on from this moment, which is aware."""
        self._ahead = moment - datetime.now(UTC)

    def reset(self) -> None:
        """Follow the machine's time again."""
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The present, as set."""
        return datetime.now(UTC) + self._ahead
