"""iCalendar objects (RFC 5545), as calendars of telephones and mail programs read them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from icalendar import Alarm, Calendar, Event, Timezone

__all__ = ["alarm", "written"]

_REFRESHED: Final = timedelta(minutes=15)


def written(service: str, title: str, events: Sequence[Event], *, method: str = "PUBLISH") -> bytes:
    """A service's calendar of that title, with the time zones of its events. The same events have the same bytes."""
    calendar = Calendar()
    calendar.add("prodid", f"-//OneGrid//{service}//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add("name", title)
    # What calendars read that know nothing of RFC 7986.
    calendar.add("x-wr-calname", title)
    calendar.add("refresh-interval", _REFRESHED, parameters={"VALUE": "DURATION"})
    for each in events:
        calendar.add_component(each)
    if events:
        first, last = min(each.start.year for each in events) - 1, max(each.end.year for each in events) + 2
        # In front of what refers to them.
        calendar.subcomponents[:0] = [_zone(each, first, last) for each in sorted(calendar.get_missing_tzids())]
    return bytes(calendar.to_ical())


def alarm(text: str, before: timedelta) -> Alarm:
    """What shows a text so long before an event."""
    made = Alarm()
    made.add("action", "DISPLAY")
    made.add("description", text)
    made.add("trigger", -before)
    return made


@functools.lru_cache(maxsize=64)
def _zone(name: str, first: int, last: int) -> Timezone:
    """A time zone from the beginning of one year to that of another: to find it takes longer than all else."""
    return Timezone.from_tzid(name, first_date=date(first, 1, 1), last_date=date(last, 1, 1))
