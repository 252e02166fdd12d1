"""Reports of the situation upward, and until when they are due."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentDeadline
from onegrid.emergency.v1.incident_tasks_pb2 import Casualties, SituationReport, SituationReportKind
from onegrid.emergency.v1.resources_pb2 import Incident, IncidentLevel, IncidentState
from onegrid_emergency.main import SERVICE
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced_as
from onegrid_kit.testing.ladders import climb_due

from .incidents import Incidents
from .people import COMMANDER, DISTRICT, RESCUE_CLERK, STREET, STREET_DESK, WORKER

FIRST, FOLLOW_UP, FINAL = (
    SituationReportKind.SITUATION_REPORT_KIND_FIRST,
    SituationReportKind.SITUATION_REPORT_KIND_FOLLOW_UP,
    SituationReportKind.SITUATION_REPORT_KIND_FINAL,
)
FIRST_LEVEL, II, III, IV = (level for level in IncidentLevel.values() if level)


@pytest.fixture
def incidents(api: Serving) -> Incidents:
    return Incidents(api)


async def reported(
    incidents: Incidents, of: Incident, by: Caller = COMMANDER, *, final: bool = False
) -> SituationReport:
    answer = await incidents.call(by, "ReportSituation", incident=of.name, text="险情可控", final=final)
    return answer.situation_report


async def due_in(incidents: Incidents, of: Incident, clock: SettableClock) -> timedelta:
    incident = await incidents.get(of.name)
    return incident.situation_due_time.ToDatetime() - clock.now().replace(tzinfo=None)


@pytest.mark.parametrize(
    ("level", "first", "follow_up"), [(0, 4, 24), (FIRST_LEVEL, 1, 2), (II, 1, 4), (III, 2, 12), (IV, 2, 24)]
)
async def test_how_soon_reports_are_due_depends_on_the_level(
    incidents: Incidents, clock: SettableClock, level: IncidentLevel, first: int, follow_up: int
) -> None:
    incident = await incidents.responding()
    if level:
        await incidents.act(COMMANDER, "GradeIncident", incident, level=level, reason="x")
    assert await due_in(incidents, incident, clock) == timedelta(hours=first)
    await reported(incidents, incident)
    assert await due_in(incidents, incident, clock) == timedelta(hours=follow_up)


async def test_a_graver_level_hastens_the_next_report_and_a_lesser_one_does_not_put_it_off(
    incidents: Incidents, clock: SettableClock
) -> None:
    incident = await incidents.responding()
    await reported(incidents, incident)
    for level, hours in ((III, 12), (FIRST_LEVEL, 2), (IV, 2)):
        await incidents.act(COMMANDER, "GradeIncident", incident, level=level, reason="x")
        assert await due_in(incidents, incident, clock) == timedelta(hours=hours)


async def test_the_first_report_is_followed_by_others_until_the_final_one_after_all_clear(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    incident = await incidents.responding()
    casualties = Casualties(dead=1, missing=2, injured=3, relocated=400)
    first = (
        await incidents.call(
            STREET_DESK, "ReportSituation", incident=incident.name, text="堤坝决口", casualties=casualties
        )
    ).situation_report
    assert (first.kind, first.casualties, first.office) == (FIRST, casualties, STREET)
    assert first.name == f"{incident.name}/situationReports/1"
    assert first.due_time == incident.situation_due_time
    with pytest.raises(Refused) as refused:
        await reported(incidents, incident, final=True)
    assert refused.value.reason == "WRONG_STATE"
    second = await reported(incidents, incident)
    incident = await incidents.act(COMMANDER, "DeclareAllClear", incident)
    assert await due_in(incidents, incident, clock) == timedelta(days=7)
    with pytest.raises(Refused) as refused:
        await incidents.act(COMMANDER, "ReviewIncident", incident, summary="x", lessons="x")
    assert (refused.value.reason, refused.value.metadata) == ("FINAL_REPORT_MISSING", {"incident": incident.name})
    third = await reported(incidents, incident, final=True)
    assert [each.kind for each in (second, third)] == [FOLLOW_UP, FINAL]
    incident = await incidents.get(incident.name)
    assert (incident.HasField("situation_due_time"), incident.situation_report_count) == (False, 3)
    listed = await incidents.call(COMMANDER, "ListSituationReports", incident=incident.name, page_size=2)
    rest = await incidents.call(
        COMMANDER, "ListSituationReports", incident=incident.name, page_size=2, page_token=listed.next_page_token
    )
    assert [*listed.situation_reports, *rest.situation_reports] == [first, second, third]
    assert [each.situation_report for each in announced_as(engine, events_pb2.SituationReported)] == [
        first,
        second,
        third,
    ]
    incident = await incidents.act(COMMANDER, "ReviewIncident", incident, summary="x", lessons="x")
    assert incident.state == IncidentState.INCIDENT_STATE_REVIEWED


async def test_what_goes_on_after_all_clear_is_reported_again(incidents: Incidents, clock: SettableClock) -> None:
    incident = await incidents.act(COMMANDER, "DeclareAllClear", await incidents.responding())
    await reported(incidents, incident, final=True)
    await incidents.act(COMMANDER, "ReopenIncident", incident, reason="复燃")
    assert await due_in(incidents, incident, clock) == timedelta(hours=24)
    await incidents.act(COMMANDER, "DeclareAllClear", incident)
    with pytest.raises(Refused) as refused:
        await incidents.act(COMMANDER, "ReviewIncident", incident, summary="x", lessons="x")
    assert refused.value.reason == "FINAL_REPORT_MISSING"


async def test_a_report_that_is_late_climbs_from_the_commander_to_the_district_and_stops_with_the_report(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    incident = await incidents.responding()
    for time, recipients in (
        (timedelta(hours=4), [COMMANDER.user]),
        (timedelta(minutes=15), [COMMANDER.user, STREET]),
        (timedelta(minutes=15), [COMMANDER.user, STREET, DISTRICT]),
    ):
        clock.set(clock.now() + time)
        climb_due(SERVICE, engine, clock)
        missed = announced_as(engine, events_pb2.IncidentDeadlineMissed)
        assert [each.recipient for each in missed] == recipients
    assert {each.deadline for each in missed} == {IncidentDeadline.INCIDENT_DEADLINE_SITUATION_REPORT}
    await reported(incidents, incident)
    clock.set(clock.now() + timedelta(hours=23))
    climb_due(SERVICE, engine, clock)
    assert len(announced_as(engine, events_pb2.IncidentDeadlineMissed)) == 3
    clock.set(clock.now() + timedelta(hours=1))
    climb_due(SERVICE, engine, clock)
    again = announced_as(engine, events_pb2.IncidentDeadlineMissed)[3:]
    assert [(each.rung, each.recipient) for each in again] == [(1, COMMANDER.user)]


async def test_who_does_not_lead_reports_nothing_upward(incidents: Incidents) -> None:
    incident = await incidents.responding()
    for caller in (WORKER, RESCUE_CLERK):
        with pytest.raises(Refused) as refused:
            await reported(incidents, incident, caller)
        assert refused.value.reason == "PERMISSION_DENIED"
