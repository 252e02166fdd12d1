"""What rounds find: kept once, placed, corrected when it is judged, brought to emergency, followed as an incident."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.field.v1.field_pb2 import Mark, Outcome
from onegrid.grid.v1.events_pb2 import FindingEscalated, FindingRecorded, FindingTransferred
from onegrid.grid.v1.findings_pb2 import Finding
from onegrid.grid.v1.records_pb2 import FindingKind, HazardLevel
from onegrid.petition.v1.events_pb2 import PetitionFiled, Step
from onegrid_grid.finding import FINDING
from onegrid_grid.main import SERVICE
from onegrid_grid.store import findings as store
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import announced_as
from onegrid_kit.testing.incidents import handle_all, history
from onegrid_kit.timestamps import timestamp

from .fieldwork import HERE, NEXT, NOWHERE, Outside, new_round
from .people import (
    CELL,
    CITIZEN,
    COMMANDER,
    COMMUNITY,
    DISTRICT,
    NEXT_CELL,
    OTHER_STREET,
    OTHER_STREET_DESK,
    STREET_DESK,
    WORKER,
)

HAZARD, FIRE = FindingKind.FINDING_KIND_FIRE_HAZARD, FindingKind.FINDING_KIND_FIRE
MAJOR = HazardLevel.HAZARD_LEVEL_MAJOR


async def noticed(outside: Outside, at: tuple[float, float] | None = HERE, **fields: Any) -> Finding:
    """Something that a round has found and sent."""
    name, phone = new_round(), outside.device()
    outside.record(phone, name, "find", at, **{"kind": HAZARD, **fields})
    await outside.send(phone)
    (found,) = await outside.findings(round=name)
    return found


async def test_what_a_round_finds_is_kept_with_its_place_and_no_person(outside: Outside, engine: Engine) -> None:
    media = ["video://cam-7/20201111-1436", "f3a9"]
    when = timestamp(outside.clock.now())
    found = await noticed(outside, hazard_level=MAJOR, text="楼道堆放杂物，堵塞出口。", media=media)
    assert (found.kind, found.hazard_level, found.text) == (HAZARD, MAJOR, "楼道堆放杂物，堵塞出口。")
    assert (list(found.media), found.place) == (media, CELL)
    assert (round(found.location.longitude, 6), round(found.location.latitude, 6)) == HERE
    assert (found.time, found.anchored, list(found.marks)) == (when, True, [])
    assert not found.HasField("escalate_time")
    assert (await outside.api.call(WORKER, "GetFinding", name=found.name)).finding == found
    (event,) = announced_as(engine, FindingRecorded)
    assert event.finding.name == found.name
    assert not announced_as(engine, FindingEscalated)
    assert "users/" not in str(found)


async def test_its_place_is_the_cell_that_it_lies_in_and_else_the_rounds(outside: Outside) -> None:
    assert (await noticed(outside, NEXT)).place == NEXT_CELL
    for nowhere in (NOWHERE, None):
        found = await noticed(outside, nowhere)
        assert (found.place, found.HasField("location")) == (CELL, nowhere is not None)
        assert found.name.startswith(f"findings/{CELL}-")


async def test_each_entry_is_one_finding_however_often_it_is_sent(outside: Outside, engine: Engine) -> None:
    name, phone = new_round(), outside.device()
    entry = outside.record(phone, name, "find", HERE, kind=HAZARD, escalate=True)
    for _ in range(3):
        await outside.send(phone, entry)
    (found,) = await outside.findings()
    assert len(announced_as(engine, FindingRecorded)) == len(announced_as(engine, FindingEscalated)) == 1
    assert found.HasField("escalate_time")


async def test_entries_that_contradict_each_other_are_both_kept_and_marked(outside: Outside) -> None:
    name, phone = new_round(), outside.device()
    outside.record(phone, name, "find", HERE, kind=HAZARD)
    await outside.send(phone)
    assert [list(each.marks) for each in await outside.findings()] == [[]]
    phone.entries.clear()
    outside.record(phone, name, "find", HERE, kind=FIRE)
    result = await outside.send(phone)
    assert [each.outcome for each in result.results] == [Outcome.OUTCOME_CONFLICT]
    assert {each.kind: list(each.marks) for each in await outside.findings()} == {
        HAZARD: [Mark.MARK_CONFLICTED],
        FIRE: [Mark.MARK_CONFLICTED],
    }


async def test_a_device_whose_clock_is_wrong_found_it_when_it_did(outside: Outside) -> None:
    name, phone = new_round(), outside.device(skew=timedelta(hours=3))
    when = outside.clock.now()
    outside.record(phone, name, "find", HERE, kind=HAZARD)
    outside.wait(minutes=50)
    await outside.send(phone)
    (found,) = await outside.findings()
    assert (found.time.ToDatetime(UTC), found.anchored) == (when, True)
    assert list(found.marks) == [Mark.MARK_CLOCK_SKEW]
    assert found.create_time == timestamp(outside.clock.now())


async def test_findings_are_read_by_those_who_answer_for_the_place(outside: Outside) -> None:
    first = await noticed(outside)
    outside.wait(minutes=1)
    second = await noticed(outside, NEXT, kind=FIRE)
    for fields, expected in (
        ({"parent": DISTRICT}, [second, first]),
        ({"parent": COMMUNITY, "kinds": [FIRE]}, [second]),
        ({"parent": CELL}, [first]),
        ({"parent": COMMUNITY, "round": first.round}, [first]),
        ({"parent": OTHER_STREET}, []),
    ):
        assert [each.name for each in await outside.findings(**fields)] == [each.name for each in expected]
    for caller, name in ((OTHER_STREET_DESK, first.name), (CITIZEN, first.name), (WORKER, second.name)):
        with pytest.raises(Refused) as refused:
            await outside.api.call(caller, "GetFinding", name=name)
        assert refused.value.reason == "PERMISSION_DENIED"
    none = f"findings/{CELL}-{'0' * 32}"
    for method in ("GetFinding", "EscalateFinding"):
        for caller, reason in ((COMMANDER, "NOT_FOUND"), (OTHER_STREET_DESK, "PERMISSION_DENIED")):
            with pytest.raises(Refused) as refused:
                await outside.api.call(caller, method, name=none)
            assert refused.value.reason == reason


async def test_in_the_field_it_goes_to_emergency_in_one_step(outside: Outside, engine: Engine) -> None:
    found = await noticed(outside, hazard_level=MAJOR, text="漏气", escalate=True)
    (event,) = announced_as(engine, FindingEscalated)
    assert (event.finding.name, event.finding.text) == (found.name, "漏气")
    assert (event.incident_kind, event.incident_level, event.reporter) == (
        IncidentKind.INCIDENT_KIND_ACCIDENT,
        IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED,
        WORKER.user,
    )


async def test_what_a_lost_device_sends_waits_for_an_office(outside: Outside, engine: Engine) -> None:
    name, phone = new_round(), outside.device()
    outside.announce(phone, version=2, lost_time=timestamp(outside.clock.now()))
    outside.record(phone, name, "find", HERE, kind=FIRE, escalate=True)
    await outside.send(phone)
    (found,) = await outside.findings()
    assert (list(found.marks), found.HasField("escalate_time")) == ([Mark.MARK_LOST_DEVICE], False)
    assert not announced_as(engine, FindingEscalated)
    await outside.api.call(STREET_DESK, "EscalateFinding", name=found.name)
    assert len(announced_as(engine, FindingEscalated)) == 1


async def test_an_office_brings_it_to_emergency_once(outside: Outside, engine: Engine) -> None:
    found = await noticed(outside, kind=FindingKind.FINDING_KIND_OTHER)
    kind, level = IncidentKind.INCIDENT_KIND_ACCIDENT, IncidentLevel.INCIDENT_LEVEL_III
    fields = {"name": found.name, "incident_kind": kind, "incident_level": level}
    with pytest.raises(Refused) as refused:
        await outside.api.call(STREET_DESK, "EscalateFinding", note="联系人13812345678", **fields)
    assert refused.value.reason == "PERSON_IN_TEXT"
    for caller in (OTHER_STREET_DESK, WORKER, CITIZEN):
        with pytest.raises(Refused) as refused:
            await outside.api.call(caller, "EscalateFinding", **fields)
        assert refused.value.reason == "PERMISSION_DENIED"
    after = (await outside.api.call(STREET_DESK, "EscalateFinding", note="已疏散", **fields)).finding
    assert after.escalate_time == timestamp(outside.clock.now())
    with pytest.raises(Refused) as refused:
        await outside.api.call(COMMANDER, "EscalateFinding", **fields)
    assert refused.value.reason == "FINDING_ESCALATED"
    assert refused.value.metadata == {"finding": found.name, "escalate_time": after.escalate_time.ToJsonString()}
    assert announced_as(engine, FindingEscalated) == [
        FindingEscalated(
            finding=after, incident_kind=kind, incident_level=level, note="已疏散", reporter=STREET_DESK.user
        )
    ]


async def test_it_becomes_a_petitions_once_and_says_whose(outside: Outside, engine: Engine) -> None:
    found = await noticed(outside, kind=FindingKind.FINDING_KIND_DISPUTE, text="因漏水争执")
    with pytest.raises(Refused) as refused:
        await outside.api.call(STREET_DESK, "TransferFinding", name=found.name, note="联系人13812345678")
    assert refused.value.reason == "PERSON_IN_TEXT"
    for caller in (OTHER_STREET_DESK, CITIZEN):
        with pytest.raises(Refused) as refused:
            await outside.api.call(caller, "TransferFinding", name=found.name)
        assert refused.value.reason == "PERMISSION_DENIED"
    after = (await outside.api.call(WORKER, "TransferFinding", name=found.name, note="请调解")).finding
    assert (after.transfer_time, after.petition) == (timestamp(outside.clock.now()), "")
    with pytest.raises(Refused) as refused:
        await outside.api.call(COMMANDER, "TransferFinding", name=found.name)
    assert refused.value.reason == "FINDING_TRANSFERRED"
    assert refused.value.metadata == {"finding": found.name, "transfer_time": after.transfer_time.ToJsonString()}
    assert announced_as(engine, FindingTransferred) == [
        FindingTransferred(finding=after, note="请调解", requester=WORKER.user, requester_kind=WORKER.kind)
    ]
    petition = "petitions/210602-20201111-7KX3M9QF"
    for origin in ("", "aidRequests/210602-20201111-7KX3M9QF", found.name, found.name):
        outside.events.deliver(PetitionFiled(step=Step(petition=petition, origin=origin)))
        (now,) = await outside.findings()
        assert now.petition == (petition if origin == found.name else "")
    # What emergency is told of it later is told with it.
    await outside.api.call(STREET_DESK, "EscalateFinding", name=found.name)
    (now,) = await outside.findings()
    assert (now.petition, now.transfer_time) == (petition, after.transfer_time)


@pytest.fixture
async def several(outside: Outside) -> list[str]:
    """The names of some findings."""
    return [(await noticed(outside, escalate=True)).name for _ in range(4)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_order_of_emergencys_events_ends_with_the_same_links(
    several: list[str], engine: Engine, data: st.DataObject
) -> None:
    made = history(data, several)
    again = data.draw(st.lists(st.sampled_from(made.events), max_size=5))
    with engine.connect() as conn:
        handle_all(SERVICE, conn, data.draw(st.permutations([*made.events, *again])))
        found = {name: store.find_finding(conn, FINDING.id(name)) for name in several}
        assert {name: each and each.incident for name, each in found.items()} == made.links()
        conn.rollback()
