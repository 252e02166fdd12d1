"""The methods on columns."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages
from onegrid_notify.commands import columns as commands
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store.columns import columns_of

__all__ = ["Columns"]


class Columns:
    """The methods on columns."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db

    async def DefineColumn(self, request: pb.DefineColumnRequest, call: Call) -> bytes:
        wanted = messages.column_of(request.column)
        return await self._db.command(
            call,
            lambda conn: pb.DefineColumnResponse(
                column=messages.column(commands.define(conn, wanted, request.etag, call))
            ),
        )

    async def ListColumns(self, request: pb.ListColumnsRequest, call: Call) -> pb.ListColumnsResponse:
        columns = await self._db.read(lambda conn: columns_of(conn, request.district))
        return pb.ListColumnsResponse(
            columns=[messages.column(each) for each in columns.ordered(request.show_archived)]
        )
