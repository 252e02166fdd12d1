"""What inspections find: brought to petition to be repaired, or to emergency, and followed there."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from onegrid.border.v1.events_pb2 import InspectionEscalated, RepairRequested
from onegrid.border.v1.resources_pb2 import Asset, AssetCondition, AssetKind, Inspection
from onegrid.common.v1.common_pb2 import AccountKind, Point, Polygon
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid.petition.v1 import events_pb2 as petition
from onegrid.petition.v1.resources_pb2 import State
from onegrid_border.asset import INSPECTION
from onegrid_border.main import SERVICE
from onegrid_border.store import assets as store
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced_as
from onegrid_kit.testing.incidents import handle_all, history
from onegrid_kit.timestamps import timestamp

from .people import CELL, CITIZEN, COMMANDER, DISTRICT, OTHER_STREET_DESK, STREET, STREET_DESK, WORKER

WALL = f"assets/{STREET}-wall"
COURSE = [Point(longitude=124.390 + n / 1000, latitude=40.12) for n in range(3)]
SOUND, FAILED = AssetCondition.ASSET_CONDITION_SOUND, AssetCondition.ASSET_CONDITION_FAILED
PETITION = "petitions/210602-20201111-7KX3M9QF"
METHODS = ("RequestRepair", "EscalateInspection")
ACCIDENT = IncidentKind.INCIDENT_KIND_ACCIDENT


async def inspected(
    api: Serving, condition: AssetCondition = FAILED, name: str = WALL, kind: int = AssetKind.ASSET_KIND_FLOOD_WALL
) -> Inspection:
    """An asset, and an inspection of it."""
    asset = Asset(name=name, kind=AssetKind.ValueType(kind), display_name="江桥段防洪墙", course=COURSE)
    await api.call(COMMANDER, "DefineAsset", asset=asset)
    answer = await api.call(COMMANDER, "InspectAsset", name=name, condition=condition, note="墙体开裂，渗水。")
    inspection: Inspection = answer.inspection
    return inspection


async def current(api: Serving, asset: str = WALL) -> list[Inspection]:
    """The inspections of an asset, the one entered last first."""
    return list((await api.call(COMMANDER, "ListInspections", asset=asset)).inspections)


async def refusal(api: Serving, method: str, name: str, caller: Caller = COMMANDER, **fields: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await api.call(caller, method, name=name, **fields)
    return refused.value


async def test_a_repair_is_requested_once_with_all_that_petition_needs(
    api: Serving, engine: Engine, events: Events, clock: SettableClock
) -> None:
    corners = [(124.3, 40.1), (124.5, 40.1), (124.5, 40.2), (124.3, 40.2)]
    boundary = Polygon(corners=[Point(longitude=x, latitude=y) for x, y in corners])
    events.deliver(CellDefined(code=CELL, version=1, boundary=boundary))
    found = await inspected(api)
    after = (await api.call(STREET_DESK, "RequestRepair", name=found.name, note="汛期前修复。")).inspection
    assert after.repair_request_time == timestamp(clock.now())
    assert [after] == await current(api)
    (event,) = announced_as(engine, RepairRequested)
    asset = (await api.call(COMMANDER, "GetAsset", name=WALL)).asset
    assert event == RepairRequested(
        inspection=after,
        asset=asset,
        text="汛期前修复。\n\n江桥段防洪墙（防洪墙）：失效\n\n墙体开裂，渗水。",
        location=COURSE[1],
        place=CELL,
        requester=STREET_DESK.user,
        requester_kind=AccountKind.ACCOUNT_KIND_STAFF,
    )
    refused = await refusal(api, "RequestRepair", found.name)
    assert (refused.reason, refused.metadata) == (
        "REPAIR_REQUESTED",
        {"inspection": found.name, "repair_request_time": after.repair_request_time.ToJsonString()},
    )
    # Emergency may hear of it besides.
    await api.call(COMMANDER, "EscalateInspection", name=found.name)
    assert len(announced_as(engine, RepairRequested)) == 1


async def test_an_inspection_is_escalated_once_with_all_that_emergency_needs(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    found = await inspected(api)
    level = IncidentLevel.INCIDENT_LEVEL_II
    after = (await api.call(STREET_DESK, "EscalateInspection", name=found.name, incident_level=level)).inspection
    assert (after.escalate_time, after.HasField("repair_request_time")) == (timestamp(clock.now()), False)
    (event,) = announced_as(engine, InspectionEscalated)
    # Where no cell is known, it is the place's that answers for the asset.
    assert (event.inspection, event.place, event.location) == (after, STREET, COURSE[1])
    assert (event.incident_kind, event.incident_level, event.reporter) == (ACCIDENT, level, STREET_DESK.user)
    assert event.text == "江桥段防洪墙（防洪墙）：失效\n\n墙体开裂，渗水。"
    refused = await refusal(api, "EscalateInspection", found.name)
    assert (refused.reason, refused.metadata["inspection"]) == ("INSPECTION_ESCALATED", found.name)


async def test_an_asset_of_a_department_is_somewhere_in_the_district(api: Serving, engine: Engine) -> None:
    found = await inspected(api, name=f"assets/{DISTRICT}D07-wall")
    await api.call(COMMANDER, "RequestRepair", name=found.name)
    (event,) = announced_as(engine, RepairRequested)
    assert event.place == DISTRICT


@pytest.mark.parametrize("method", METHODS)
async def test_what_is_sound_retired_or_unknown_and_who_names_a_person_is_refused(
    api: Serving, engine: Engine, method: str
) -> None:
    found = await inspected(api)
    refused = await refusal(api, method, found.name, note="联系人13812345678")
    assert (refused.reason, refused.violations[0].field) == ("PERSON_IN_TEXT", "note")
    assert (await refusal(api, method, f"{WALL}/inspections/2")).reason == "NOT_FOUND"
    assert (await refusal(api, method, f"assets/{STREET}-none/inspections/1")).reason == "NOT_FOUND"
    sound = await inspected(api, SOUND)
    for each in (sound, found):
        # The wall was repaired since it was found to leak.
        refused = await refusal(api, method, each.name)
        assert (refused.reason, refused.metadata) == ("NO_DEFECT", {"inspection": each.name})
    again = await inspected(api)
    await api.call(COMMANDER, "RetireAsset", name=WALL)
    refused = await refusal(api, method, again.name)
    assert (refused.reason, refused.metadata) == ("ASSET_RETIRED", {"asset": WALL})
    assert not announced_as(engine, RepairRequested)
    assert not announced_as(engine, InspectionEscalated)


async def test_those_who_answer_for_an_asset_bring_it_on(api: Serving) -> None:
    found = await inspected(api, name=f"assets/{CELL}-marker", kind=AssetKind.ASSET_KIND_MARKER)
    for caller in (OTHER_STREET_DESK, CITIZEN):
        for method in METHODS:
            assert (await refusal(api, method, found.name, caller)).reason == "PERMISSION_DENIED"
    assert (await refusal(api, "EscalateInspection", found.name, WORKER)).reason == "PERMISSION_DENIED"
    await api.call(WORKER, "RequestRepair", name=found.name)


@pytest.mark.parametrize("kind", [kind for kind in AssetKind.values() if kind])
@pytest.mark.parametrize("condition", [each for each in AssetCondition.values() if each not in (0, SOUND)])
async def test_every_kind_of_asset_and_of_defect_has_words(
    api: Serving, engine: Engine, kind: int, condition: AssetCondition
) -> None:
    found = await inspected(api, condition, kind=kind)
    await api.call(COMMANDER, "RequestRepair", name=found.name)
    (event,) = announced_as(engine, RepairRequested)
    assert event.text.count("：") == 1


def steps(origin: str) -> list[Message]:
    """What petition announces of a petition that is filed, handled twice, and satisfies at last."""

    def step(sequence: int, state: State) -> petition.Step:
        return petition.Step(petition=PETITION, origin=origin, sequence=sequence, state=state, place=STREET)

    return [
        petition.PetitionFiled(step=step(1, State.STATE_FILED)),
        petition.PetitionAccepted(step=step(2, State.STATE_ACCEPTED)),
        petition.PetitionDispatched(step=step(3, State.STATE_DISPATCHED)),
        petition.TaskTaken(step=step(4, State.STATE_HANDLING)),
        petition.TaskConcluded(step=step(5, State.STATE_CONCLUDED)),
        petition.PetitionRated(step=step(6, State.STATE_HANDLING)),
        petition.TaskConcluded(step=step(7, State.STATE_CONCLUDED)),
        petition.PetitionVerified(step=step(8, State.STATE_VERIFIED)),
    ]


async def test_an_inspection_says_which_petition_it_has_become_and_where_that_stands(
    api: Serving, events: Events
) -> None:
    found = await inspected(api)
    await api.call(COMMANDER, "RequestRepair", name=found.name)
    shown = []
    for event in steps(found.name)[:6]:
        events.deliver(event)
        (inspection,) = await current(api)
        assert inspection.petition == PETITION
        shown.append(inspection.petition_state)
    assert shown == [
        State.STATE_FILED,
        State.STATE_ACCEPTED,
        State.STATE_DISPATCHED,
        State.STATE_HANDLING,
        State.STATE_CONCLUDED,
        State.STATE_HANDLING,
    ]
    # What was filed for others is none of border's.
    for origin in ("", "aidRequests/210602-20201111-7KX3M9QF"):
        events.deliver(petition.PetitionFiled(step=petition.Step(petition=PETITION, origin=origin, sequence=99)))
    (still,) = await current(api)
    assert still.petition_state == State.STATE_HANDLING


@pytest.fixture
async def several(api: Serving) -> list[str]:
    """The names of some inspections that went to emergency."""
    found = []
    for _ in range(4):
        found.append((await inspected(api)).name)
        await api.call(COMMANDER, "EscalateInspection", name=found[-1])
    return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_order_of_events_ends_with_the_same_links(
    several: list[str], engine: Engine, data: st.DataObject
) -> None:
    # Emergency merges reports of what is other services', too.
    noticed = f"observations/{DISTRICT}-{'a' * 32}"
    made = history(data, [*several, noticed])
    known = [*made.events, *steps(several[0])]
    again = data.draw(st.lists(st.sampled_from(known), max_size=5))
    with engine.connect() as conn:
        handle_all(SERVICE, conn, data.draw(st.permutations([*known, *again])))
        found = {each.name: each for each in store.inspections_page(conn, INSPECTION.ids(several[0])[0], (), 10)}
        assert {name: each.incident for name, each in found.items()} == {
            name: link for name, link in made.links().items() if name != noticed
        }
        first = found[several[0]]
        assert (first.petition, first.petition_state) == (PETITION, State.STATE_VERIFIED)
        conn.rollback()
