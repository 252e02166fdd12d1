"""iCalendar objects (RFC 5545), as calendars of telephones and mail programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from icalendar import Alarm, Calendar, Event

__all__ = ["alarm", "written"]

_REFRESHED: Final = timedelta(minutes=15)
_AROUND: Final = timedelta(days=366)


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
        calendar.add_missing_timezones(
            first_date=min(map(_day, (each.start for each in events))) - _AROUND,
            last_date=max(map(_day, (each.end for each in events))) + _AROUND,
        )
    return bytes(calendar.to_ical())


def alarm(text: str, before: timedelta) -> Alarm:
    """What shows a text so long before an event."""
    made = Alarm()
    made.add("action", "DISPLAY")
    made.add("description", text)
    made.add("trigger", -before)
    return made


def _day(of: date) -> date:
    return of.date() if isinstance(of, datetime) else of
