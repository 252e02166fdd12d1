"""What duty serves over HTTP: calendars of shifts, each behind a secret link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid_duty.calendars import Entry, Link, ical
from onegrid_duty.commands.calendars import digest_of
from onegrid_duty.store import calendars, rosters
from onegrid_kit.errors import NotFound
from onegrid_kit.http.answers import Answer, feed
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import PUBLIC, ReadOnlyDatabase, Route, get
from onegrid_kit.settings import ServiceSettings

__all__ = ["ROUTES"]

_CALENDAR: Final = "text/calendar; charset=utf-8"
_BACK: Final = timedelta(weeks=4)
_MOST: Final = 2000
_OWN: Final = "值班"


async def show(request: Request[ServiceSettings], db: ReadOnlyDatabase) -> Answer:
    """A calendar. Raises NotFound for a link that does not work, whether it ever did or not."""
    digest, now = digest_of(request.parameters["secret"]), request.call.now

    def read(conn: Connection) -> tuple[Link, str, Sequence[Entry]] | None:
        link = calendars.find_link(conn, digest, now)
        if link is None:
            return None
        roster = rosters.find_roster(conn, link.roster) if link.roster else None
        return link, roster.display_name if roster else _OWN, calendars.entries(conn, link, _since(now), _MOST)

    found = await db.read(read)
    if found is None:
        raise NotFound("calendar")
    link, title, entries = found
    body = ical(title, entries, with_people=bool(link.roster), reminder=timedelta(minutes=link.reminder_minutes))
    return feed(body, _CALENDAR, request.headers.get("if-none-match", ""))


def _since(now: datetime) -> datetime:
    """From when on there are shifts in a calendar: the same for a day, so that its bytes stay what they are."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - _BACK


ROUTES: Final[tuple[Route, ...]] = (get("/v1/calendars/{secret}.ics", PUBLIC, show),)
