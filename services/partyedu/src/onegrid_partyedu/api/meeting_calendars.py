"""The methods on calendars of meetings."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.partyedu.v1 import meeting_methods_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import meeting_messages as messages
from onegrid_partyedu.commands import meeting_calendars as commands
from onegrid_partyedu.meeting import CALENDAR_LINK, MEETING
from onegrid_partyedu.meeting_authority import require_readable
from onegrid_partyedu.meeting_calendar import invitation
from onegrid_partyedu.store import meeting_calendars as store

__all__ = ["MeetingCalendars"]


class MeetingCalendars:
    """The methods on calendars of meetings."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db

    async def GetMeetingCalendar(
        self, request: pb.GetMeetingCalendarRequest, call: Call
    ) -> pb.GetMeetingCalendarResponse:
        def read(conn: Connection) -> bytes:
            found = require_readable(conn, MEETING.id(request.name), call)
            return invitation(found, store.display_names(conn, [found])[found.organization])

        return pb.GetMeetingCalendarResponse(ical=await self._db.read(read))

    async def CreateMeetingCalendarLink(self, request: pb.CreateMeetingCalendarLinkRequest, call: Call) -> bytes:
        def create(conn: Connection) -> pb.CreateMeetingCalendarLinkResponse:
            made = commands.create_link(conn, request.reminder_minutes, call)
            return pb.CreateMeetingCalendarLinkResponse(link=messages.calendar_link(*made))

        return await self._db.command(call, create)

    async def RevokeMeetingCalendarLink(self, request: pb.RevokeMeetingCalendarLinkRequest, call: Call) -> bytes:
        member = CALENDAR_LINK.id(request.name)

        def revoke(conn: Connection) -> pb.RevokeMeetingCalendarLinkResponse:
            commands.revoke_link(conn, member, call)
            return pb.RevokeMeetingCalendarLinkResponse()

        return await self._db.command(call, revoke)
