"""The methods on the links of calendars."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.duty.v1 import duty_service_pb2 as pb
from onegrid_duty import messages
from onegrid_duty.calendars import CALENDAR_LINK
from onegrid_duty.commands import calendars as commands
from onegrid_duty.roster import ROSTER
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Calendars"]


class Calendars:
    """The methods on the links of calendars."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db

    async def CreateCalendarLink(self, request: pb.CreateCalendarLinkRequest, call: Call) -> bytes:
        def create(conn: Connection) -> pb.CreateCalendarLinkResponse:
            made = commands.create_own(conn, request.reminder_minutes, call)
            return pb.CreateCalendarLinkResponse(link=messages.calendar_link(*made))

        return await self._db.command(call, create)

    async def CreateRosterCalendarLink(self, request: pb.CreateRosterCalendarLinkRequest, call: Call) -> bytes:
        roster = ROSTER.id(request.roster)

        def create(conn: Connection) -> pb.CreateRosterCalendarLinkResponse:
            made = commands.create_roster(conn, roster, call)
            return pb.CreateRosterCalendarLinkResponse(link=messages.calendar_link(*made))

        return await self._db.command(call, create)

    async def RevokeCalendarLink(self, request: pb.RevokeCalendarLinkRequest, call: Call) -> bytes:
        link = CALENDAR_LINK.id(request.name)

        def revoke(conn: Connection) -> pb.RevokeCalendarLinkResponse:
            commands.revoke(conn, link, call)
            return pb.RevokeCalendarLinkResponse()

        return await self._db.command(call, revoke)
