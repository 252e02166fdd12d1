"""Until when a petition is answered and concluded.

The national limits count days (Regulations on Petition Work 信访工作条例, arts. 22, 23 and 34); what a work
item promises counts working days of the Chinese calendar, make-up workdays included. A day ends at midnight in
China.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from onegrid_kit.clock import day_in_china, end_of_day_in_china
from onegrid_petition import workdays

__all__ = ["DEADLINE", "SOON", "Deadline", "Notice", "Promise", "accept_due", "conclude_due"]

ACCEPT_DAYS: Final = 15
"""Days from the filing until a petition is answered as accepted or not."""
CONCLUDE_DAYS: Final = 60
"""Days from the acceptance until it is concluded."""
EXTENSION_DAYS: Final = 30
"""Days by which that is extended, once (art. 34)."""


DEADLINE: Final = "deadline"
"""The kind of deadline at which offices are reminded of a petition."""
SOON: Final = timedelta(days=1)
"""How long before it is due a petition is due soon."""


class Notice(IntEnum):
    """What is announced of a due time, in this order: the rungs of the deadline."""

    NEARED = 1
    MISSED = 2

    def time(self, due: datetime) -> datetime:
        """When it is announced of this due time."""
        return due - SOON if self is Notice.NEARED else due


@dataclass(frozen=True, slots=True)
class Promise:
    """How soon the work item that a petition was found to be is concluded."""

    working_days: int
    begin: datetime
    """When the petition was dispatched as this work item first."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when something is done."""

    time: datetime
    estimated: bool
    """Working days were counted whose calendar is not published yet."""


def accept_due(filed: datetime) -> datetime:
    """When the petition must have been answered as accepted or not."""
    return end_of_day_in_china(day_in_china(filed) + timedelta(days=ACCEPT_DAYS))


def conclude_due(accepted: datetime, promise: Promise | None = None, *, extended: bool = False) -> Deadline:
    """When the petition must be concluded: the national limit, or what its work item promises if that is sooner; later
    than that if it was extended.
    """
    limit = day_in_china(accepted) + timedelta(days=CONCLUDE_DAYS)
    extension = timedelta(days=EXTENSION_DAYS if extended else 0)
    if promise is None:
        return Deadline(end_of_day_in_china(limit + extension), estimated=False)
    day, estimated, left = day_in_china(promise.begin), False, promise.working_days
    # What lies behind the limit does not matter.
    while left > 0 and day < limit:
        day += timedelta(days=1)
        left -= workdays.is_working_day(day)
        estimated = estimated or not workdays.is_published(day)
    return Deadline(end_of_day_in_china(min(limit, day) + extension), estimated)
