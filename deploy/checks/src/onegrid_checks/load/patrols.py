"""The calls of the mix that are border's: telephones of patrols send what they recorded, again and out of order."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1.patrols_pb2 import PATROL_STATE_FINISHED, Patrol
from onegrid.border.v1.records_pb2 import CheckIn, Finish, PatrolRecord, Start, Track
from onegrid.border.v1.resources_pb2 import Checkpoint, Route, Unit
from onegrid.common.v1.common_pb2 import Point
from onegrid.field.v1.field_pb2 import OUTCOME_CONFLICT, OUTCOME_REFUSED, OUTCOME_STORED, Entry
from onegrid_checks.checklist import Checklist
from onegrid_checks.load.callers import Caller, new_id
from onegrid_demo import patrol
from onegrid_demo.client import Client
from onegrid_demo.loading import STREET, until, until_known
from onegrid_kit.testing.devices import Device
from onegrid_kit.timestamps import timestamp

__all__ = ["Patrols"]

_PATROLS: Final = 4
_DEVICES: Final = 2
"""Telephones on each patrol."""
_POINTS: Final = tuple(f"point-{number}" for number in range(1, 6))
_HERE: Final = Point(longitude=124.39, latitude=40.12)
_HALF_A_DAY: Final = 720
"""Minutes. The checkpoints are due then, and may be reached as much earlier: a run that is cut short alarms nobody
before tomorrow.
"""
_BEHIND: Final = 10
"""How many entries a batch reaches back at most: those that were sent before are sent again."""
_AT_MOST: Final = 200
"""Entries of a batch, in the end."""
_CHECKS_IN: Final = 0.3
"""How often an entry is a check-in, while there is a checkpoint left."""
_SHOWN: Final = 3


@dataclass(slots=True)
class _Walk:
    """A patrol that is out."""

    name: str
    devices: Sequence[Device]
    left: list[str] = field(default_factory=lambda: list(_POINTS))
    """The checkpoints that it has not come to."""
    recorded: list[str] = field(default_factory=list)
    """The ids of its entries."""

    @property
    def lead(self) -> Device:
        """The telephone that says how the patrol goes; the others say where they are."""
        return self.devices[0]

    def check_in(self) -> PatrolRecord:
        """That it is at the next checkpoint."""
        return PatrolRecord(check_in=CheckIn(checkpoint=self.left.pop(0)))

    def is_judged(self, found: Patrol) -> bool:
        """Whether it is over, by all of its entries."""
        return found.state == PATROL_STATE_FINISHED and found.entries == len(self.recorded)


class Patrols:
    """Makes the calls. Nothing of it stays open: in the end all patrols are over, and have reached everything."""

    def __init__(
        self, callers: Mapping[str, Caller], accounts: Mapping[str, Mapping[str, str]], rng: random.Random
    ) -> None:
        self.calls: Mapping[str, Callable[[Client], Awaitable[None]]] = {
            "AppendEntries": self._append,
            "GetPatrol": self._get,
        }
        self._callers = callers
        self._leader = accounts["grid"]["user"]
        self._rng = rng
        self._word = f"load-{uuid.uuid4().hex[:12]}"
        self._walks: list[_Walk] = []
        self._stored = Counter[str]()
        """How often an entry was answered as stored, by its id."""
        self._refused: list[str] = []

    def method(self, due: str) -> str:
        """The call to make where this one is due: there is always something to send and to ask for."""
        return due

    async def begin(self, client: Client) -> None:
        """Plan the patrols, enrol their telephones, and have them start."""
        office, worker = await self._callers["commander"].metadata(), await self._callers["grid"].metadata()
        points = [
            Checkpoint(
                id=each,
                display_name=each,
                location=_HERE,
                tolerance_m=50,
                due_minutes=_HALF_A_DAY,
                tolerance_minutes=_HALF_A_DAY,
            )
            for each in _POINTS
        ]
        route = Route(name=self._route, display_name=self._word, checkpoints=points)
        await client.border.DefineRoute(pb.DefineRouteRequest(route=route, request_id=new_id()), metadata=office)
        for name in self._units:
            unit = Unit(name=name, display_name=self._word)
            await client.border.DefineUnit(pb.DefineUnitRequest(unit=unit, request_id=new_id()), metadata=office)
            plan = pb.PlanPatrolRequest(
                unit=name,
                route=self._route,
                leader=self._leader,
                start_time=timestamp(datetime.now(UTC)),
                request_id=new_id(),
            )
            planned = (await client.border.PlanPatrol(plan, metadata=office)).patrol.name
            booted = datetime.now(UTC) - timedelta(hours=1)
            devices = [await patrol.enrol(client, office, worker, booted) for _ in range(_DEVICES)]
            self._walks.append(_Walk(planned, devices))
        for walk in self._walks:
            self._record(walk, walk.lead, PatrolRecord(start=Start()))
            for device in walk.devices:
                self._record(walk, device, PatrolRecord(track=Track()))
                # border hears of devices by events.
                await until_known(partial(self._send, client, device, device.entries))

    async def settle(self, client: Client, checklist: Checklist) -> None:
        """Have all patrols reach what is left, end and send everything once more; then ask what is there."""
        for walk in self._walks:
            while walk.left:
                self._record(walk, walk.lead, walk.check_in())
            self._record(walk, walk.lead, PatrolRecord(finish=Finish()))
            for device in walk.devices:
                batches = [device.entries[n : n + _AT_MOST] for n in range(0, len(device.entries), _AT_MOST)]
                for batch in self._rng.sample(batches * 2, 2 * len(batches)):
                    await self._send(client, device, batch)
        patrols = await asyncio.gather(
            *(until(partial(self._patrol, client, walk), walk.is_judged) for walk in self._walks)
        )
        known = Counter[str]()
        for walk in self._walks:
            known.update(await self._listed(client, walk.name))
        recorded = Counter(each for walk in self._walks for each in walk.recorded)
        twice = [each for each, times in self._stored.items() if times > 1]
        checklist.expect(
            f"each of the {recorded.total()} entries that telephones of patrols sent, repeatedly and out of order, "
            "is there once, and none was refused or stored twice",
            known == recorded and not twice and not self._refused,
            actual=f"{(recorded - known).total()} lost, {(known - recorded).total()} too many, {len(twice)} stored "
            f"twice, {len(self._refused)} refused: {', '.join([*twice, *self._refused][:_SHOWN])}",
            look="ListEntries of these, and border's api log, method AppendEntries",
        )
        wrong = [
            each.name
            for each, walk in zip(patrols, self._walks, strict=True)
            if not walk.is_judged(each) or each.coverage.reached != len(_POINTS)
        ]
        checklist.expect(
            f"each of the {len(patrols)} patrols is judged by all of its entries: it is over, and reached everything",
            not wrong,
            actual=f"{len(wrong)} are not: {', '.join(wrong[:_SHOWN])}",
            look="onegrid_ladder_oldest_due_seconds of border's ladder `patrol`, and its worker's log",
        )
        office = await self._callers["commander"].metadata()
        for name in self._units:
            await client.border.RetireUnit(pb.RetireUnitRequest(name=name, request_id=new_id()), metadata=office)
        retire = pb.RetireRouteRequest(name=self._route, request_id=new_id())
        await client.border.RetireRoute(retire, metadata=office)

    @property
    def _route(self) -> str:
        return f"routes/{STREET}-{self._word}"

    @property
    def _units(self) -> list[str]:
        return [f"units/{STREET}-{self._word}-{number}" for number in range(_PATROLS)]

    async def _append(self, client: Client) -> None:
        """Record a little, and send some of what was recorded last: part of it again, and part of it not yet."""
        walk = self._rng.choice(self._walks)
        device = self._rng.choice(walk.devices)
        for _ in range(self._rng.randint(1, 3)):
            checks_in = device is walk.lead and walk.left and self._rng.random() < _CHECKS_IN
            self._record(walk, device, walk.check_in() if checks_in else PatrolRecord(track=Track()))
        last = self._rng.randint(max(1, len(device.entries) - 3), len(device.entries))
        await self._send(client, device, device.entries[self._rng.randint(max(0, last - _BEHIND), last - 1) : last])

    async def _get(self, client: Client) -> None:
        await self._patrol(client, self._rng.choice(self._walks))

    async def _patrol(self, client: Client, walk: _Walk) -> Patrol:
        request = pb.GetPatrolRequest(name=walk.name)
        answer = await client.border.GetPatrol(request, metadata=await self._callers["commander"].metadata())
        return answer.patrol

    def _record(self, walk: _Walk, device: Device, record: PatrolRecord) -> None:
        now = datetime.now(UTC)
        record.patrol = walk.name
        position = device.fix(_HERE.longitude, _HERE.latitude, now)
        body = device.record(record, now, author=self._leader, position=position)
        walk.recorded.append(Entry.FromString(body).entry_id)

    async def _send(self, client: Client, device: Device, entries: Sequence[bytes]) -> None:
        request = pb.AppendEntriesRequest(batch=device.batch(datetime.now(UTC), entries))
        answer = await client.border.AppendEntries(request, metadata=await self._callers["grid"].metadata())
        for each in answer.result.results:
            if each.outcome == OUTCOME_STORED:
                self._stored[each.entry_id] += 1
            elif each.outcome in (OUTCOME_REFUSED, OUTCOME_CONFLICT):
                self._refused.append(each.entry_id)

    async def _listed(self, client: Client, name: str) -> list[str]:
        """The ids of the entries that the patrol is judged by."""
        found: list[str] = []
        request = pb.ListEntriesRequest(patrol=name, page_size=500)
        while True:
            answer = await client.border.ListEntries(request, metadata=await self._callers["commander"].metadata())
            found += (each.entry_id for each in answer.entries)
            request.page_token = answer.next_page_token
            if not request.page_token:
                return found
