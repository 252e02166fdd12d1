"""The methods on departments' records."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages, queries
from onegrid_notify.audience import COLUMN
from onegrid_notify.commands import records as commands
from onegrid_notify.records import Record
from onegrid_notify.settings import NotifySettings

__all__ = ["Records"]


class Records:
    """The methods on departments' records."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def PushRecords(self, request: pb.PushRecordsRequest, call: Call) -> bytes:
        column = COLUMN.id(request.column)
        pushed = [messages.record_of(each, column) for each in request.records]

        def push(conn: Connection) -> pb.PushRecordsResponse:
            changed = commands.push(conn, column, pushed, call)
            return pb.PushRecordsResponse(changed=changed, unchanged=len(pushed) - changed)

        return await self._db.command(call, push)

    async def ListRecords(self, request: pb.ListRecordsRequest, call: Call) -> pb.ListRecordsResponse:
        def query(conn: Connection, after: Position, limit: int) -> list[Record]:
            return queries.list_records(conn, COLUMN.id(request.column), request.place, after, limit)

        page = await self._pages.read(
            request, query, position=lambda each: (each.source_time, each.source_id), message=messages.record
        )
        return pb.ListRecordsResponse(records=page.items, next_page_token=page.next_token)
