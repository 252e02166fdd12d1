"""Patrols without a network: whatever is killed, and in whatever order what they recorded comes, no false alarm stays
and nothing is lost or doubled.

`ONEGRID_PATROLS=200` walks more of them.
"""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1 import patrols_pb2 as patrols
from onegrid.border.v1.records_pb2 import CheckIn, Finish, PatrolRecord, Start
from onegrid.border.v1.resources_pb2 import Checkpoint, Route, Unit
from onegrid.common.v1.common_pb2 import Point
from onegrid.field.v1.field_pb2 import WAYPOINT_STATE_OUTSTANDING, WAYPOINT_STATE_REACHED, Outcome
from onegrid_demo.client import Metadata
from onegrid_demo.loading import STREET, until, until_known
from onegrid_demo.patrol import enrol
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.waiting import HANG_S, eventually
from onegrid_kit.timestamps import timestamp

from .fleet import Fleet, FleetClient
from .killing import PARTS, Insisting, kill

PATROLS = int(os.environ.get("ONEGRID_PATROLS", "12"))
KILLS = int(os.environ.get("ONEGRID_KILLS", "6"))
PIER, GATE = Point(longitude=124.390, latitude=40.120), Point(longitude=124.391, latitude=40.120)


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

    async def plan(self) -> Sequence[str]:
        """Patrols that start now, and are at the gate a minute later, give or take one."""
        border, commander = self.client.border, await self.staff("commander")
        points = [
            Checkpoint(id=id_, display_name=id_, location=at, tolerance_m=50, due_minutes=due, tolerance_minutes=1)
            for id_, at, due in (("pier", PIER, 0), ("gate", GATE, 0))
        ]
        route = Route(name=f"routes/{STREET}-dark", display_name="东段", checkpoints=points)
        await self.call(border.DefineRoute, commander, pb.DefineRouteRequest(route=route))
        unit = Unit(name=f"units/{STREET}-dark", display_name="江桥分队")
        await self.call(border.DefineUnit, commander, pb.DefineUnitRequest(unit=unit))
        names = []
        for _ in range(PATROLS):
            request = pb.PlanPatrolRequest(
                unit=unit.name,
                route=route.name,
                leader=self.fleet.accounts["grid"]["user"],
                start_time=timestamp(datetime.now(UTC)),
            )
            names.append((await self.call(border.PlanPatrol, commander, request)).patrol.name)
        return names

    async def send(self, device: Device, *entries: bytes) -> list[Outcome]:
        """Send these entries as often as it takes; what became of each."""
        request = pb.AppendEntriesRequest(batch=device.batch(datetime.now(UTC), entries))
        worker = await self.staff("grid")
        answer = await until_known(lambda: self.call(self.client.border.AppendEntries, worker, request))
        return [each.outcome for each in answer.result.results]

    async def patrol(self, name: str, done: Callable[[patrols.Patrol], bool]) -> patrols.Patrol:
        """The patrol, once it is so."""
        commander, query = await self.staff("commander"), pb.GetPatrolRequest(name=name)
        found = await until(
            lambda: self.call(self.client.border.GetPatrol, commander, query), lambda answer: done(answer.patrol)
        )
        patrol: patrols.Patrol = found.patrol
        return patrol


def is_outstanding(patrol: patrols.Patrol) -> bool:
    return [point.state for point in patrol.checkpoints] == [WAYPOINT_STATE_OUTSTANDING] * 2


def walk(device: Device, patrol: str) -> None:
    """Record all of a patrol where there is no network."""
    now = datetime.now(UTC)
    for after_s, record, at in (
        (0, PatrolRecord(check_in=CheckIn(checkpoint="pier")), PIER),
        (5, PatrolRecord(check_in=CheckIn(checkpoint="gate")), GATE),
        (8, PatrolRecord(finish=Finish()), GATE),
    ):
        record.patrol = patrol
        moment = now + timedelta(seconds=after_s)
        device.record(record, moment, position=device.fix(at.longitude, at.latitude, moment))


async def test_patrols_without_a_network_leave_no_false_alarm_and_lose_nothing(fleet: Fleet) -> None:
    rng = random.Random()
    client = FleetClient(fleet, Insisting())
    night = Night(fleet, client)
    try:
        names = await night.plan()
        devices = [await enrol(client, fleet.accounts, datetime.now(UTC) - timedelta(hours=1)) for _ in names]
        for name, device in zip(names, devices, strict=True):
            device.record(PatrolRecord(patrol=name, start=Start()), datetime.now(UTC))
            await night.send(device, device.entries[0])
            walk(device, name)
        # Nothing is heard of them for longer than their check-ins take.
        for _ in range(KILLS):
            await asyncio.sleep(rng.uniform(0, 10))
            kill(fleet, rng.choice(PARTS), "border")
        for name in names:
            await night.patrol(name, is_outstanding)
        pieces = [(device, entry) for device in devices for entry in device.entries[1:]]
        rng.shuffle(pieces)
        sent = []
        for number, (device, entry) in enumerate((*pieces, *rng.sample(pieces, len(pieces) // 2))):
            sent += await night.send(device, entry)
            if number % (len(pieces) // KILLS + 1) == 0:
                kill(fleet, rng.choice(PARTS), "border")
        found = [
            await night.patrol(
                name, lambda patrol: patrol.state == patrols.PATROL_STATE_FINISHED and patrol.entries == 4
            )
            for name in names
        ]
    finally:
        await client.close()

    assert set(sent) <= {Outcome.OUTCOME_STORED, Outcome.OUTCOME_REPEATED}
    for patrol in found:
        assert [point.state for point in patrol.checkpoints] == [WAYPOINT_STATE_REACHED] * 2
    eventually(lambda: fleet.count("border", "outbox") == 0)
    ours = ", ".join(f"'{name.removeprefix('patrols/')}'" for name in names)
    alarms = fleet.rows("border", f"SELECT patrol, id, state FROM alarm WHERE patrol IN ({ours})")
    assert {row.state for row in alarms} == {patrols.ALARM_STATE_RETRACTED}
    assert sorted(row.id for row in alarms) == sorted(["check-in-gate", "check-in-pier"] * len(names))
    subjects = ", ".join(f"'{name}'" for name in names)
    entries = fleet.rows(
        "border", f"SELECT subject, count(*) AS n FROM field_entry WHERE subject IN ({subjects}) GROUP BY 1"
    )
    assert {row.subject: row.n for row in entries} == dict.fromkeys(names, 4)
