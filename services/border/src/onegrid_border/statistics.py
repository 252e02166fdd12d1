"""What patrols came to in a month (巡逻统计), and when months begin. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final

from onegrid_kit.clock import CHINA
from onegrid_kit.errors import FieldViolation, InvalidRequest

__all__ = ["MOST_MONTHS", "Month", "Statistics", "months"]

MOST_MONTHS: Final = 12
"""Over how many months figures are given at once."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month by China's time."""

    name: str
    """``2020-11``."""
    begin: datetime
    behind: datetime
    """Its first moment, and the first one after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What the patrols of one month came to, of all units or of one, on all routes or on one. The contract defines each
    figure.
    """

    month: str
    subject: str
    """The id of the unit or of the route; empty: all."""
    planned: int
    cancelled: int
    started: int
    finished: int
    not_started: int
    reached: int
    in_time: int
    early: int
    late: int
    missed: int
    outstanding: int
    covered_m: int
    route_m: int
    track_m: int
    duration: timedelta
    alarms_raised: int
    alarms_retracted: int


def months(first: str, last: str) -> Sequence[Month]:
    """The months from one to another, both included. Raises InvalidRequest for none, and for more than MOST_MONTHS."""
    begin, end = (date.fromisoformat(f"{name}-01") for name in (first, last))
    number = (end.year - begin.year) * 12 + end.month - begin.month + 1
    if number < 1:
        raise InvalidRequest(FieldViolation("last_month", "lies before first_month"))
    if number > MOST_MONTHS:
        raise InvalidRequest(FieldViolation("last_month", f"makes it more than {MOST_MONTHS} months"))
    days = [_after(begin, each) for each in range(number + 1)]
    return [Month(f"{day:%Y-%m}", _midnight(day), _midnight(behind)) for day, behind in pairwise(days)]


def _after(first: date, months_: int) -> date:
    years, month = divmod(first.month - 1 + months_, 12)
    return date(first.year + years, month + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA).astimezone(UTC)
