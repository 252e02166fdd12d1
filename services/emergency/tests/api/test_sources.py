"""What petition, border and others report by events becomes incidents, one of each, and stays known by its name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from sqlalchemy import Engine, text

from onegrid.border.v1.events_pb2 import InspectionEscalated, ObservationEscalated
from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.records_pb2 import ObservationKind
from onegrid.border.v1.resources_pb2 import Inspection
from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.resources_pb2 import Incident, IncidentKind, IncidentLevel, IncidentState, Source
from onegrid.grid.v1.events_pb2 import FindingEscalated
from onegrid.grid.v1.findings_pb2 import Finding
from onegrid.grid.v1.records_pb2 import FindingKind, HazardLevel
from onegrid.petition.v1.events_pb2 import PetitionEscalated, Step
from onegrid_emergency.commands.sources import Reported, report_source
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events, announced_as
from onegrid_kit.timestamps import timestamp

from .incidents import Incidents
from .people import CELL, CITIZEN, COMMANDER, COMMUNITY_DESK, DISTRICT

PETITION, SECOND = "petitions/210602-20201111-7KX3M9QF", "petitions/210602-20201111-00000002"
FINDING, OBSERVATION = "findings/210602003007005-1", "observations/210602-1"
ACCIDENT = IncidentKind.INCIDENT_KIND_ACCIDENT


@pytest.fixture
def incidents(api: Serving) -> Incidents:
    return Incidents(api)


def escalated(petition: str = PETITION, **fields: Any) -> PetitionEscalated:
    given = {"incident_kind": ACCIDENT, "text": "煤气味很浓。", "reporter": COMMUNITY_DESK.user, **fields}
    return PetitionEscalated(step=Step(petition=petition, place=CELL), **given)


async def all_incidents(incidents: Incidents) -> list[Incident]:
    return list((await incidents.call(COMMANDER, "ListIncidents", place=DISTRICT)).incidents)


async def the_incident_of(incidents: Incidents, events: Events, event: Message) -> Incident:
    events.deliver(event)
    (incident,) = await all_incidents(incidents)
    return incident


async def test_a_petition_becomes_an_incident_though_nothing_of_its_place_is_known(
    incidents: Incidents, events: Events, engine: Engine, clock: SettableClock
) -> None:
    here = Point(longitude=124.4, latitude=40.1)
    filed = clock.now() - timedelta(minutes=20)
    event = escalated(
        note="已疏散两层。",
        address="东街1号",
        location=here,
        incident_level=IncidentLevel.INCIDENT_LEVEL_III,
        create_time=timestamp(filed),
    )
    incident = await the_incident_of(incidents, events, event)
    (report,) = incident.reports
    assert (report.source, report.source_name) == (Source.SOURCE_PETITION, PETITION)
    assert report.text == "已疏散两层。\n\n煤气味很浓。"
    assert (report.place, report.address, report.location) == (CELL, "东街1号", here)
    assert (report.reporter, report.occur_time) == (COMMUNITY_DESK.user, timestamp(filed))
    assert (report.kind, report.level) == (ACCIDENT, IncidentLevel.INCIDENT_LEVEL_III)
    # It is for others to grade it.
    assert incident.level == IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
    assert (incident.state, incident.place) == (IncidentState.INCIDENT_STATE_REPORTED, CELL)
    assert incident.situation_due_time == timestamp(clock.now() + timedelta(hours=4))
    (reported,) = announced_as(engine, events_pb2.IncidentReported)
    assert (reported.incident, reported.source_name) == (incident.name, PETITION)


async def test_what_a_patrol_noticed_becomes_an_incident_also_without_a_text(
    incidents: Incidents, events: Events, clock: SettableClock
) -> None:
    here = Point(longitude=124.4, latitude=40.122)
    noticed = clock.now() - timedelta(minutes=50)
    seen = Observation(
        name=f"observations/210602-{'a' * 32}",
        kind=ObservationKind.OBSERVATION_KIND_DIKE_SEEPAGE,
        location=here,
        place=CELL,
        time=timestamp(noticed),
    )
    disaster, level = IncidentKind.INCIDENT_KIND_NATURAL_DISASTER, IncidentLevel.INCIDENT_LEVEL_II
    event = ObservationEscalated(
        observation=seen, incident_kind=disaster, incident_level=level, note="已封路。", reporter=COMMUNITY_DESK.user
    )
    events.deliver(event)
    incident = await the_incident_of(incidents, events, event)
    (report,) = incident.reports
    assert (report.source, report.source_name) == (Source.SOURCE_PATROL, seen.name)
    assert report.text == "已封路。\n\n堤坝渗漏、管涌"
    assert (report.kind, report.level, report.location, report.place) == (disaster, level, here, CELL)
    assert (report.reporter, report.occur_time) == (COMMUNITY_DESK.user, timestamp(noticed))


async def test_what_a_round_found_becomes_an_incident_also_without_a_text(
    incidents: Incidents, events: Events, clock: SettableClock
) -> None:
    here = Point(longitude=124.4, latitude=40.122)
    noticed = clock.now() - timedelta(minutes=50)
    found = Finding(
        name=f"findings/{CELL}-{'a' * 32}",
        kind=FindingKind.FINDING_KIND_FIRE_HAZARD,
        hazard_level=HazardLevel.HAZARD_LEVEL_MAJOR,
        location=here,
        place=CELL,
        time=timestamp(noticed),
    )
    event = FindingEscalated(finding=found, incident_kind=ACCIDENT, note="已断电。", reporter=COMMUNITY_DESK.user)
    events.deliver(event)
    incident = await the_incident_of(incidents, events, event)
    (report,) = incident.reports
    assert (report.source, report.source_name) == (Source.SOURCE_INSPECTION, found.name)
    assert report.text == "已断电。\n\n消防隐患（重大隐患）"
    assert (report.kind, report.location, report.place) == (ACCIDENT, here, CELL)
    # How grave a hazard is says nothing of how grave an incident would be.
    assert report.level == IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
    assert (report.reporter, report.occur_time) == (COMMUNITY_DESK.user, timestamp(noticed))


async def test_a_defect_on_the_border_becomes_an_incident(
    incidents: Incidents, events: Events, clock: SettableClock
) -> None:
    here = Point(longitude=124.4, latitude=40.122)
    looked = timestamp(clock.now() - timedelta(minutes=50))
    found = Inspection(name=f"assets/{CELL}-wall/inspections/3", inspect_time=looked)
    event = InspectionEscalated(
        inspection=found,
        text="防洪墙：失效",
        location=here,
        place=CELL,
        incident_kind=ACCIDENT,
        incident_level=IncidentLevel.INCIDENT_LEVEL_II,
        reporter=COMMUNITY_DESK.user,
    )
    events.deliver(event)
    incident = await the_incident_of(incidents, events, event)
    (report,) = incident.reports
    assert (report.source, report.source_name, report.text) == (Source.SOURCE_INSPECTION, found.name, "防洪墙：失效")
    assert (report.kind, report.level) == (ACCIDENT, IncidentLevel.INCIDENT_LEVEL_II)
    assert (report.location, report.place, report.occur_time) == (here, CELL, looked)
    assert report.reporter == COMMUNITY_DESK.user


async def test_it_becomes_one_whatever_is_repeated(incidents: Incidents, events: Events, engine: Engine) -> None:
    await the_incident_of(incidents, events, escalated())
    with engine.begin() as conn:
        # What was handled is forgotten after a time.
        conn.execute(text("TRUNCATE inbox"))
    await the_incident_of(incidents, events, escalated())
    events.deliver(escalated(SECOND), escalated(SECOND))
    assert sorted(r.source_name for i in await all_incidents(incidents) for r in i.reports) == [SECOND, PETITION]


async def test_clocks_that_differ_and_a_long_text_keep_it_from_nothing(
    incidents: Incidents, events: Events, clock: SettableClock
) -> None:
    ahead = timestamp(clock.now() + timedelta(hours=1))
    event = escalated(note="注" * 2000, text="文" * 4000, create_time=ahead)
    (report,) = (await the_incident_of(incidents, events, event)).reports
    assert report.occur_time == timestamp(clock.now())
    assert (len(report.text), report.text[-2:]) == (4000, "文…")


async def test_the_petitioner_does_not_see_the_incident(incidents: Incidents, events: Events) -> None:
    incident = await the_incident_of(incidents, events, escalated())
    assert CITIZEN.user not in str(incident)
    assert (await incidents.get(incident.name, COMMUNITY_DESK)).name == incident.name


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (PETITION, Source.SOURCE_PETITION),
        (FINDING, Source.SOURCE_INSPECTION),
        (OBSERVATION, Source.SOURCE_PATROL),
    ],
)
async def test_what_other_services_find_becomes_an_incident_in_the_same_way(
    incidents: Incidents, engine: Engine, clock: SettableClock, name: str, source: Source
) -> None:
    found = Reported(source_name=name, place=CELL, kind=ACCIDENT, text="堤坝渗水。", occur_time=clock.now())
    for _ in range(2):
        with engine.begin() as conn:
            report_source(conn, found, Call(caller=ANONYMOUS, now=clock.now(), method="test", resource=name))
    (incident,) = await all_incidents(incidents)
    assert [(report.source, report.source_name) for report in incident.reports] == [(source, name)]


async def test_every_step_says_of_what_the_incident_is_made_also_after_merge_and_split(
    incidents: Incidents, events: Events, engine: Engine
) -> None:
    one = await the_incident_of(incidents, events, escalated())
    events.deliver(escalated(SECOND))
    (other,) = (each for each in await all_incidents(incidents) if each.name != one.name)
    merged = await incidents.merge(one, other)
    (report,) = (report.name for report in merged.reports if report.source_name == SECOND)
    await incidents.split(one, report)
    await incidents.act(COMMANDER, "DismissIncident", other, reason="误报")
    (left,) = announced_as(engine, events_pb2.IncidentMerged)
    absorbed, restored = announced_as(engine, events_pb2.ReportsMoved)
    (detached,) = announced_as(engine, events_pb2.ReportsDetached)
    (dismissed,) = announced_as(engine, events_pb2.IncidentDismissed)
    assert (left.step.incident, list(left.step.sources)) == (other.name, [])
    assert (absorbed.step.incident, list(absorbed.sources)) == (one.name, [SECOND])
    assert set(absorbed.step.sources) == {PETITION, SECOND}
    assert (restored.step.incident, list(restored.step.sources)) == (other.name, [SECOND])
    assert (detached.step.incident, list(detached.step.sources)) == (one.name, [PETITION])
    assert (dismissed.step.incident, list(dismissed.step.sources)) == (other.name, [SECOND])
