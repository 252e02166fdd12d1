"""What patrols do in these tests: units, routes, devices in the field, and what they send."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from onegrid.border.v1 import records_pb2
from onegrid.border.v1.patrols_pb2 import Alarm, Patrol
from onegrid.border.v1.records_pb2 import PatrolRecord
from onegrid.border.v1.resources_pb2 import Checkpoint, Route, Unit
from onegrid.common.v1.common_pb2 import Point
from onegrid.field.v1.field_pb2 import BatchResult
from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid_border.main import SERVICE
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.ladders import climb_due
from onegrid_kit.timestamps import timestamp

from .people import COMMANDER, STREET, WORKER

__all__ = ["PLACES", "ROUTE", "UNIT", "Outside", "checkpoint"]

UNIT, ROUTE = f"units/{STREET}-river-1", f"routes/{STREET}-river-east"
PLACES = {"pier": (124.390, 40.120), "ice-gauge": (124.400, 40.122), "gate-3": (124.410, 40.124)}
"""Where the checkpoints are; from one to the next it is some 880 m."""
_DUE = {"pier": 0, "ice-gauge": 20, "gate-3": 45}


def checkpoint(id_: str, due_minutes: int | None = None, **fields: Any) -> Checkpoint:
    """A checkpoint of the route."""
    longitude, latitude = PLACES[id_]
    given = {"display_name": id_, "tolerance_m": 50, "tolerance_minutes": 10, **fields}
    return Checkpoint(
        id=id_,
        location=Point(longitude=longitude, latitude=latitude),
        due_minutes=_DUE[id_] if due_minutes is None else due_minutes,
        **given,
    )


@dataclass
class Outside:
    """The world outside: time passes, people walk and record, and send what they have."""

    api: Serving
    engine: Engine
    clock: SettableClock
    events: Events

    async def prepare(self, *, lone: bool = False) -> None:
        """Enter the unit and the route."""
        unit = Unit(name=UNIT, display_name="江桥分队", lone=lone)
        await self.api.call(COMMANDER, "DefineUnit", unit=unit)
        route = Route(name=ROUTE, display_name="东段", checkpoints=map(checkpoint, PLACES), max_speed_kmh=15)
        await self.api.call(COMMANDER, "DefineRoute", route=route)

    def device(self, place: str = STREET, **fields: Any) -> Device:
        """A new telephone of which identity has told."""
        name = f"deviceKeys/{uuid.uuid4()}"
        device = Device(
            name, Ed25519PrivateKey.generate(), self.clock.now() - timedelta(hours=9), service="border", **fields
        )
        self.announce(device, place)
        return device

    def announce(self, device: Device, place: str = STREET, version: int = 1, **fields: Any) -> None:
        """Tell of a device as identity does."""
        given = {"device_key": device.name, "place": place, "public_key": device.public_key, "version": version}
        self.events.deliver(DeviceKeyDefined(**given, **fields))
        self.look()

    async def plan(self, minutes: int = 0, leader: str = WORKER.user, caller: Caller = COMMANDER) -> Patrol:
        """Plan a patrol that starts so many minutes from now."""
        start = timestamp(self.clock.now() + timedelta(minutes=minutes))
        answer = await self.api.call(caller, "PlanPatrol", unit=UNIT, route=ROUTE, leader=leader, start_time=start)
        patrol: Patrol = answer.patrol
        return patrol

    def record(self, device: Device, patrol: str, kind: str, at: str = "", /, **fields: Any) -> bytes:
        """Record something on a device, where the checkpoint of that name is."""
        now = self.clock.now()
        position = device.fix(*PLACES[at], now) if at else None
        return device.record(self.content(patrol, kind, **fields), now, position=position)

    @staticmethod
    def content(patrol: str, kind: str, /, **fields: Any) -> PatrolRecord:
        """What is recorded."""
        content: dict[str, Any] = {kind: _RECORDS[kind](**fields)}
        return PatrolRecord(patrol=patrol, **content)

    def check_in(self, device: Device, patrol: str, checkpoint: str) -> bytes:
        """Record a check-in at a checkpoint, on its place."""
        return self.record(device, patrol, "check_in", checkpoint, checkpoint=checkpoint)

    async def send(self, device: Device, *entries: bytes, caller: Caller = WORKER) -> BatchResult:
        """Send these entries, or all that a device has, and have them judged."""
        batch = device.batch(self.clock.now(), entries or None)
        result: BatchResult = (await self.api.call(caller, "AppendEntries", batch=batch)).result
        self.look()
        return result

    def look(self) -> None:
        """Have all that is due happen."""
        climb_due(SERVICE, self.engine, self.clock)

    def wait(self, **time: float) -> datetime:
        """Let time pass, and have all that is due happen."""
        self.clock.set(self.clock.now() + timedelta(**time))
        self.look()
        return self.clock.now()

    async def patrol(self, name: str, caller: Caller = COMMANDER) -> Patrol:
        """The patrol as it is now."""
        found: Patrol = (await self.api.call(caller, "GetPatrol", name=name)).patrol
        return found

    async def alarms(self, *, ended: bool = False) -> list[Alarm]:
        """The alarms that are open, or all of them."""
        answer = await self.api.call(COMMANDER, "ListAlarms", scope=STREET, show_ended=ended)
        return list(answer.alarms)


_RECORDS = {
    "track": records_pb2.Track,
    "start": records_pb2.Start,
    "check_in": records_pb2.CheckIn,
    "pause": records_pb2.Pause,
    "resume": records_pb2.Resume,
    "hand_over": records_pb2.HandOver,
    "finish": records_pb2.Finish,
    "call_for_help": records_pb2.CallForHelp,
    "welfare_answer": records_pb2.WelfareAnswer,
    "observe": records_pb2.Observe,
}
