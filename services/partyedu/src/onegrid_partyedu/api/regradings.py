"""The methods on regradings, and on how items did."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1 import item_statistics_pb2
from onegrid.partyedu.v1 import regrading_methods_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import regrading_messages as messages
from onegrid_partyedu.commands import regradings as commands
from onegrid_partyedu.item_analysis import Tally, figures_of
from onegrid_partyedu.quiz import QUIZ
from onegrid_partyedu.regrading import REGRADING, Change
from onegrid_partyedu.store import item_statistics, pools, quizzes
from onegrid_partyedu.store import regradings as store

__all__ = ["Regradings"]

_MOST_ATTEMPTS: Final = 20_000
_MOST_ITEMS: Final = 1_000


class Regradings:
    """The methods on regradings."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def StartRegrading(self, request: pb.StartRegradingRequest, call: Call) -> bytes:
        corrections = [messages.item_correction(each) for each in request.corrections]
        return await self._db.command(
            call,
            lambda conn: pb.StartRegradingResponse(
                regrading=messages.regrading(commands.start_regrading(conn, QUIZ.id(request.quiz), corrections, call))
            ),
        )

    async def GetRegrading(self, request: pb.GetRegradingRequest, call: Call) -> pb.GetRegradingResponse:
        id_ = REGRADING.id(request.name)
        found = await self._db.read(lambda conn: commands.require_regrading(conn, id_, call))
        return pb.GetRegradingResponse(regrading=messages.regrading(found))

    async def ListRegradings(self, request: pb.ListRegradingsRequest, _: Call) -> pb.ListRegradingsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.regradings_page(conn, QUIZ.id(request.quiz), after, limit),
            position=lambda each: (each.id,),
            message=messages.regrading,
        )
        return pb.ListRegradingsResponse(regradings=page.items, next_page_token=page.next_token)

    async def ListRegradingChanges(
        self, request: pb.ListRegradingChangesRequest, call: Call
    ) -> pb.ListRegradingChangesResponse:
        id_ = REGRADING.id(request.name)

        def changes(conn: Connection, after: Position, limit: int) -> Sequence[Change]:
            return store.changes_page(conn, commands.require_regrading(conn, id_, call).id, after, limit)

        page = await self._pages.read(request, changes, position=lambda each: (each.attempt,), message=messages.change)
        return pb.ListRegradingChangesResponse(changes=page.items, next_page_token=page.next_token)

    async def ApplyRegrading(self, request: pb.ApplyRegradingRequest, call: Call) -> bytes:
        id_ = REGRADING.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.ApplyRegradingResponse(
                regrading=messages.regrading(commands.apply_regrading(conn, id_, request.etag, call))
            ),
        )

    async def DiscardRegrading(self, request: pb.DiscardRegradingRequest, call: Call) -> bytes:
        id_ = REGRADING.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.DiscardRegradingResponse(
                regrading=messages.regrading(commands.discard_regrading(conn, id_, request.etag, call))
            ),
        )

    async def SummarizeItems(
        self, request: item_statistics_pb2.SummarizeItemsRequest, _: Call
    ) -> item_statistics_pb2.SummarizeItemsResponse:
        id_ = QUIZ.id(request.quiz)
        if await self._db.read(lambda conn: quizzes.find_quiz(conn, id_)) is None:
            raise NotFound(request.quiz)
        attempts, tallies, last = 0, list[Tally](), ""
        # A statement for all would keep its connection for many seconds.
        while attempts < _MOST_ATTEMPTS:
            batch = await self._db.read(partial(item_statistics.tally_attempts, quiz=id_, before=last))
            attempts, last = attempts + batch.attempts, batch.last
            tallies += batch.tallies
            if not last:
                break
        found = figures_of(tallies, _MOST_ITEMS)
        items = await self._db.read(lambda conn: pools.item_revisions(conn, {(of.ref, of.revision) for of in found}))
        return item_statistics_pb2.SummarizeItemsResponse(
            attempts=attempts, items=[messages.item_statistics(of, items[of.ref, of.revision]) for of in found]
        )
