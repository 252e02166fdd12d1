"""The methods on statements; HTTP has more of them (`web`)."""

from __future__ import annotations

import orjson
from sqlalchemy import Connection

from onegrid.partyedu.v1 import statement_methods_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime
from onegrid_partyedu.commands import statements as commands
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.store import statements as store
from onegrid_partyedu.xapi.statement import STATEMENT, refuse

__all__ = ["Statements"]


class Statements:
    """The methods on statements."""

    def __init__(self, runtime: Runtime[PartyeduSettings]) -> None:
        self._db = runtime.db
        self._cipher = runtime.cipher

    async def StoreStatements(self, request: pb.StoreStatementsRequest, call: Call) -> bytes:
        sender = commands.Sender(request.district, call.caller.user)
        try:
            given = orjson.loads(request.statements)
        except orjson.JSONDecodeError:
            refuse("statements", "must be JSON")
        batch, _ = await commands.prepared(given, (), len(request.statements), sender, self._cipher)

        def store_all(conn: Connection) -> pb.StoreStatementsResponse:
            commands.store_statements(conn, batch, sender, self._cipher, call)
            return pb.StoreStatementsResponse(names=[STATEMENT.name(f"{request.district}-{each.id}") for each in batch])

        return await self._db.command(call, store_all)

    async def GetStatement(self, request: pb.GetStatementRequest, call: Call) -> pb.GetStatementResponse:
        district, _, id_ = STATEMENT.id(request.name).partition("-")
        found = await self._db.read(lambda conn: store.find_statement(conn, district, id_, voided=False))
        if found is None:
            raise NotFound(request.name)
        return pb.GetStatementResponse(statement=commands.opened(found, self._cipher).decode())
