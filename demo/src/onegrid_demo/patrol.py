"""A patrol on the Yalu: where its telephone has no network a check-in is overdue, and ice dams the river; what comes
late takes the alarm back, and becomes an incident.

It happens in the night after the reference case, over gRPC, as the street and a patrol's telephone do it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1 import patrols_pb2 as patrols
from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.records_pb2 import (
    HAZARD_IV,
    OBSERVATION_KIND_ICE_DAMMING,
    CheckIn,
    Finish,
    Observe,
    PatrolRecord,
    Start,
)
from onegrid.border.v1.resources_pb2 import Checkpoint, Route, Unit
from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1 import incident_methods_pb2 as methods
from onegrid.emergency.v1.resources_pb2 import INCIDENT_STATE_DISMISSED
from onegrid.field.v1.field_pb2 import WAYPOINT_STATE_OUTSTANDING, WAYPOINT_STATE_PENDING
from onegrid.identity.v1 import devices_pb2 as devices
from onegrid_demo.client import DEADLINE_S, Client, Metadata
from onegrid_demo.loading import STREET, until, until_known
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.testing.devices import Device
from onegrid_kit.timestamps import timestamp

__all__ = ["Outcome", "enrol", "replay", "succeeded"]

_UNIT: Final = Unit(name=f"units/{STREET}-river-1", display_name="江桥分队")
_ROUTE: Final = Route(
    name=f"routes/{STREET}-river-east",
    display_name="鸭绿江东段",
    checkpoints=[
        Checkpoint(
            id=id_,
            display_name=display_name,
            location=Point(longitude=longitude, latitude=latitude),
            tolerance_m=50,
            due_minutes=due_minutes,
            tolerance_minutes=10,
        )
        for id_, display_name, longitude, latitude, due_minutes in (
            ("pier", "江桥码头", 124.390, 40.120, 0),
            ("ice-gauge", "冰情观测点", 124.400, 40.122, 20),
            ("gate-3", "3号闸门", 124.410, 40.124, 45),
        )
    ],
    corridor_m=200,
    max_speed_kmh=15,
)


_ICE: Final = Observe(kind=OBSERVATION_KIND_ICE_DAMMING, hazard=HAZARD_IV, text="流冰在桥墩前堆积。", escalate=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the patrol."""

    overdue: patrols.Patrol
    """While its telephone had no network; by the real clock, for which nobody waits, once it had started."""
    patrol: patrols.Patrol
    """In the end."""
    watched: pb.WatchUnitsResponse
    """Where the unit was seen."""
    alarms: Sequence[patrols.Alarm]
    observation: Observation
    """The ice that it noticed, once somebody has looked at the incident that was made of it."""


async def replay(client: Client, clock: SettableClock | None, accounts: Mapping[str, Mapping[str, str]]) -> Outcome:
    """Live through the patrol, at its own times if the services go by this clock."""
    night = _Night(client, clock, accounts)
    begin = night.at(21, 30)
    office, worker = [await night.staff(login) for login in ("commander", "grid")]
    device = await enrol(client, office, worker, begin - timedelta(hours=1))
    planned = await night.plan(begin)
    night.record(device, PatrolRecord(patrol=planned, start=Start()), "pier")
    night.record(device, PatrolRecord(patrol=planned, check_in=CheckIn(checkpoint="pier")), "pier")
    await night.send(device)
    watched = await night.watch()
    # No network from here on.
    night.at(21, 51)
    night.record(device, PatrolRecord(patrol=planned, check_in=CheckIn(checkpoint="ice-gauge")), "ice-gauge")
    night.at(21, 53)
    night.record(device, PatrolRecord(patrol=planned, observe=_ICE), "ice-gauge")
    night.at(22, 1)
    expected = WAYPOINT_STATE_OUTSTANDING if clock else WAYPOINT_STATE_PENDING
    overdue = await night.patrol(planned, lambda patrol: patrol.checkpoints[1].state == expected)
    night.at(22, 14)
    night.record(device, PatrolRecord(patrol=planned, check_in=CheckIn(checkpoint="gate-3")), "gate-3")
    night.at(22, 20)
    night.record(device, PatrolRecord(patrol=planned, finish=Finish()), "gate-3")
    await night.send(device)
    finished = await night.patrol(planned, lambda patrol: patrol.state == patrols.PATROL_STATE_FINISHED)
    alarms = await night.alarms(planned)
    night.at(22, 25)
    outcome = Outcome(overdue, finished, watched, alarms, await night.looked_at(planned))
    if clock is not None:
        clock.reset()
    return outcome


def succeeded(outcome: Outcome) -> bool:
    """Whether all was reached, the unit was seen, what was raised in between was taken back, and the ice became an
    incident.
    """
    return (
        outcome.patrol.state == patrols.PATROL_STATE_FINISHED
        and outcome.patrol.coverage.reached == len(_ROUTE.checkpoints)
        and outcome.watched.unit == outcome.patrol.unit
        and outcome.observation.incident_state == INCIDENT_STATE_DISMISSED
        and all(alarm.state == patrols.ALARM_STATE_RETRACTED for alarm in outcome.alarms)
        and bool(outcome.alarms) == (outcome.overdue.checkpoints[1].state == WAYPOINT_STATE_OUTSTANDING)
    )


