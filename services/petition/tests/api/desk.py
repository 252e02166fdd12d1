"""How these tests act: as somebody, by name of the method, with the fields of the request."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc.aio
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from people import CELL, CITIZEN, COMMANDER, COMMUNITY, DISTRICT, HELPER, LEAD, STREET
from sqlalchemy import Connection, Engine, text

from onegrid.common.v1.common_pb2 import Point, Polygon
from onegrid.grid.v1 import events_pb2 as grid_events
from onegrid.grid.v1.resources_pb2 import Appointment, Post
from onegrid.identity.v1.events_pb2 import DepartmentDefined
from onegrid.petition.v1.resources_pb2 import Kind, Petition
from onegrid_kit.callers import Caller
from onegrid_kit.events import Delivery, Envelope
from onegrid_kit.inbox import Inbox
from onegrid_kit.testing.api import Serving
from onegrid_petition import handlers
from onegrid_petition.main import SERVICE

INSIDE = Point(longitude=124.405, latitude=40.105)
RING = [(124.40, 40.10), (124.41, 40.10), (124.41, 40.11), (124.40, 40.11)]


class Refused(Exception):
    """What a call was refused with."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(error.details())
        self.code = error.code()
        raw = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
        self.details: dict[str, Any] = {}
        for packed in status_pb2.Status.FromString(raw).details:
            name = packed.TypeName().rsplit(".", 1)[1]
            self.details[name] = packed
        info = error_details_pb2.ErrorInfo()
        self.details["ErrorInfo"].Unpack(info)
        self.reason = info.reason
        self.metadata = dict(info.metadata)


class Desk:
    """Calls petition's methods."""

    def __init__(self, served: Serving, engine: Engine) -> None:
        self._served = served
        self._engine = engine
        self._methods = {method.name: method for method in SERVICE.descriptor.methods}

    async def call(self, caller: Caller | None, method: str, **fields: Any) -> Any:
        """The answer. Raises Refused."""
        request, answer_type, path = self._prepared(method, fields)
        metadata = self._served.token(caller) if caller else ()
        stub = self._served.channel.unary_unary(path)
        try:
            return answer_type.FromString(await stub(request.SerializeToString(), metadata=metadata, timeout=10))
        except grpc.aio.AioRpcError as error:
            raise Refused(error) from None

    async def watch(self, caller: Caller, **fields: Any) -> AsyncIterator[Any]:
        """The steps of WatchPetition."""
        request, answer_type, path = self._prepared("WatchPetition", fields)
        stub = self._served.channel.unary_stream(path)
        try:
            async for raw in stub(request.SerializeToString(), metadata=self._served.token(caller), timeout=20):
                yield answer_type.FromString(raw)
        except grpc.aio.AioRpcError as error:
            raise Refused(error) from None

    async def file(self, caller: Caller = CITIZEN, **fields: Any) -> Petition:
        """A new petition."""
        given = {
            "district": DISTRICT,
            "kind": Kind.KIND_HELP,
            "text": "招不到员工，请帮忙。",
            "request_id": str(uuid.uuid4()),
        }
        if "place" not in fields:
            given["location"] = INSIDE
        return (await self.call(caller, "FilePetition", **{**given, **fields})).petition

    async def dispatched(self, *assistants: str, lead: str = LEAD, **fields: Any) -> Petition:
        """A petition whose tasks were given."""
        petition = await self.file(**fields)
        await self.call(COMMANDER, "AcceptPetition", name=petition.name)
        answer = await self.call(COMMANDER, "DispatchPetition", name=petition.name, lead=lead, assistants=assistants)
        return answer.petition

    async def concluded(self, by: Caller, **fields: Any) -> Petition:
        """A petition that its lead has concluded."""
        petition = await self.dispatched(**fields)
        task = f"{petition.name}/tasks/1"
        await self.call(by, "TakeTask", name=task)
        return (await self.call(by, "ConcludeTask", name=task, public_note="办好了")).petition

    def handle_events(self) -> None:
        """Deliver what the outbox holds to petition's own handlers."""
        inbox = Inbox("petition", self._engine, SERVICE.load_handlers())
        with self._engine.begin() as conn:
            rows = conn.execute(text("DELETE FROM outbox RETURNING *")).all()
        for row in sorted(rows, key=lambda row: row.number):
            delivery = Delivery(id=str(row.id), type=row.type, subject=row.subject, time=row.time)
            for _ in range(2):  # as a carrier may
                inbox.deliver([Envelope(delivery, bytes(row.body))])
        assert not inbox.parked()

    def rows(self, table: str) -> int:
        """How many rows the table has."""
        with self._engine.connect() as conn:
            return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def _prepared(self, method: str, fields: dict[str, Any]) -> tuple[Message, type[Message], str]:
        descriptor = self._methods[method]
        request = GetMessageClass(descriptor.input_type)(**fields)
        return request, GetMessageClass(descriptor.output_type), f"/{SERVICE.descriptor.full_name}/{method}"


def announce_ground(conn: Connection) -> None:
    """What grid and identity would have announced of a small district."""
    delivery = Delivery(id=str(uuid.uuid4()), type="", subject="", time=datetime.now(UTC))
    for code, name in ((DISTRICT, "元宝区"), (STREET, "广济街道"), (COMMUNITY, "朝凤社区"), ("210602004", "九道街道")):
        handlers.keep_division(conn, grid_events.DivisionDefined(code=code, display_name=name, version=1), delivery)
    boundary = Polygon(corners=[Point(longitude=lon, latitude=lat) for lon, lat in RING])
    people = [Appointment(user="users/00worker", post=Post.POST_WORKER)]
    cell = grid_events.CellDefined(code=CELL, display_name="第5网格", boundary=boundary, appointments=people, version=1)
    handlers.keep_cell(conn, cell, delivery)
    for code, name in ((LEAD, "人社中心"), (HELPER, "公安分局")):
        handlers.keep_department(conn, DepartmentDefined(code=code, display_name=name, version=1), delivery)


async def all_of(stream: AsyncIterator[Any], count: int) -> list[Any]:
    """So many of a stream's messages."""
    found: list[Any] = []
    async with asyncio.timeout(10):
        async for message in stream:
            found.append(message)
            if len(found) == count:
                break
    return found
