"""The load on border notices what it is there for: entries that are lost, doubled, refused; patrols judged wrongly."""

from __future__ import annotations

import random
import re
import uuid
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1.patrols_pb2 import PATROL_STATE_FINISHED, JudgedEntry, Patrol, PatrolCoverage
from onegrid.border.v1.records_pb2 import PatrolRecord
from onegrid.field.v1.field_pb2 import (
    OUTCOME_REFUSED,
    OUTCOME_REPEATED,
    OUTCOME_STORED,
    BatchResult,
    Entry,
    EntryResult,
)
from onegrid.identity.v1 import devices_pb2 as devices
from onegrid_checks.checklist import Checklist
from onegrid_checks.load.patrols import Patrols
from onegrid_demo.client import Metadata

ENTRIES = r"each of the \d+ entries .* is there once"
PATROLS = "each of the 4 patrols is judged by all of its entries"


class Border:
    """Takes entries and judges patrols; with a fault, not all of it right."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.entries: dict[bytes, tuple[Entry, PatrolRecord]] = {}
        self.planned = 0
        self.answers = Counter[int]()
        self.latest: dict[str, int] = {}
        self.late = 0

    async def AppendEntries(self, request: pb.AppendEntriesRequest, **_: object) -> pb.AppendEntriesResponse:
        results = []
        for body in request.batch.entries:
            entry, record = Entry.FromString(body), PatrolRecord()
            entry.content.Unpack(record)
            outcome = OUTCOME_REPEATED if body in self.entries else OUTCOME_STORED
            if outcome == OUTCOME_STORED:
                self.late += entry.counter < self.latest.get(entry.device_key, 0)
                self.latest[entry.device_key] = max(entry.counter, self.latest.get(entry.device_key, 0))
            elif self.fault == "doubled":
                outcome = OUTCOME_STORED
            if self.fault == "refused" and entry.counter == 3:
                outcome = OUTCOME_REFUSED
            else:
                self.entries[body] = entry, record
            self.answers[outcome] += 1
            results.append(EntryResult(counter=entry.counter, entry_id=entry.entry_id, outcome=outcome))
        return pb.AppendEntriesResponse(result=BatchResult(results=results))

    async def GetPatrol(self, request: pb.GetPatrolRequest, **_: object) -> pb.GetPatrolResponse:
        records = [record for _, record in self.entries.values() if record.patrol == request.name]
        over = any(each.HasField("finish") for each in records)
        reached = len({each.check_in.checkpoint for each in records if each.HasField("check_in")})
        patrol = Patrol(
            name=request.name,
            state=PATROL_STATE_FINISHED if over else None,
            entries=len(records),
            coverage=PatrolCoverage(reached=reached - (self.fault == "judged")),
        )
        return pb.GetPatrolResponse(patrol=patrol)

    async def ListEntries(self, request: pb.ListEntriesRequest, **_: object) -> pb.ListEntriesResponse:
        there = [entry for entry, record in self.entries.values() if record.patrol == request.patrol]
        shown = there[1:] if self.fault == "lost" else there
        return pb.ListEntriesResponse(entries=[JudgedEntry(entry_id=each.entry_id) for each in shown])

    async def PlanPatrol(self, request: pb.PlanPatrolRequest, **_: object) -> pb.PlanPatrolResponse:
        self.planned += 1
        return pb.PlanPatrolResponse(patrol=Patrol(name=f"patrols/210602-{self.planned:020}"))

    def __getattr__(self, method: str) -> Any:
        async def done(*_: object, **__: object) -> None:
            assert method in ("DefineRoute", "DefineUnit", "RetireRoute", "RetireUnit")

        return done


class Identity:
    """Enrols telephones."""

    async def CreateDeviceEnrolment(self, _: object, **__: object) -> devices.CreateDeviceEnrolmentResponse:
        enrolment = devices.DeviceEnrolment(name=f"deviceEnrolments/{uuid.uuid4()}")
        return devices.CreateDeviceEnrolmentResponse(enrolment=enrolment, code="12345678")

    async def EnrolDevice(self, _: object, **__: object) -> devices.EnrolDeviceResponse:
        return devices.EnrolDeviceResponse(device_key=devices.DeviceKey(name=f"deviceKeys/{uuid.uuid4()}"))


class Somebody:
    """Is logged in."""

    async def metadata(self) -> Metadata:
        return ()


async def run(fault: str) -> tuple[Border, list[str]]:
    border, rng = Border(fault), random.Random(20201111)
    client = cast(Any, SimpleNamespace(border=border, identity=Identity()))
    callers = cast(Any, {"commander": Somebody(), "grid": Somebody()})
    patrols = Patrols(callers, {"grid": {"user": "users/00000000"}}, rng)
    await patrols.begin(client)
    for _ in range(100):
        await patrols.calls["AppendEntries"](client)
        await patrols.calls["GetPatrol"](client)
    checklist = Checklist("load")
    await patrols.settle(client, checklist)
    return border, checklist.failed


async def test_what_is_there_once_and_judged_by_all_of_it_passes() -> None:
    border, failed = await run("")
    assert failed == []
    # It is what telephones do where there is no network: again, and the older after the newer.
    assert border.answers[OUTCOME_REPEATED] > border.answers[OUTCOME_STORED] > 200
    assert border.late > 10


@pytest.mark.parametrize(
    ("fault", "expected"), [("lost", ENTRIES), ("doubled", ENTRIES), ("refused", ENTRIES), ("judged", PATROLS)]
)
async def test_what_is_not_is_named(fault: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(*_: object) -> None:
        pass

    # The load waits for minutes until all is judged.
    monkeypatch.setattr("onegrid_demo.loading.asyncio.sleep", at_once)
    _, failed = await run(fault)
    assert any(re.match(expected, each) for each in failed), failed
