"""The methods on drills."""

from __future__ import annotations

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import drills_pb2 as pb
from onegrid_emergency import drill_messages as messages
from onegrid_emergency import plan_messages
from onegrid_emergency import warning_texts as texts
from onegrid_emergency.commands import drills as commands
from onegrid_emergency.drill import DRILL
from onegrid_emergency.plan import PLAN
from onegrid_emergency.profile import profile_of
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import drills as store
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Drills"]


class Drills:
    """The methods on drills."""

    def __init__(self, runtime: Runtime[EmergencySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._settings = runtime.settings

    async def StartDrill(self, request: pb.StartDrillRequest, call: Call) -> bytes:
        command = commands.StartDrill(
            plan=PLAN.id(request.plan), place=request.place, display_name=request.display_name
        )

        def start(conn: Connection) -> Message:
            return pb.StartDrillResponse(drill=messages.drill(commands.start_drill(conn, command, call)))

        return await self._db.command(call, start)

    async def GetDrill(self, request: pb.GetDrillRequest, call: Call) -> pb.GetDrillResponse:
        id_ = DRILL.id(request.name)
        found = await self._db.read(lambda conn: commands.require_visible(conn, id_, call))
        return pb.GetDrillResponse(drill=messages.drill(found))

    async def ListDrills(self, request: pb.ListDrillsRequest, call: Call) -> pb.ListDrillsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.drills_page(conn, request.place, after, limit),
            position=lambda each: (each.start_time, each.id),
            message=messages.drill,
        )
        return pb.ListDrillsResponse(drills=page.items, next_page_token=page.next_token)

    async def AcknowledgeDrillTask(self, request: pb.AcknowledgeDrillTaskRequest, call: Call) -> bytes:
        def acknowledge(conn: Connection) -> Message:
            task = messages.task(*commands.acknowledge_task(conn, request.name, call))
            return pb.AcknowledgeDrillTaskResponse(task=task)

        return await self._db.command(call, acknowledge)

    async def CompleteDrillTask(self, request: pb.CompleteDrillTaskRequest, call: Call) -> bytes:
        def complete(conn: Connection) -> Message:
            task = messages.task(*commands.complete_task(conn, request.name, request.report, call))
            return pb.CompleteDrillTaskResponse(task=task)

        return await self._db.command(call, complete)

    async def TickDrillItem(self, request: pb.TickDrillItemRequest, call: Call) -> bytes:
        command = commands.TickItem(drill=DRILL.id(request.drill), number=request.number, untick=request.untick)

        def tick(conn: Connection) -> Message:
            return pb.TickDrillItemResponse(item=plan_messages.item(commands.tick_item(conn, command, call)))

        return await self._db.command(call, tick)

    async def IssueDrillWarning(self, request: pb.IssueDrillWarningRequest, call: Call) -> bytes:
        id_ = DRILL.id(request.drill)
        say = texts.say_of(request.content)
        profile = profile_of(self._settings, codes.district_of(id_))

        def issue(conn: Connection) -> Message:
            issued = commands.issue_warning(conn, id_, say, profile, call)
            return pb.IssueDrillWarningResponse(warning=texts.warning(issued))

        return await self._db.command(call, issue)

    async def EndDrill(self, request: pb.EndDrillRequest, call: Call) -> bytes:
        id_ = DRILL.id(request.name)

        def end(conn: Connection) -> Message:
            return pb.EndDrillResponse(drill=messages.drill(commands.end_drill(conn, id_, request.summary, call)))

        return await self._db.command(call, end)
