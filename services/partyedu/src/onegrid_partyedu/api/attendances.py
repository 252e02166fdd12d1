"""The methods on attendance at meetings."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.partyedu.v1 import meeting_methods_pb2 as pb
from onegrid.partyedu.v1.meetings_pb2 import CheckInCode, MeetingAction, MeetingActor
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.timestamps import timestamp
from onegrid_kit.visibility import Viewer, visible_to
from onegrid_partyedu import meeting_messages as messages
from onegrid_partyedu.check_in_codes import code_at, matches, next_time
from onegrid_partyedu.commands import attendances as commands
from onegrid_partyedu.errors import CheckInCodeWrong
from onegrid_partyedu.meeting import CODE_PURPOSE, MEETING, Meeting
from onegrid_partyedu.meeting_authority import HOST, require_hosted, viewer_of_attendances
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.store import attendances as store

__all__ = ["Attendances"]


class Attendances:
    """The methods on attendance at meetings."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def GetCheckInCode(self, request: pb.GetCheckInCodeRequest, call: Call) -> pb.GetCheckInCodeResponse:
        found = await self._db.read(lambda conn: require_hosted(conn, MEETING.id(request.name), call))
        found.after(MeetingAction.MEETING_ACTION_CHECK_IN, MeetingActor.MEETING_ACTOR_MEMBER)
        code = CheckInCode(code=code_at(self._secret(found), call.now), next_time=timestamp(next_time(call.now)))
        return pb.GetCheckInCodeResponse(code=code)

    async def CheckIn(self, request: pb.CheckInRequest, call: Call) -> bytes:
        id_ = MEETING.id(request.name)

        def is_right(of: Meeting) -> bool:
            return matches(self._secret(of), request.code, call.now)

        if not await self._db.write(lambda conn: commands.try_code(conn, id_, is_right, call)):
            raise CheckInCodeWrong(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.CheckInResponse(
                attendance=visible_to(Viewer(owner=True), messages.attendance(commands.check_in(conn, id_, call)))
            ),
        )

    async def RecordAttendance(self, request: pb.RecordAttendanceRequest, call: Call) -> bytes:
        command = commands.RecordAttendance(
            meeting=MEETING.id(request.name),
            member=MEMBER.id(request.member),
            state=request.state,
            reason=request.reason,
        )
        host = Viewer(permissions=frozenset({HOST}))

        def record(conn: Connection) -> pb.RecordAttendanceResponse:
            recorded = commands.record_attendance(conn, command, call)
            return pb.RecordAttendanceResponse(attendance=visible_to(host, messages.attendance(recorded)))

        return await self._db.command(call, record)

    async def ListAttendances(self, request: pb.ListAttendancesRequest, call: Call) -> pb.ListAttendancesResponse:
        id_ = MEETING.id(request.meeting)

        def permitted(conn: Connection) -> Viewer:
            return viewer_of_attendances(conn, require_hosted(conn, id_, call).organization, call)

        viewer = await self._db.read(permitted)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.attendances_page(conn, id_, request.state, after, limit),
            position=lambda each: (each.member,),
            message=lambda each: visible_to(viewer, messages.attendance(each)),
        )
        return pb.ListAttendancesResponse(attendances=page.items, next_page_token=page.next_token)

    def _secret(self, of: Meeting) -> bytes:
        return self._cipher.open(of.sealed_secret, CODE_PURPOSE)
