"""Calendars of shifts, as iCalendar (RFC 5545) has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Event

from onegrid_kit.ical import alarm, written
from onegrid_kit.names import ResourceName

__all__ = ["CALENDAR_LINK", "USER", "Entry", "Link", "ical"]

CALENDAR_LINK: Final = ResourceName("calendarLinks/{calendarLink}")
USER: Final = ResourceName("users/{user}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Whose calendar a secret link shows."""

    user: str
    """``users/{user}`` who made it."""
    roster: str
    """The roster's id; empty: the calendar has the user's own shifts."""
    reminder_minutes: int = 0
    expire_time: datetime | None = None

    @property
    def name(self) -> str:
        """``calendarLinks/{calendarLink}``."""
        return CALENDAR_LINK.name("-".join(filter(None, (USER.id(self.user), self.roster))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A shift in a calendar."""

    id: str
    begin: datetime
    end: datetime
    user: str
    revision: int
    update_time: datetime
    roster_display_name: str
    zone: ZoneInfo


def ical(title: str, entries: Sequence[Entry], *, with_people: bool, reminder: timedelta = timedelta()) -> bytes:
    """The calendar. The same entries have the same bytes."""
    return written("duty", title, [_event(each, with_people, reminder) for each in entries])


def _event(entry: Entry, with_people: bool, reminder: timedelta) -> Event:
    event = Event()
    event.add("uid", f"{entry.id}@duty.onegrid")
    event.add("sequence", entry.revision)
    event.add("dtstamp", entry.update_time)
    event.add("last-modified", entry.update_time)
    begin, end = _local(entry)
    event.add("dtstart", begin)
    event.add("dtend", end)
    name = entry.roster_display_name
    event.add("summary", f"{name} {USER.id(entry.user)}" if with_people else name)
    event.add("transp", "OPAQUE")
    if reminder:
        event.add_component(alarm(name, reminder))
    return event


def _local(entry: Entry) -> Sequence[datetime]:
    """Its times in the roster's zone. Wall times that come twice mean the first of the two (RFC 5545, 3.3.5), so that
    the second is written in UTC.
    """
    times = [each.astimezone(entry.zone) for each in (entry.begin, entry.end)]
    return [each.astimezone(UTC) for each in times] if any(each.fold for each in times) else times
