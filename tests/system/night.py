"""What patrols and their offices do at night, for tests over the running system."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1.patrols_pb2 import Patrol
from onegrid.border.v1.resources_pb2 import Checkpoint, Route, Unit
from onegrid.common.v1.common_pb2 import Point
from onegrid.field.v1.field_pb2 import Outcome
from onegrid_demo.client import Metadata
from onegrid_demo.loading import STREET, until, until_known
from onegrid_demo.patrol import enrol
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.waiting import HANG_S
from onegrid_kit.timestamps import timestamp

from .fleet import Fleet, FleetClient

__all__ = ["Night"]


@dataclass
class Night:
    """What happens outside."""

    fleet: Fleet
    client: FleetClient

    async def staff(self, login: str) -> Metadata:
        account = self.fleet.accounts[login]
        return await self.client.staff(account["login"], account["password"])

    async def call(self, method: Callable[..., Awaitable[Any]], who: Metadata, request: Message) -> Any:
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = str(uuid.uuid4())  # type: ignore[attr-defined]
        return await method(request, metadata=who, timeout=HANG_S)

    async def plan(self, patrols: int, **checkpoints: Point) -> Sequence[str]:
        """So many patrols that start now, and are at each of these checkpoints a minute later at the latest."""
        border, commander = self.client.border, await self.staff("commander")
        points = [
            Checkpoint(id=id_, display_name=id_, location=at, tolerance_m=50, due_minutes=0, tolerance_minutes=1)
            for id_, at in checkpoints.items()
        ]
        route = Route(name=f"routes/{STREET}-dark", display_name="东段", checkpoints=points)
        await self.call(border.DefineRoute, commander, pb.DefineRouteRequest(route=route))
        unit = Unit(name=f"units/{STREET}-dark", display_name="江桥分队")
        await self.call(border.DefineUnit, commander, pb.DefineUnitRequest(unit=unit))
        names = []
        for _ in range(patrols):
            request = pb.PlanPatrolRequest(
                unit=unit.name,
                route=route.name,
                leader=self.fleet.accounts["grid"]["user"],
                start_time=timestamp(datetime.now(UTC)),
            )
            names.append((await self.call(border.PlanPatrol, commander, request)).patrol.name)
        return names

    async def telephone(self) -> Device:
        """A new telephone of the street."""
        office, worker = [await self.staff(login) for login in ("commander", "grid")]
        return await enrol(self.client, office, worker, datetime.now(UTC) - timedelta(hours=1))

    async def send(self, device: Device, *entries: bytes) -> list[Outcome]:
        """Send these entries as often as it takes; what became of each."""
        request = pb.AppendEntriesRequest(batch=device.batch(datetime.now(UTC), entries))
        worker = await self.staff("grid")
        answer = await until_known(lambda: self.call(self.client.border.AppendEntries, worker, request))
        return [each.outcome for each in answer.result.results]

    async def patrol(self, name: str, done: Callable[[Patrol], bool]) -> Patrol:
        """The patrol, once it is so."""
        commander, query = await self.staff("commander"), pb.GetPatrolRequest(name=name)
        found = await until(
            lambda: self.call(self.client.border.GetPatrol, commander, query), lambda answer: done(answer.patrol)
        )
        patrol: Patrol = found.patrol
        return patrol
