"""The methods on rounds and their entries."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.field.v1.field_pb2 import BatchResult
from onegrid.grid.v1 import grid_service_pb2 as pb
from onegrid_grid import messages
from onegrid_grid.commands.entries import append_entries
from onegrid_grid.inspection_round import ROUND
from onegrid_grid.queries import round_entries
from onegrid_grid.settings import GridSettings
from onegrid_grid.store import rounds as store
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.field.counting import begin_counting, count_entries
from onegrid_kit.runtime import Runtime
from onegrid_kit.timestamps import moment

__all__ = ["Rounds"]


class Rounds:
    """The methods on rounds and their entries."""

    def __init__(self, runtime: Runtime[GridSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        begin_counting("grid")

    async def AppendEntries(self, request: pb.AppendEntriesRequest, call: Call) -> bytes:
        done: list[BatchResult] = []

        def append(conn: Connection) -> pb.AppendEntriesResponse:
            done.append(append_entries(conn, request.batch, call))
            return pb.AppendEntriesResponse(result=done[-1])

        answer = await self._db.command(call, append)
        count_entries("grid", done[-1])
        return answer

    async def GetRound(self, request: pb.GetRoundRequest, call: Call) -> pb.GetRoundResponse:
        found = await self._db.read(lambda conn: store.find_round(conn, ROUND.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetRoundResponse(round=messages.round_(found))

    async def ListRounds(self, request: pb.ListRoundsRequest, call: Call) -> pb.ListRoundsResponse:
        period = (
            moment(request.from_time) if request.HasField("from_time") else None,
            moment(request.until_time) if request.HasField("until_time") else None,
        )
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.rounds_page(conn, request.parent, period, after, limit),
            position=lambda each: (each.begin_time, each.id),
            message=messages.round_,
        )
        return pb.ListRoundsResponse(rounds=page.items, next_page_token=page.next_token)

    async def ListRoundEntries(self, request: pb.ListRoundEntriesRequest, call: Call) -> pb.ListRoundEntriesResponse:
        id_ = ROUND.id(request.round)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: round_entries(conn, id_, call.now, after, limit),
            position=lambda each: each[0],
            message=lambda each: each[1],
        )
        return pb.ListRoundEntriesResponse(entries=page.items, next_page_token=page.next_token)
