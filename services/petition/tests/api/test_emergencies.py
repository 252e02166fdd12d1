"""Petitions that are reported as emergencies, and the incidents that emergency makes of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Engine

from onegrid.emergency.v1 import events_pb2 as emergency
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel, IncidentState
from onegrid.petition.v1.events_pb2 import IncidentTracked, PetitionEscalated
from onegrid.petition.v1.resources_pb2 import Action, IncidentLink, Petition, State
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import Events, announced_as
from onegrid_kit.timestamps import timestamp

from .desk import INSIDE, Desk, all_of
from .people import (
    CITIZEN,
    COMMANDER,
    COMMUNITY_DESK,
    DISTRICT,
    LEAD,
    LEAD_CLERK,
    NEIGHBOUR,
    OTHER_STREET,
    STREET,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)

ACCIDENT, III = IncidentKind.INCIDENT_KIND_ACCIDENT, IncidentLevel.INCIDENT_LEVEL_III
UNGRADED = IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
REPORTED, RESPONDING, ALL_CLEAR, DISMISSED, MERGED = (
    IncidentState.INCIDENT_STATE_REPORTED,
    IncidentState.INCIDENT_STATE_RESPONDING,
    IncidentState.INCIDENT_STATE_ALL_CLEAR,
    IncidentState.INCIDENT_STATE_DISMISSED,
    IncidentState.INCIDENT_STATE_MERGED,
)
ONE, OTHER = "incidents/210602-20201111-00000001", "incidents/210602-20201111-00000002"
REPORT_EMERGENCY, TRACK_INCIDENT = Action.ACTION_REPORT_EMERGENCY, Action.ACTION_TRACK_INCIDENT
NOON = Timestamp(seconds=1605067200)


async def escalated(desk: Desk, caller: Any = COMMANDER, **fields: Any) -> Petition:
    petition = await desk.file(**fields)
    return (await desk.call(caller, "ReportEmergency", name=petition.name, incident_kind=ACCIDENT)).petition


async def get(desk: Desk, name: str, caller: Any = COMMANDER) -> Petition:
    return (await desk.call(caller, "GetPetition", name=name)).petition


async def tracked(desk: Desk, name: str) -> list[IncidentLink]:
    page = await desk.call(COMMANDER, "ListTimeline", petition=name, page_size=500)
    return [entry.incident for entry in page.entries if entry.action == TRACK_INCIDENT]


def reported(incident: str, source: str) -> emergency.IncidentReported:
    return emergency.IncidentReported(incident=incident, source_name=source, place=DISTRICT, time=NOON)


def step(
    incident: str, sequence: int, state: IncidentState, *sources: str, level: IncidentLevel = UNGRADED
) -> emergency.IncidentStep:
    time = Timestamp(seconds=NOON.seconds + 60 * sequence)
    return emergency.IncidentStep(
        incident=incident, sequence=sequence, state=state, level=level, place=DISTRICT, time=time, sources=sources
    )


async def test_what_is_reported_goes_to_emergency_with_all_but_its_petitioner(
    desk: Desk, engine: Engine, clock: SettableClock
) -> None:
    petition = await desk.file(text="煤气味很浓。", address="东街1号", contact_phone="+8613800000000")
    clock.set(clock.now() + timedelta(minutes=4))
    after = (
        await desk.call(
            STREET_DESK,
            "ReportEmergency",
            name=petition.name,
            incident_kind=ACCIDENT,
            incident_level=III,
            internal_note="已疏散两层。",
        )
    ).petition
    assert (after.state, after.emergency_report_time) == (State.STATE_FILED, timestamp(clock.now()))
    assert not after.HasField("incident")
    (event,) = announced_as(engine, PetitionEscalated)
    assert (event.step.petition, event.step.sequence, event.step.office) == (petition.name, 2, STREET)
    assert event == PetitionEscalated(
        step=event.step,
        incident_kind=ACCIDENT,
        incident_level=III,
        note="已疏散两层。",
        text="煤气味很浓。",
        location=INSIDE,
        address="东街1号",
        reporter=STREET_DESK.user,
        create_time=petition.create_time,
    )
    assert event.step.place == petition.place
    for personal in (CITIZEN.user, "+8613800000000"):
        assert personal not in str(event)


@pytest.mark.parametrize("caller", [COMMANDER, STREET_DESK, COMMUNITY_DESK], ids=lambda caller: caller.user)
async def test_the_platforms_over_its_place_report_it_like_they_dispatch_it(desk: Desk, caller: Any) -> None:
    assert (await escalated(desk, caller)).HasField("emergency_report_time")


@pytest.mark.parametrize(
    "caller", [CITIZEN, NEIGHBOUR, WORKER, SUPERVISOR, LEAD_CLERK, OTHER_STREET], ids=lambda caller: caller.user
)
async def test_nobody_else_reports_it(desk: Desk, caller: Any) -> None:
    petition = await desk.dispatched(lead=LEAD)
    with pytest.raises(Refused) as refused:
        await desk.call(caller, "ReportEmergency", name=petition.name, incident_kind=ACCIDENT)
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_it_is_reported_once(desk: Desk, engine: Engine) -> None:
    petition = await escalated(desk)
    with pytest.raises(Refused) as refused:
        await desk.call(STREET_DESK, "ReportEmergency", name=petition.name, incident_kind=ACCIDENT)
    assert refused.value.reason == "EMERGENCY_REPORTED"
    assert refused.value.metadata == {"report_time": petition.emergency_report_time.ToJsonString()}
    assert len(announced_as(engine, PetitionEscalated)) == 1


async def test_what_has_ended_is_not_reported_and_what_is_reported_goes_on(desk: Desk) -> None:
    petition = await escalated(desk)
    accepted = (await desk.call(COMMANDER, "AcceptPetition", name=petition.name)).petition
    assert accepted.emergency_report_time == petition.emergency_report_time
    ended = await desk.file()
    await desk.call(CITIZEN, "WithdrawPetition", name=ended.name)
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "ReportEmergency", name=ended.name, incident_kind=ACCIDENT)
    assert refused.value.reason == "WRONG_STATE"


async def test_offices_follow_the_incident_from_its_report_to_all_clear(
    desk: Desk, engine: Engine, events: Events
) -> None:
    name = (await escalated(desk)).name
    events.deliver(reported(ONE, name), subject=ONE)
    assert (await get(desk, name)).incident == IncidentLink(incident=ONE, state=REPORTED)
    events.deliver(emergency.IncidentResponded(step=step(ONE, 2, RESPONDING, name)))
    events.deliver(emergency.IncidentGraded(step=step(ONE, 3, RESPONDING, name, level=III)))
    graded = await get(desk, name, STREET_DESK)
    assert graded.incident == IncidentLink(incident=ONE, state=RESPONDING, level=III)
    # What only changes what is shown is no step.
    assert graded.etag == "3"
    events.deliver(emergency.AllClearDeclared(step=step(ONE, 4, ALL_CLEAR, name, level=III)))
    events.deliver(emergency.IncidentReopened(step=step(ONE, 5, RESPONDING, name, level=III)))
    events.deliver(emergency.IncidentDismissed(step=step(ONE, 6, DISMISSED, name, level=III)))
    links = [
        IncidentLink(incident=ONE, state=state, level=level)
        for state, level in ((REPORTED, UNGRADED), (ALL_CLEAR, III), (RESPONDING, III), (DISMISSED, III))
    ]
    assert await tracked(desk, name) == links
    assert (await get(desk, name)).incident == links[-1]
    assert [event.incident for event in announced_as(engine, IncidentTracked)] == links
    assert [event.step.sequence for event in announced_as(engine, IncidentTracked)] == [3, 4, 5, 6]


async def test_it_follows_its_report_when_incidents_are_merged_and_split(desk: Desk, events: Events) -> None:
    name, second = (await escalated(desk)).name, (await escalated(desk)).name
    events.deliver(reported(ONE, name), reported(OTHER, second))
    moved = emergency.ReportsMoved(step=step(OTHER, 2, REPORTED, second, name), sources=[name])
    events.deliver(emergency.IncidentMerged(step=step(ONE, 2, MERGED), into=OTHER), moved)
    assert [(await get(desk, each)).incident.incident for each in (name, second)] == [OTHER, OTHER]
    restored = emergency.ReportsMoved(step=step(ONE, 3, REPORTED, name), sources=[name])
    events.deliver(emergency.ReportsDetached(step=step(OTHER, 3, REPORTED, second), split=ONE), restored)
    assert [(await get(desk, each)).incident.incident for each in (name, second)] == [ONE, OTHER]
    assert [link.incident for link in await tracked(desk, name)] == [ONE, OTHER, ONE]
    assert [link.incident for link in await tracked(desk, second)] == [OTHER]


async def test_all_that_is_split_off_into_a_new_incident_is_linked_to_it(desk: Desk, events: Events) -> None:
    name, second = (await escalated(desk)).name, (await escalated(desk)).name
    events.deliver(reported(ONE, name))
    events.deliver(emergency.ReportsMoved(step=step(ONE, 2, REPORTED, name, second), sources=[second]))
    events.deliver(reported(OTHER, name))
    split = emergency.ReportsMoved(step=step(OTHER, 1, REPORTED, name, second), sources=[name, second])
    events.deliver(emergency.ReportsDetached(step=step(ONE, 3, REPORTED), split=OTHER), split)
    for each in (name, second):
        assert (await get(desk, each)).incident.incident == OTHER
        assert [link.incident for link in await tracked(desk, each)] == [ONE, OTHER]


async def test_the_petitioner_and_the_public_see_nothing_of_it(desk: Desk, events: Events) -> None:
    petition = await escalated(desk)
    name = petition.name
    events.deliver(reported(ONE, name))
    await desk.call(COMMANDER, "AcceptPetition", name=name, public_note="已受理")
    own = await get(desk, name, CITIZEN)
    assert (own.HasField("incident"), own.HasField("emergency_report_time"), own.etag) == (False, False, "4")
    public = await desk.call(None, "GetPublicTimeline", name=name)
    watched = await all_of(desk.watch(CITIZEN, name=name), 2)
    for entries in (list(public.entries), [each.entry for each in watched]):
        assert [entry.sequence for entry in entries] == [1, 4]
        assert [entry.action for entry in entries] == [Action.ACTION_FILE, Action.ACTION_ACCEPT]
    office = await all_of(desk.watch(COMMUNITY_DESK, name=name), 4)
    assert [each.entry.action for each in office[1:3]] == [REPORT_EMERGENCY, TRACK_INCIDENT]
    assert office[1].entry.office == DISTRICT
    assert office[2].entry.incident == IncidentLink(incident=ONE, state=REPORTED)


async def test_incidents_of_other_sources_concern_no_petition(desk: Desk, events: Events) -> None:
    petition = await desk.file()
    for source in ("", "findings/210602003007005-1", "petitions/210602-20201111-00000000"):
        events.deliver(reported(ONE, source))
    events.deliver(emergency.AllClearDeclared(step=step(ONE, 4, ALL_CLEAR, "observations/210602-1")))
    assert await get(desk, petition.name) == petition


async def test_what_comes_after_the_petition_has_ended_is_noted_all_the_same(desk: Desk, events: Events) -> None:
    name = (await escalated(desk)).name
    events.deliver(reported(ONE, name))
    await desk.call(CITIZEN, "WithdrawPetition", name=name)
    events.deliver(emergency.AllClearDeclared(step=step(ONE, 2, ALL_CLEAR, name)))
    assert [link.state for link in await tracked(desk, name)] == [REPORTED, ALL_CLEAR]
    assert (await get(desk, name)).state == State.STATE_WITHDRAWN
