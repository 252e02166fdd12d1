"""What patrols notice: kept once, corrected when it is judged, brought to emergency, followed as an incident."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from onegrid.border.v1.events_pb2 import ObservationEscalated, ObservationRecorded
from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.records_pb2 import Hazard, ObservationKind
from onegrid.common.v1.common_pb2 import Point, Polygon
from onegrid.emergency.v1 import events_pb2 as emergency
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel, IncidentState
from onegrid.field.v1.field_pb2 import Mark, Outcome, RefusalReason
from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid_border.main import SERVICE
from onegrid_border.observation import OBSERVATION
from onegrid_border.store import observations as store
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import announced_as
from onegrid_kit.testing.incidents import handle_all, history
from onegrid_kit.timestamps import timestamp

from .fieldwork import PLACES, UNIT, Outside
from .people import (
    CELL,
    CITIZEN,
    COMMANDER,
    DISTRICT,
    OTHER_STREET,
    OTHER_STREET_DESK,
    STREET,
    STREET_DESK,
    WORKER,
)

SEEPAGE, FIRE = ObservationKind.OBSERVATION_KIND_DIKE_SEEPAGE, ObservationKind.OBSERVATION_KIND_FIRE
INCIDENT = "incidents/210602-20201111-00000001"


async def listed(outside: Outside, scope: str = DISTRICT, **fields: Any) -> list[Observation]:
    """What was noticed, the newest first."""
    return list((await outside.api.call(COMMANDER, "ListObservations", scope=scope, **fields)).observations)


async def noticed(outside: Outside, **fields: Any) -> Observation:
    """Something that a patrol has noticed and sent."""
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "observe", "ice-gauge", **{"kind": SEEPAGE, **fields})
    await outside.send(phone)
    return next(each for each in await listed(outside) if each.patrol == patrol.name)


def grid_defines(outside: Outside, code: str) -> None:
    """Have grid tell of a cell that holds all checkpoints."""
    corners = [(124.3, 40.1), (124.5, 40.1), (124.5, 40.2), (124.3, 40.2)]
    boundary = Polygon(corners=[Point(longitude=x, latitude=y) for x, y in corners])
    outside.events.deliver(CellDefined(code=code, version=1, boundary=boundary))


async def test_what_a_patrol_notices_is_kept_with_its_place_and_no_person(outside: Outside, engine: Engine) -> None:
    grid_defines(outside, CELL)
    asset = f"assets/{STREET}-dike-3"
    media = ["video://cam-7/20201111-1436", "f3a9"]
    when = timestamp(outside.clock.now())
    found = await noticed(outside, hazard=Hazard.HAZARD_III, text="堤脚渗水，宽约两米。", media=media, asset=asset)
    assert (found.kind, found.hazard, found.text) == (SEEPAGE, Hazard.HAZARD_III, "堤脚渗水，宽约两米。")
    assert (list(found.media), found.asset, found.unit, found.place) == (media, asset, UNIT, CELL)
    assert (round(found.location.longitude, 6), round(found.location.latitude, 6)) == PLACES["ice-gauge"]
    assert (found.time, found.anchored, list(found.marks)) == (when, True, [])
    assert not found.HasField("escalate_time")
    assert (await outside.api.call(WORKER, "GetObservation", name=found.name)).observation == found
    (event,) = announced_as(engine, ObservationRecorded)
    assert event.observation.name == found.name
    assert not announced_as(engine, ObservationEscalated)
    assert "users/" not in str(found)


async def test_where_the_cell_is_unknown_the_place_is_the_units(outside: Outside) -> None:
    assert (await noticed(outside)).place == STREET
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "observe", kind=FIRE)
    await outside.send(phone)
    found = (await listed(outside, kinds=[FIRE]))[0]
    assert (found.place, found.HasField("location")) == (STREET, False)


async def test_each_entry_is_one_observation_however_often_it_is_sent(outside: Outside, engine: Engine) -> None:
    patrol, phone = await outside.plan(), outside.device()
    entry = outside.record(phone, patrol.name, "observe", "pier", kind=SEEPAGE, escalate=True)
    for _ in range(3):
        await outside.send(phone, entry)
    (found,) = await listed(outside)
    assert len(announced_as(engine, ObservationRecorded)) == len(announced_as(engine, ObservationEscalated)) == 1
    assert found.HasField("escalate_time")


async def test_entries_that_contradict_each_other_are_both_kept_and_marked(outside: Outside) -> None:
    patrol, phone = await outside.plan(), outside.device()
    first = outside.record(phone, patrol.name, "observe", "pier", kind=SEEPAGE)
    await outside.send(phone, first)
    assert [list(each.marks) for each in await listed(outside)] == [[]]
    phone.entries.clear()
    other = outside.record(phone, patrol.name, "observe", "pier", kind=FIRE)
    result = await outside.send(phone, other)
    assert [each.outcome for each in result.results] == [Outcome.OUTCOME_CONFLICT]
    assert {each.kind: list(each.marks) for each in await listed(outside)} == {
        SEEPAGE: [Mark.MARK_CONFLICTED],
        FIRE: [Mark.MARK_CONFLICTED],
    }


async def test_a_device_whose_clock_is_wrong_noticed_it_when_it_did(outside: Outside) -> None:
    patrol, phone = await outside.plan(), outside.device(skew=timedelta(hours=3))
    when = outside.clock.now()
    outside.record(phone, patrol.name, "observe", "pier", kind=SEEPAGE)
    outside.wait(minutes=50)
    await outside.send(phone)
    (found,) = await listed(outside)
    assert (found.time.ToDatetime(UTC), found.anchored) == (when, True)
    assert list(found.marks) == [Mark.MARK_CLOCK_SKEW]
    assert found.create_time == timestamp(outside.clock.now())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": "电话 13812345678"}, "content.observe.text"),
        ({"kind": 0}, "content.observe.kind"),
        ({"media": [f"m{n}" for n in range(11)]}, "content.observe.media"),
        ({"media": ["data:image/png;base64,iVBORw0KGgo="]}, "content.observe.media[0]"),
        ({"media": ["张三的照片"]}, "content.observe.media[0]"),
    ],
)
async def test_what_names_a_person_or_holds_an_image_is_refused(
    outside: Outside, fields: dict[str, Any], field: str
) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "observe", **{"kind": SEEPAGE, **fields})
    (result,) = (await outside.send(phone)).results
    assert (result.outcome, result.reason) == (Outcome.OUTCOME_REFUSED, RefusalReason.REFUSAL_REASON_CONTENT_REFUSED)
    assert [violation.field for violation in result.violations] == [field]
    assert not await listed(outside)


async def test_observations_are_read_by_those_who_answer_for_the_unit(outside: Outside) -> None:
    first = await noticed(outside)
    outside.wait(minutes=1)
    second = await noticed(outside, kind=FIRE)
    for fields, expected in (
        ({"scope": DISTRICT}, [second, first]),
        ({"scope": STREET, "kinds": [FIRE]}, [second]),
        ({"scope": OTHER_STREET}, []),
    ):
        assert [each.name for each in await listed(outside, **fields)] == [each.name for each in expected]
    for caller in (OTHER_STREET_DESK, CITIZEN):
        with pytest.raises(Refused) as refused:
            await outside.api.call(caller, "GetObservation", name=first.name)
        assert refused.value.reason == "PERMISSION_DENIED"
    none = f"observations/{DISTRICT}-{'0' * 32}"
    for method in ("GetObservation", "EscalateObservation"):
        for caller, reason in ((COMMANDER, "NOT_FOUND"), (STREET_DESK, "PERMISSION_DENIED")):
            with pytest.raises(Refused) as refused:
                await outside.api.call(caller, method, name=none)
            assert refused.value.reason == reason


async def test_in_the_field_it_goes_to_emergency_in_one_step(outside: Outside, engine: Engine) -> None:
    found = await noticed(outside, hazard=Hazard.HAZARD_II, text="渗水", escalate=True)
    (event,) = announced_as(engine, ObservationEscalated)
    assert (event.observation.name, event.observation.text) == (found.name, "渗水")
    assert (event.incident_kind, event.incident_level, event.reporter) == (
        IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
        IncidentLevel.INCIDENT_LEVEL_II,
        "users/patroller1",
    )


async def test_what_a_lost_device_sends_waits_for_an_office(outside: Outside, engine: Engine) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.announce(phone, version=2, lost_time=timestamp(outside.clock.now()))
    outside.record(phone, patrol.name, "observe", "pier", kind=FIRE, escalate=True)
    await outside.send(phone)
    (found,) = await listed(outside)
    assert (list(found.marks), found.HasField("escalate_time")) == ([Mark.MARK_LOST_DEVICE], False)
    assert not announced_as(engine, ObservationEscalated)
    await outside.api.call(STREET_DESK, "EscalateObservation", name=found.name)
    assert len(announced_as(engine, ObservationEscalated)) == 1


async def test_an_office_brings_it_to_emergency_once(outside: Outside, engine: Engine) -> None:
    found = await noticed(outside, kind=ObservationKind.OBSERVATION_KIND_OTHER)
    kind, level = IncidentKind.INCIDENT_KIND_ACCIDENT, IncidentLevel.INCIDENT_LEVEL_III
    fields = {"name": found.name, "incident_kind": kind, "incident_level": level}
    with pytest.raises(Refused) as refused:
        await outside.api.call(STREET_DESK, "EscalateObservation", note="联系人13812345678", **fields)
    assert refused.value.reason == "PERSON_IN_TEXT"
    for caller in (OTHER_STREET_DESK, WORKER, CITIZEN):
        with pytest.raises(Refused) as refused:
            await outside.api.call(caller, "EscalateObservation", **fields)
        assert refused.value.reason == "PERMISSION_DENIED"
    after = (await outside.api.call(STREET_DESK, "EscalateObservation", note="已疏散", **fields)).observation
    assert after.escalate_time == timestamp(outside.clock.now())
    with pytest.raises(Refused) as refused:
        await outside.api.call(COMMANDER, "EscalateObservation", **fields)
    assert refused.value.reason == "OBSERVATION_ESCALATED"
    assert refused.value.metadata == {
        "observation": found.name,
        "escalate_time": after.escalate_time.ToJsonString(),
    }
    assert announced_as(engine, ObservationEscalated) == [
        ObservationEscalated(
            observation=after, incident_kind=kind, incident_level=level, note="已疏散", reporter=STREET_DESK.user
        )
    ]


async def test_it_says_which_incident_was_made_of_it_and_where_that_stands(outside: Outside) -> None:
    found = await noticed(outside, escalate=True)
    when = timestamp(outside.clock.now())
    reported = emergency.IncidentReported(incident=INCIDENT, source_name=found.name, place=DISTRICT, time=when)
    outside.events.deliver(reported)
    (link,) = await listed(outside)
    assert (link.incident, link.incident_state) == (INCIDENT, IncidentState.INCIDENT_STATE_REPORTED)
    step = emergency.IncidentStep(
        incident=INCIDENT,
        sequence=2,
        state=IncidentState.INCIDENT_STATE_DISMISSED,
        level=IncidentLevel.INCIDENT_LEVEL_IV,
        place=DISTRICT,
        time=when,
        sources=[found.name, "petitions/210602-20201111-7KX3M9QF"],
    )
    outside.events.deliver(emergency.IncidentDismissed(step=step))
    (link,) = await listed(outside)
    assert (link.incident_state, link.incident_level) == (step.state, step.level)


@pytest.fixture
async def several(outside: Outside) -> list[str]:
    """The names of some observations."""
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
        found = {name: store.find_observation(conn, OBSERVATION.id(name)) for name in several}
        assert {name: each and each.incident for name, each in found.items()} == made.links()
        conn.rollback()
