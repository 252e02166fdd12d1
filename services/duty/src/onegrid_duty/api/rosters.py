"""The methods on rosters."""

from __future__ import annotations

from onegrid.duty.v1 import duty_service_pb2 as pb
from onegrid_duty import messages
from onegrid_duty.commands import rosters as commands
from onegrid_duty.commands.rosters import DefineRoster
from onegrid_duty.roster import ROSTER
from onegrid_duty.store import rosters as store
from onegrid_duty.timetable import require_roster
from onegrid_kit.callers import Call
from onegrid_kit.clock import CHINA
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Rosters"]


class Rosters:
    """The methods on rosters."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineRoster(self, request: pb.DefineRosterRequest, call: Call) -> bytes:
        command = DefineRoster(
            id=ROSTER.id(request.name),
            kind=request.kind,
            display_name=request.display_name,
            time_zone=request.time_zone or CHINA.key,
            role=request.role,
            rotations=messages.parse_rotations(request.rotations, request.name, "rotations"),
            coverage=messages.parse_window(request.coverage) if request.HasField("coverage") else None,
            supervisors=tuple(request.supervisors),
            escalation=messages.parse_rungs(request.escalation),
            etag=request.etag,
        )
        return await self._db.command(
            call, lambda conn: pb.DefineRosterResponse(roster=messages.roster(commands.define(conn, command, call)))
        )

    async def RetireRoster(self, request: pb.RetireRosterRequest, call: Call) -> bytes:
        roster = ROSTER.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.RetireRosterResponse(
                roster=messages.roster(commands.retire(conn, roster, request.etag, call))
            ),
        )

    async def GetRoster(self, request: pb.GetRosterRequest, call: Call) -> pb.GetRosterResponse:
        roster = ROSTER.id(request.name)
        found = await self._db.read(lambda conn: require_roster(conn, roster))
        return pb.GetRosterResponse(roster=messages.roster(found))

    async def ListRosters(self, request: pb.ListRostersRequest, call: Call) -> pb.ListRostersResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.rosters_page(conn, request.scope, after, limit),
            position=lambda roster: (roster.id,),
            message=messages.roster,
        )
        return pb.ListRostersResponse(rosters=page.items, next_page_token=page.next_token)
