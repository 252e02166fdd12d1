"""Calendars of meetings, each behind a secret link."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid_kit.errors import NotFound
from onegrid_kit.http.answers import Answer, feed
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import ReadOnlyDatabase
from onegrid_kit.paging import START
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu.commands.meeting_calendars import digest_of
from onegrid_partyedu.meeting_calendar import feed_of
from onegrid_partyedu.store import meeting_calendars, meetings, members

__all__ = ["show_meetings"]

_CALENDAR: Final = "text/calendar; charset=utf-8"
_BACK: Final = timedelta(weeks=4)
_MOST: Final = 1000


async def show_meetings(request: Request[ServiceSettings], db: ReadOnlyDatabase) -> Answer:
    """A member's meetings. Raises NotFound for a link that does not work, whether it ever did or not."""
    digest = digest_of(request.parameters["secret"])
    # The same for a day, so that the calendar's bytes stay what they are.
    since = request.call.now.replace(hour=0, minute=0, second=0, microsecond=0) - _BACK

    def read(conn: Connection) -> bytes | None:
        link = meeting_calendars.find_link(conn, digest)
        member = None if link is None else members.find_member(conn, link.member)
        if link is None or member is None:
            return None
        found = meetings.meetings_of_member(conn, member, since, START, _MOST)
        names = meeting_calendars.display_names(conn, found)
        shown = [(each, names[each.organization]) for each in found]
        return feed_of(shown, timedelta(minutes=link.reminder_minutes))

    body = await db.read(read)
    if body is None:
        raise NotFound("calendar")
    return feed(body, _CALENDAR, request.headers.get("if-none-match", ""))