async def enrol(client: Client, office: Metadata, user: Metadata, booted: datetime) -> Device:
    """A new telephone of the street, which was started then: an office that keeps it has a user of it enrol it."""
    create = devices.CreateDeviceEnrolmentRequest(place=STREET, display_name="江桥哨 1 号手机", request_id=_new_id())
    made = await client.identity.CreateDeviceEnrolment(create, metadata=office)
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    name = made.enrolment.name
    request = devices.EnrolDeviceRequest(
        enrolment=name,
        code=made.code,
        public_key=public,
        proof=key.sign(b"\0".join((b"onegrid.identity.v1.EnrolDevice", name.encode(), public))),
        request_id=_new_id(),
    )
    answer = await client.identity.EnrolDevice(request, metadata=user)
    return Device(answer.device_key.name, key, booted, service="border")


@dataclass(frozen=True, slots=True)
class _Night:
    client: Client
    clock: SettableClock | None
    accounts: Mapping[str, Mapping[str, str]]

    def at(self, hour: int, minute: int) -> datetime:
        if self.clock is None:
            return datetime.now(UTC)
        moment = datetime(2020, 11, 11, hour, minute, 30, tzinfo=CHINA)
        self.clock.set(moment)
        return moment

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) if self.clock is None else self.clock.now()

    async def staff(self, login: str) -> Metadata:
        return await self.client.staff(self.accounts[login]["login"], self.accounts[login]["password"])

    async def plan(self, start: datetime) -> str:
        """The unit, its route, and a patrol; its name."""
        border, commander = self.client.border, await self.staff("commander")
        unit = pb.DefineUnitRequest(unit=_UNIT, request_id=_new_id())
        await border.DefineUnit(unit, metadata=commander)
        route = pb.DefineRouteRequest(route=_ROUTE, request_id=_new_id())
        await border.DefineRoute(route, metadata=commander)
        plan = pb.PlanPatrolRequest(
            unit=_UNIT.name,
            route=_ROUTE.name,
            leader=self.accounts["grid"]["user"],
            # Not before the route is there.
            start_time=timestamp(max(start, self.now)),
            request_id=_new_id(),
        )
        return (await border.PlanPatrol(plan, metadata=commander)).patrol.name

    def record(self, device: Device, record: PatrolRecord, checkpoint: str) -> None:
        """Record something at a checkpoint."""
        place = next(each.location for each in _ROUTE.checkpoints if each.id == checkpoint)
        now = self.now
        position = device.fix(place.longitude, place.latitude, now)
        device.record(record, now, author=self.accounts["grid"]["user"], position=position)

    async def send(self, device: Device) -> None:
        """Send all that the telephone has."""
        request = pb.AppendEntriesRequest(batch=device.batch(self.now))
        worker = await self.staff("grid")
        # border hears of devices by events.
        await until_known(lambda: self.client.border.AppendEntries(request, metadata=worker))

    async def patrol(self, name: str, done: Callable[[patrols.Patrol], bool]) -> patrols.Patrol:
        """The patrol, as its leader reads it, once it is so."""
        worker = await self.staff("grid")
        query = pb.GetPatrolRequest(name=name)
        found = await until(
            lambda: self.client.border.GetPatrol(query, metadata=worker),
            lambda answer: done(answer.patrol),
        )
        return found.patrol

    async def looked_at(self, patrol: str) -> Observation:
        """What the patrol noticed, once the command centre knows that the ice has gone."""
        seen = await self.observation(patrol, lambda each: bool(each.incident))
        request = methods.DismissIncidentRequest(
            name=seen.incident, reason="到场查看：流冰已自行疏散。", request_id=_new_id()
        )
        await self.client.emergency.DismissIncident(request, metadata=await self.staff("commander"))
        return await self.observation(patrol, lambda each: each.incident_state == INCIDENT_STATE_DISMISSED)

    async def observation(self, patrol: str, done: Callable[[Observation], bool]) -> Observation:
        """What the patrol noticed, once it is so."""
        request = pb.ListObservationsRequest(scope=STREET, page_size=100)

        async def found() -> list[Observation]:
            listed = await self.client.border.ListObservations(request, metadata=await self.staff("commander"))
            return [each for each in listed.observations if each.patrol == patrol]

        noticed = await until(found, lambda some: any(map(done, some)))
        return noticed[0]

    async def watch(self) -> pb.WatchUnitsResponse:
        """Where the command centre sees the unit, on this patrol or on another one that it walks at the same time."""
        stream = self.client.border.WatchUnits(
            pb.WatchUnitsRequest(scope=STREET), metadata=await self.staff("commander"), timeout=DEADLINE_S
        )
        async for seen in stream:
            if seen.unit == _UNIT.name:
                stream.cancel()
                return seen
        raise LookupError(f"{_UNIT.name} was not seen")

    async def alarms(self, patrol: str) -> Sequence[patrols.Alarm]:
        """What was raised."""
        listed = await self.client.border.ListAlarms(
            pb.ListAlarmsRequest(scope=STREET, show_ended=True, page_size=100),
            metadata=await self.staff("commander"),
        )
        return [alarm for alarm in listed.alarms if alarm.name.startswith(f"{patrol}/")]


def _new_id() -> str:
    return str(uuid.uuid4())
