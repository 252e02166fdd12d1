"""The methods on meetings and their minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1 import meeting_methods_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import meeting_messages as messages
from onegrid_partyedu.check_in_codes import new_secret
from onegrid_partyedu.commands import meetings as commands
from onegrid_partyedu.meeting import CODE_PURPOSE, MEETING, Meeting, MinutesRevision
from onegrid_partyedu.meeting_authority import require_office, require_own, require_readable
from onegrid_partyedu.meeting_duties import MONTHS
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import meetings as store
from onegrid_partyedu.store.meetings_overdue import overdue_page

__all__ = ["Meetings"]

_BACK: Final = timedelta(weeks=4)


class Meetings:
    """The methods on meetings and their minutes."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def ScheduleMeeting(self, request: pb.ScheduleMeetingRequest, call: Call) -> bytes:
        organization, plan = ORGANIZATION.id(request.organization), messages.plan_of(request.plan)

        def schedule(conn: Connection) -> pb.ScheduleMeetingResponse:
            new = commands.schedule_meeting(conn, organization, request.kind, plan, call)
            return pb.ScheduleMeetingResponse(meeting=messages.meeting(new))

        return await self._db.command(call, schedule)

    async def ChangeMeeting(self, request: pb.ChangeMeetingRequest, call: Call) -> bytes:
        id_, plan = MEETING.id(request.name), messages.plan_of(request.plan)

        def change(conn: Connection) -> pb.ChangeMeetingResponse:
            after = commands.change_meeting(conn, id_, plan, request.etag, call)
            return pb.ChangeMeetingResponse(meeting=messages.meeting(after))

        return await self._db.command(call, change)

    async def CancelMeeting(self, request: pb.CancelMeetingRequest, call: Call) -> bytes:
        id_ = MEETING.id(request.name)

        def cancel(conn: Connection) -> pb.CancelMeetingResponse:
            after = commands.cancel_meeting(conn, id_, request.reason, request.etag, call)
            return pb.CancelMeetingResponse(meeting=messages.meeting(after))

        return await self._db.command(call, cancel)

    async def OpenMeeting(self, request: pb.OpenMeetingRequest, call: Call) -> bytes:
        id_ = MEETING.id(request.name)
        sealed = self._cipher.seal(new_secret(), CODE_PURPOSE)

        def open_(conn: Connection) -> pb.OpenMeetingResponse:
            after = commands.open_meeting(conn, id_, sealed, request.etag, call)
            return pb.OpenMeetingResponse(meeting=messages.meeting(after))

        return await self._db.command(call, open_)

    async def CloseMeeting(self, request: pb.CloseMeetingRequest, call: Call) -> bytes:
        command = commands.CloseMeeting(
            meeting=MEETING.id(request.name),
            duration_minutes=request.duration_minutes,
            minutes=request.minutes,
            etag=request.etag,
        )

        def close(conn: Connection) -> pb.CloseMeetingResponse:
            return pb.CloseMeetingResponse(meeting=messages.meeting(commands.close_meeting(conn, command, call)))

        return await self._db.command(call, close)

    async def AmendMinutes(self, request: pb.AmendMinutesRequest, call: Call) -> bytes:
        command = commands.AmendMinutes(
            meeting=MEETING.id(request.name),
            minutes=request.minutes,
            reason=request.reason,
            revision=request.revision,
        )

        def amend(conn: Connection) -> pb.AmendMinutesResponse:
            return pb.AmendMinutesResponse(minutes=messages.minutes(commands.amend_minutes(conn, command, call)))

        return await self._db.command(call, amend)

    async def GetMeeting(self, request: pb.GetMeetingRequest, call: Call) -> pb.GetMeetingResponse:
        found = await self._db.read(lambda conn: require_readable(conn, MEETING.id(request.name), call))
        return pb.GetMeetingResponse(meeting=messages.meeting(found))

    async def ListMeetings(self, request: pb.ListMeetingsRequest, call: Call) -> pb.ListMeetingsResponse:
        organization = ORGANIZATION.id(request.organization)

        def read(conn: Connection, after: Position, limit: int) -> list[Meeting]:
            require_office(conn, organization, call)
            return store.meetings_page(conn, organization, request.kind, request.state, after, limit)

        page = await self._pages.read(
            request,
            read,
            position=lambda meeting: (meeting.plan.begin_time, meeting.id),
            message=messages.meeting,
        )
        return pb.ListMeetingsResponse(meetings=page.items, next_page_token=page.next_token)

    async def ListOwnMeetings(self, request: pb.ListOwnMeetingsRequest, call: Call) -> pb.ListOwnMeetingsResponse:
        def read(conn: Connection, after: Position, limit: int) -> list[Meeting]:
            own = require_own(conn, call)
            return store.meetings_of_member(conn, own, call.now - _BACK, after, limit)

        page = await self._pages.read(
            request,
            read,
            position=lambda meeting: (meeting.plan.begin_time, meeting.id),
            message=messages.meeting,
        )
        return pb.ListOwnMeetingsResponse(meetings=page.items, next_page_token=page.next_token)

    async def ListMeetingsOverdue(
        self, request: pb.ListMeetingsOverdueRequest, call: Call
    ) -> pb.ListMeetingsOverdueResponse:
        kinds = [request.kind] if request.kind else list(MONTHS)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: overdue_page(conn, request.scope, kinds, call.now, after, limit),
            position=lambda each: (each.organization, each.kind),
            message=messages.overdue,
        )
        return pb.ListMeetingsOverdueResponse(overdue=page.items, next_page_token=page.next_token)

    async def ListMinutes(self, request: pb.ListMinutesRequest, call: Call) -> pb.ListMinutesResponse:
        id_ = MEETING.id(request.meeting)

        def read(conn: Connection, after: Position, limit: int) -> list[MinutesRevision]:
            require_readable(conn, id_, call)
            return store.minutes_page(conn, id_, after, limit)

        page = await self._pages.read(request, read, position=lambda each: (each.revision,), message=messages.minutes)
        return pb.ListMinutesResponse(minutes=page.items, next_page_token=page.next_token)
