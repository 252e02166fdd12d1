"""How often branches meet, and from when a meeting is overdue: months, quarters and years in China.

Once in each period: who met in one has until the end of the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from onegrid.partyedu.v1.meetings_pb2 import MeetingKind
from onegrid_kit.clock import CHINA

__all__ = ["COMMITTEE_FROM", "MONTHS", "Overdue", "due_time", "met_before", "reminder_time"]

MONTHS: Final[Mapping[MeetingKind, int]] = {
    MeetingKind.MEETING_KIND_ASSEMBLY: 3,
    MeetingKind.MEETING_KIND_COMMITTEE: 1,
    MeetingKind.MEETING_KIND_GROUP: 1,
    MeetingKind.MEETING_KIND_LECTURE: 12,
    MeetingKind.MEETING_KIND_THEMED_DAY: 1,
    MeetingKind.MEETING_KIND_ORGANIZATION_LIFE: 12,
}
"""The length of each kind's period, from January on; 《中国共产党支部工作条例（试行）》, art. 11 to 13, 16, 17."""

COMMITTEE_FROM: Final = 3
"""A branch with fewer officers has no committee that could meet: one has three members at least (chapter 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """A meeting of a kind that a branch should have held."""

    organization: str
    """The branch's id."""
    display_name: str
    kind: MeetingKind
    last_time: datetime | None
    """When the last one began; None: none was held."""
    begin_time: datetime
    """When the branch was entered."""

    @property
    def due_time(self) -> datetime:
        """From when on it is overdue."""
        return due_time(self.kind, self.last_time or self.begin_time)


def due_time(kind: MeetingKind, last: datetime) -> datetime:
    """From when a meeting is overdue if the last one began then: the end of the next period."""
    return _period(last, MONTHS[kind], 2)


def reminder_time(now: datetime) -> datetime:
    """When branches are reminded in the month of that moment: at 9 o'clock on its first day. What becomes overdue does
    so when a month begins.
    """
    return now.astimezone(CHINA).replace(day=1, hour=9, minute=0, second=0, microsecond=0)


def met_before(kind: MeetingKind, now: datetime) -> datetime:
    """A meeting is overdue now if the last one began before this: the beginning of the period before."""
    return _period(now, MONTHS[kind], -1)


def _period(moment: datetime, months: int, later: int) -> datetime:
    """The beginning of the period so many after the one with the moment in it."""
    day = moment.astimezone(CHINA)
    year, month = divmod((day.month - 1) // months * months + later * months, 12)
    return datetime(day.year + year, month + 1, 1, tzinfo=CHINA).astimezone(UTC)
