"""The methods on overrides."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.duty.v1 import duty_service_pb2 as pb
from onegrid_duty import messages, queries
from onegrid_duty.commands import overrides as commands
from onegrid_duty.commands.overrides import CreateOverride
from onegrid_duty.roster import OVERRIDE, ROSTER
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Overrides"]


class Overrides:
    """The methods on overrides."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def CreateOverride(self, request: pb.CreateOverrideRequest, call: Call) -> bytes:
        command = CreateOverride(
            roster=ROSTER.id(request.roster),
            begin=request.begin_time.ToDatetime(UTC),
            end=request.end_time.ToDatetime(UTC),
            user=request.user,
            rotations=messages.parse_rotations(request.schedule.rotations, request.roster, "schedule.rotations"),
            reason=request.reason,
        )
        return await self._db.command(
            call,
            lambda conn: pb.CreateOverrideResponse(override=messages.override(commands.create(conn, command, call))),
        )

    async def DeleteOverride(self, request: pb.DeleteOverrideRequest, call: Call) -> bytes:
        def delete(conn: Connection) -> pb.DeleteOverrideResponse:
            commands.delete(conn, OVERRIDE.id(request.name), call)
            return pb.DeleteOverrideResponse()

        return await self._db.command(call, delete)

    async def ListOverrides(self, request: pb.ListOverridesRequest, call: Call) -> pb.ListOverridesResponse:
        roster = ROSTER.id(request.roster)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.overrides_page(conn, roster, call.now, after, limit),
            position=lambda override: (override.id,),
            message=messages.override,
        )
        return pb.ListOverridesResponse(overrides=page.items, next_page_token=page.next_token)
