"""How these tests call: as a caller, by the method's name, with the fields of the request."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Connection, Engine, text

from onegrid.common.v1.common_pb2 import Point, Polygon
from onegrid.grid.v1 import events_pb2 as grid_events
from onegrid.grid.v1.resources_pb2 import Appointment, Post
from onegrid.identity.v1.events_pb2 import DepartmentDefined
from onegrid.petition.v1.resources_pb2 import Kind, Petition
from onegrid_kit.callers import Caller
from onegrid_kit.events import Delivery
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.testing.waiting import HANG_S
from onegrid_petition import handlers
from onegrid_petition.main import SERVICE

from .people import CELL, CITIZEN, COMMANDER, COMMUNITY, DISTRICT, HELPER, LEAD, STREET

__all__ = ["Desk", "Refused", "all_of", "announce_ground"]

INSIDE = Point(longitude=124.405, latitude=40.105)
RING = [(124.40, 40.10), (124.41, 40.10), (124.41, 40.11), (124.40, 40.11)]


class Desk:
    """Calls petition's methods."""

    def __init__(self, served: Serving, engine: Engine, events: Events) -> None:
        self._served = served
        self._engine = engine
        self._events = events
        self.handle_events = events.deliver_announced
        self.announced = partial(announced, engine)
        self.call = served.call

    def watch(self, caller: Caller, **fields: Any) -> AsyncIterator[Any]:
        """The steps of WatchPetition."""
        return self._served.stream(caller, "WatchPetition", **fields)

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

    def deliver(self, subject: str, event: Message) -> None:
        """Deliver what another service announces."""
        self._events.deliver(event, subject=subject)

    def run_job(self, name: str) -> None:
        """Run one of petition's jobs now, by the served clock."""
        job = job_of(SERVICE, name)
        run_job("petition", self._engine, job, self._served.runtime.clock.now())

    def rows(self, table: str) -> int:
        """How many rows the table has."""
        with self._engine.connect() as conn:
            return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


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
    async with asyncio.timeout(HANG_S):
        async for message in stream:
            found.append(message)
            if len(found) == count:
                break
    return found
