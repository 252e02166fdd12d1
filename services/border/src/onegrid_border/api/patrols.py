"""The methods on patrols."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.field.v1.field_pb2 import BatchResult
from onegrid_border import messages
from onegrid_border.authority import require_patrol
from onegrid_border.commands import patrols as commands
from onegrid_border.commands.entries import append_entries
from onegrid_border.patrol import GRACE, PATROL
from onegrid_border.queries import judged_entries
from onegrid_border.route import ROUTE
from onegrid_border.settings import BorderSettings
from onegrid_border.store import patrols as store
from onegrid_border.unit import UNIT
from onegrid_border.watching import Positions
from onegrid_kit.callers import Call
from onegrid_kit.field.counting import begin_counting, count_entries
from onegrid_kit.runtime import Runtime
from onegrid_kit.timestamps import timestamp

__all__ = ["Patrols"]

_ANSWER: Final = timedelta(minutes=10)
_RECENT: Final = timedelta(days=7)


class Patrols:
    """The methods on patrols and their entries."""

    def __init__(self, runtime: Runtime[BorderSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher
        self._positions = Positions(runtime)
        begin_counting("border")

    async def PlanPatrol(self, request: pb.PlanPatrolRequest, call: Call) -> bytes:
        command = commands.PlanPatrol(
            unit=UNIT.id(request.unit),
            route=ROUTE.id(request.route),
            leader=request.leader,
            start_time=request.start_time.ToDatetime(UTC),
            grace=timedelta(minutes=request.grace_minutes) or GRACE,
        )
        return await self._db.command(
            call,
            lambda conn: pb.PlanPatrolResponse(patrol=messages.patrol(commands.plan_patrol(conn, command, call))),
        )

    async def CancelPatrol(self, request: pb.CancelPatrolRequest, call: Call) -> bytes:
        def cancel(conn: Connection) -> pb.CancelPatrolResponse:
            done = commands.cancel_patrol(conn, PATROL.id(request.name), request.reason, request.etag, call)
            return pb.CancelPatrolResponse(patrol=messages.patrol(done))

        return await self._db.command(call, cancel)

    async def GetPatrol(self, request: pb.GetPatrolRequest, call: Call) -> pb.GetPatrolResponse:
        found = await self._db.read(lambda conn: require_patrol(conn, PATROL.id(request.name), call))
        return pb.GetPatrolResponse(patrol=messages.patrol(found))

    async def ListPatrols(self, request: pb.ListPatrolsRequest, call: Call) -> pb.ListPatrolsResponse:
        period = _moment(request.from_time), _moment(request.until_time)
        unit = UNIT.id(request.unit) if request.unit else ""
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.patrols_page(
                conn, request.scope, unit, period, request.states, after, limit
            ),
            position=lambda patrol: (patrol.start_due_time, patrol.id),
            message=messages.patrol,
        )
        return pb.ListPatrolsResponse(patrols=page.items, next_page_token=page.next_token)

    async def ListOwnPatrols(self, request: pb.ListOwnPatrolsRequest, call: Call) -> pb.ListOwnPatrolsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.led_page(conn, call.caller.user, call.now - _RECENT, after, limit),
            position=lambda patrol: (patrol.start_due_time, patrol.id),
            message=messages.patrol,
        )
        return pb.ListOwnPatrolsResponse(patrols=page.items, next_page_token=page.next_token)

    async def AppendEntries(self, request: pb.AppendEntriesRequest, call: Call) -> bytes:
        done: list[BatchResult] = []

        def append(conn: Connection) -> pb.AppendEntriesResponse:
            done.append(append_entries(conn, request.batch, self._cipher, call))
            return pb.AppendEntriesResponse(result=done[-1])

        answer = await self._db.command(call, append)
        count_entries("border", done[-1])
        return answer

    async def ListEntries(self, request: pb.ListEntriesRequest, call: Call) -> pb.ListEntriesResponse:
        patrol = PATROL.id(request.patrol)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: judged_entries(conn, patrol, call, after, limit),
            position=lambda each: each[0],
            message=lambda each: each[1],
        )
        return pb.ListEntriesResponse(entries=page.items, next_page_token=page.next_token)

    async def WatchUnits(self, request: pb.WatchUnitsRequest, call: Call) -> AsyncIterator[pb.WatchUnitsResponse]:
        async for patrol in self._positions.watch(request.scope):
            yield pb.WatchUnitsResponse() if patrol is None else messages.watched(patrol)

    async def RequestWelfareCheck(self, request: pb.RequestWelfareCheckRequest, call: Call) -> bytes:
        within = timedelta(minutes=request.answer_minutes) or _ANSWER

        def ask(conn: Connection) -> pb.RequestWelfareCheckResponse:
            due = commands.request_welfare_check(conn, PATROL.id(request.name), within, call)
            return pb.RequestWelfareCheckResponse(answer_due_time=timestamp(due))

        return await self._db.command(call, ask)


def _moment(time: Timestamp) -> datetime | None:
    return time.ToDatetime(UTC) if time.ByteSize() else None
