"""Patrols without a network: whatever is killed, and in whatever order what they recorded comes, no false alarm stays
and nothing is lost or doubled.

`ONEGRID_PATROLS=200` walks more of them.
"""

from __future__ import annotations

import asyncio
import os
import random
from datetime import UTC, datetime, timedelta

from onegrid.border.v1 import patrols_pb2 as patrols
from onegrid.border.v1.records_pb2 import CheckIn, Finish, PatrolRecord, Start
from onegrid.common.v1.common_pb2 import Point
from onegrid.field.v1.field_pb2 import WAYPOINT_STATE_OUTSTANDING, WAYPOINT_STATE_REACHED, Outcome
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.waiting import eventually

from .fleet import Fleet, FleetClient
from .killing import PARTS, Insisting, kill
from .night import Night

PATROLS = int(os.environ.get("ONEGRID_PATROLS", "12"))
KILLS = int(os.environ.get("ONEGRID_KILLS", "6"))
PIER, GATE = Point(longitude=124.390, latitude=40.120), Point(longitude=124.391, latitude=40.120)


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
        names = await night.plan(PATROLS, pier=PIER, gate=GATE)
        devices = [await night.telephone() for _ in names]
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
