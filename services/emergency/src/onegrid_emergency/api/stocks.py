"""The methods on supplies."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.emergency.v1 import relief_pb2 as pb
from onegrid_emergency import relief_messages
from onegrid_emergency.commands import stocks as commands
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import stocks as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Stocks"]


class Stocks:
    """The methods on supplies."""

    def __init__(self, runtime: Runtime[EmergencySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineStock(self, request: pb.DefineStockRequest, call: Call) -> bytes:
        asked = request.stock
        command = commands.DefineStock(
            name=asked.name,
            display_name=asked.display_name,
            unit=asked.unit,
            minimum=asked.minimum,
            etag=asked.etag,
        )

        def define(conn: Connection) -> pb.DefineStockResponse:
            return pb.DefineStockResponse(stock=relief_messages.stock(commands.define_stock(conn, command, call)))

        return await self._db.command(call, define)

    async def ListStocks(self, request: pb.ListStocksRequest, call: Call) -> pb.ListStocksResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.stocks_page(conn, request.parent, call.now, after, limit),
            position=lambda each: (each.name,),
            message=relief_messages.stock,
        )
        return pb.ListStocksResponse(stocks=page.items, next_page_token=page.next_token)

    async def MoveStock(self, request: pb.MoveStockRequest, call: Call) -> bytes:
        command = commands.MoveStock(
            name=request.name,
            kind=request.kind,
            quantity=request.quantity,
            reservation=request.reservation,
            note=request.note,
        )

        def move(conn: Connection) -> pb.MoveStockResponse:
            movement, after = commands.move_stock(conn, command, call)
            return pb.MoveStockResponse(movement=relief_messages.movement(movement), stock=relief_messages.stock(after))

        return await self._db.command(call, move)

    async def ListStockMovements(
        self, request: pb.ListStockMovementsRequest, call: Call
    ) -> pb.ListStockMovementsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.movements_page(conn, request.parent, after, limit),
            position=lambda each: (each.number,),
            message=relief_messages.movement,
        )
        return pb.ListStockMovementsResponse(movements=page.items, next_page_token=page.next_token)
