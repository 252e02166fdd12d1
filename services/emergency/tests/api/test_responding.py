"""An incident from its report to its review, over real gRPC and a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1 import error_reason_pb2, events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentActor
from onegrid.emergency.v1.resources_pb2 import (
    Confidence,
    IncidentCommand,
    IncidentKind,
    IncidentLevel,
    IncidentPost,
    IncidentState,
)
from onegrid_emergency.store.places import keep_department, keep_place
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced

from .incidents import Incidents
from .people import (
    CELL,
    CITIZEN,
    COMMANDER,
    COMMUNITY_DESK,
    DEPARTMENT,
    DISTRICT,
    OTHER_CELL,
    OTHER_STREET_DESK,
    RESCUE_CLERK,
    STREET,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)

II, III = IncidentLevel.INCIDENT_LEVEL_II, IncidentLevel.INCIDENT_LEVEL_III


@pytest.fixture(autouse=True)
def ground(engine: Engine) -> None:
    corners = [(124.4, 40.1), (124.5, 40.1), (124.5, 40.2), (124.4, 40.2)]
    with engine.begin() as conn:
        keep_place(conn, DISTRICT, 1, "元宝区")
        keep_place(conn, STREET, 1, "广济街道")
        keep_place(conn, OTHER_CELL, 1, "第6网格", boundary=corners)
        keep_department(conn, DEPARTMENT, 1, "应急管理局")


@pytest.fixture
def incidents(api: Serving) -> Incidents:
    return Incidents(api)


async def test_an_incident_goes_from_its_report_to_its_review_and_each_step_is_kept(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    steps: list[tuple[Caller, str, dict[str, Any]]] = [
        (STREET_DESK, "RespondToIncident", {"note": "已派人"}),
        (WORKER, "ConfirmIncident", {"note": "现场可见渗水"}),
        (STREET_DESK, "GradeIncident", {"level": III, "reason": "威胁两个小区"}),
        (COMMANDER, "AnnotateIncident", {"note": "水位上涨"}),
        (STREET_DESK, "DeclareAllClear", {"note": "险情排除"}),
    ]
    incident = await incidents.reported()
    for caller, method, fields in steps:
        clock.set(clock.now() + timedelta(minutes=1))
        incident = await incidents.act(caller, method, incident, etag=incident.etag, **fields)
    await incidents.call(STREET_DESK, "ReportSituation", incident=incident.name, text="险情已排除", final=True)
    review = {"summary": "渗水，已加固", "lessons": "汛前检查"}
    incident = await incidents.act(COMMANDER, "ReviewIncident", incident, **review)
    assert incident.state == IncidentState.INCIDENT_STATE_REVIEWED
    assert (incident.confidence, incident.level) == (Confidence.CONFIDENCE_CONFIRMED, III)
    assert (incident.grading.reason, incident.grading.grader) == ("威胁两个小区", STREET_DESK.user)
    assert (incident.command.commander, incident.review.lessons) == (STREET_DESK.user, "汛前检查")
    assert incident.clear_time.ToDatetime() - incident.respond_time.ToDatetime() == timedelta(minutes=4)
    timeline = await incidents.timeline(incident)
    names = [IncidentAction.Name(each.action).removeprefix("INCIDENT_ACTION_") for each in timeline]
    assert names == ["REPORT", "RESPOND", "CONFIRM", "GRADE", "ANNOTATE", "CLEAR", "REPORT_FINALLY", "REVIEW"]
    assert [each.sequence for each in timeline] == list(range(1, 9))
    assert [each.note for each in timeline[1:5]] == ["已派人", "现场可见渗水", "威胁两个小区", "水位上涨"]
    first, responded, confirmed, graded = timeline[:4]
    assert (first.actor, first.user, first.office) == (IncidentActor.INCIDENT_ACTOR_REPORTER, "", "")
    assert (responded.actor, responded.office_display_name) == (IncidentActor.INCIDENT_ACTOR_STREET, "广济街道")
    assert (confirmed.actor, confirmed.user) == (IncidentActor.INCIDENT_ACTOR_GRID_WORKER, WORKER.user)
    # Who took charge commands from then on.
    assert (graded.actor, graded.level) == (IncidentActor.INCIDENT_ACTOR_COMMANDER, III)
    events = announced(engine, incident.name)
    assert [type(each) for each in events[1:]] == [
        events_pb2.IncidentResponded,
        events_pb2.IncidentConfirmed,
        events_pb2.IncidentGraded,
        events_pb2.IncidentAnnotated,
        events_pb2.AllClearDeclared,
        events_pb2.SituationReported,
        events_pb2.IncidentReviewed,
    ]
    assert [each.step.sequence for each in events[1:]] == list(range(2, 9))
    assert events[3].step == events_pb2.IncidentStep(
        incident=incident.name,
        sequence=4,
        time=graded.time,
        place=CELL,
        level=III,
        state=IncidentState.INCIDENT_STATE_RESPONDING,
        actor=IncidentActor.INCIDENT_ACTOR_COMMANDER,
        office=STREET,
        commander=STREET_DESK.user,
    )
    assert "水位上涨" not in str(events)


async def test_a_step_in_the_wrong_state_is_refused_with_what_can_be_done_instead(incidents: Incidents) -> None:
    incident = await incidents.act(COMMANDER, "DeclareAllClear", await incidents.responding())
    with pytest.raises(Refused) as refused:
        await incidents.act(COMMANDER, "RespondToIncident", incident)
    assert (refused.value.reason, refused.value.domain) == ("WRONG_STATE", "onegrid.emergency")
    assert refused.value.metadata == {
        "state": "ALL_CLEAR",
        "allowed_actions": "GRADE,CORRECT,ANNOTATE,REOPEN,REVIEW,REPORT_SITUATION,REPORT_FINALLY",
    }
    detail = error_reason_pb2.WrongState()
    refused.value.details["WrongState"].Unpack(detail)
    assert IncidentAction.INCIDENT_ACTION_REOPEN in detail.allowed_actions
    assert await incidents.get(incident.name) == incident


async def test_a_step_for_an_older_version_is_refused(incidents: Incidents) -> None:
    incident = await incidents.responding()
    with pytest.raises(Refused) as refused:
        await incidents.act(COMMANDER, "AnnotateIncident", incident, note="x", etag="1")
    assert refused.value.reason == "STALE_ETAG"
    with pytest.raises(Refused) as refused:
        await incidents.act(OTHER_STREET_DESK, "AnnotateIncident", incident, note="x", etag="1")
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_a_false_alarm_ends_and_stays_ended(incidents: Incidents) -> None:
    incident = await incidents.act(STREET_DESK, "DismissIncident", await incidents.reported(), reason="演练烟雾")
    assert (incident.state, incident.confidence) == (
        IncidentState.INCIDENT_STATE_DISMISSED,
        Confidence.CONFIDENCE_FALSE,
    )
    with pytest.raises(Refused) as refused:
        await incidents.act(COMMANDER, "RespondToIncident", incident)
    assert refused.value.metadata == {"state": "DISMISSED", "allowed_actions": ""}


async def test_what_flares_up_after_all_clear_goes_on(incidents: Incidents) -> None:
    incident = await incidents.act(COMMANDER, "DeclareAllClear", await incidents.responding())
    incident = await incidents.act(STREET_DESK, "ReopenIncident", incident, reason="复燃")
    assert (incident.state, incident.command.commander) == (
        IncidentState.INCIDENT_STATE_RESPONDING,
        COMMANDER.user,
    )


async def test_an_incident_is_graded_again_as_more_is_known(incidents: Incidents, engine: Engine) -> None:
    incident = await incidents.reported()
    for level, reason in ((III, "初判"), (II, "伤亡扩大")):
        incident = await incidents.act(COMMANDER, "GradeIncident", incident, level=level, reason=reason)
    assert (incident.level, incident.grading.reason, incident.grading.office) == (II, "伤亡扩大", DISTRICT)
    assert [(each.before, each.step.level) for each in announced(engine, incident.name)[1:]] == [(0, III), (III, II)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"kind": IncidentKind.INCIDENT_KIND_ACCIDENT, "category": "城市火灾"},
            {"place": CELL, "category": "城市火灾"},
        ),
        ({"place": STREET}, {"place": STREET}),
        ({"location": Point(longitude=124.45, latitude=40.15), "place": STREET}, {"place": OTHER_CELL}),
        ({"location": Point(longitude=1, latitude=1)}, {"place": CELL, "location": Point(longitude=1, latitude=1)}),
        ({"note": "无变化"}, {"place": CELL, "category": ""}),
    ],
)
async def test_what_was_wrong_is_corrected_and_the_rest_stays(
    incidents: Incidents, engine: Engine, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = await incidents.reported(kind=IncidentKind.INCIDENT_KIND_NATURAL_DISASTER)
    incident = await incidents.act(COMMANDER, "CorrectIncident", before, **fields)
    assert incident.kind == fields.get("kind", before.kind)
    for name, value in expected.items():
        assert getattr(incident, name) == value
    assert list(incident.reports) == list(before.reports)
    assert announced(engine, incident.name)[-1].step.place == incident.place


async def test_an_incident_is_not_moved_to_another_district(incidents: Incidents) -> None:
    with pytest.raises(Refused) as refused:
        await incidents.act(COMMANDER, "CorrectIncident", await incidents.reported(), place="210603001")
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", ["place"])


async def test_the_commander_commands_from_wherever_the_commander_belongs(incidents: Incidents) -> None:
    incident = await incidents.reported()
    with pytest.raises(Refused) as refused:
        await incidents.get(incident.name, RESCUE_CLERK)
    assert refused.value.reason == "PERMISSION_DENIED"
    incident = await incidents.act(COMMUNITY_DESK, "RespondToIncident", incident, commander=RESCUE_CLERK.user)
    assert (await incidents.get(incident.name, RESCUE_CLERK)).command.commander == RESCUE_CLERK.user
    incident = await incidents.act(RESCUE_CLERK, "GradeIncident", incident, level=III, reason="x")
    assert incident.grading.office == DEPARTMENT
    posts = [IncidentPost(title="后勤组", holder=WORKER.user), IncidentPost(title="医疗组", holder="210602D11")]
    command = IncidentCommand(commander=COMMANDER.user, posts=posts)
    incident = await incidents.act(RESCUE_CLERK, "OrganizeCommand", incident, command=command)
    assert incident.command == command
    with pytest.raises(Refused) as refused:
        await incidents.get(incident.name, RESCUE_CLERK)
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_who_holds_a_post_may_see_the_incident(incidents: Incidents) -> None:
    incident = await incidents.responding(place=OTHER_CELL)
    for caller, holder in ((WORKER, WORKER.user), (RESCUE_CLERK, DEPARTMENT)):
        with pytest.raises(Refused):
            await incidents.get(incident.name, caller)
        command = IncidentCommand(commander=COMMANDER.user, posts=[IncidentPost(title="组", holder=holder)])
        await incidents.act(COMMANDER, "OrganizeCommand", incident, command=command)
        assert (await incidents.get(incident.name, caller)).name == incident.name
        # It sees, and does not lead.
        with pytest.raises(Refused):
            await incidents.act(caller, "DeclareAllClear", incident)


@pytest.mark.parametrize(
    ("method", "fields", "refused_for"),
    [
        ("RespondToIncident", {}, [WORKER, RESCUE_CLERK, SUPERVISOR, OTHER_STREET_DESK, CITIZEN]),
        ("GradeIncident", {"level": III, "reason": "x"}, [WORKER, COMMUNITY_DESK, RESCUE_CLERK]),
        ("DismissIncident", {"reason": "x"}, [WORKER, COMMUNITY_DESK]),
        ("ConfirmIncident", {}, [OTHER_STREET_DESK, RESCUE_CLERK]),
    ],
)
async def test_who_may_not_take_a_step_is_refused(
    incidents: Incidents, method: str, fields: dict[str, Any], refused_for: list[Caller]
) -> None:
    incident = await incidents.reported()
    for caller in refused_for:
        with pytest.raises(Refused) as refused:
            await incidents.act(caller, method, incident, **fields)
        assert refused.value.reason == "PERMISSION_DENIED", caller.user
    assert await incidents.get(incident.name) == incident


async def test_a_step_that_is_sent_twice_is_taken_once(incidents: Incidents) -> None:
    incident = await incidents.reported()
    request_id = "5f0f3c3a-5f3f-4c1e-9d5a-111111111111"
    answers = [
        await incidents.act(COMMANDER, "AnnotateIncident", incident, note="x", request_id=request_id) for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(await incidents.timeline(incident)) == 2


# Who sees what


async def test_the_reporter_is_shown_to_those_alone_who_may_know_and_the_words_to_the_offices(
    incidents: Incidents,
) -> None:
    report = await incidents.report(text="秘密的话", address="江沿街1号")
    assert (report.reporter, report.text, report.address) == (CITIZEN.user, "秘密的话", "江沿街1号")
    for caller, reporter in (
        (COMMANDER, CITIZEN.user),
        (SUPERVISOR, CITIZEN.user),
        (COMMUNITY_DESK, CITIZEN.user),
        (WORKER, ""),
    ):
        (found,) = (await incidents.get(report.incident, caller)).reports
        assert (found.reporter, found.text) == (reporter, "秘密的话"), caller.user
        (listed,) = (await incidents.call(caller, "ListIncidents", place=CELL)).incidents
        assert listed.reports[0].reporter == reporter


async def test_who_reported_an_incident_finds_the_own_report_in_it(incidents: Incidents) -> None:
    report = await incidents.report(WORKER)
    assert list((await incidents.get(report.incident, WORKER)).reports) == [report]


async def test_a_grid_worker_learns_from_no_step_who_reported(incidents: Incidents) -> None:
    incident = await incidents.reported(text="x")
    answers: list[Message] = [
        await incidents.act(WORKER, method, incident, **fields)
        for method, fields in (("ConfirmIncident", {}), ("CorrectIncident", {"category": "洪水"}))
    ]
    answers += await incidents.timeline(incident, WORKER)
    assert CITIZEN.user not in str(answers)
