"""The tasks of incidents, and who hears of it when one is not acknowledged or done in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import Engine

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentDeadline
from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTaskState
from onegrid.emergency.v1.resources_pb2 import IncidentLevel, IncidentState
from onegrid_emergency.incident_task import MAX_TASKS
from onegrid_emergency.main import SERVICE
from onegrid_emergency.store.places import keep_department, keep_place
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced_as, forget_announced
from onegrid_kit.testing.ladders import climb_due

from .incidents import Incidents
from .people import (
    COMMANDER,
    COMMUNITY,
    COMMUNITY_DESK,
    DEPARTMENT,
    DISTRICT,
    OTHER_CELL,
    OTHER_STREET_DESK,
    RESCUE_CLERK,
    STREET,
    STREET_DESK,
    WORKER,
)

Climb = Callable[[timedelta], list[tuple[int, int, str]]]
ACKNOWLEDGEMENT = IncidentDeadline.INCIDENT_DEADLINE_ACKNOWLEDGEMENT
COMPLETION = IncidentDeadline.INCIDENT_DEADLINE_COMPLETION
RESPONSE = IncidentDeadline.INCIDENT_DEADLINE_RESPONSE


@pytest.fixture(autouse=True)
def offices(engine: Engine) -> None:
    with engine.begin() as conn:
        keep_department(conn, DEPARTMENT, 1, "应急管理局")
        for code in (DISTRICT, STREET, COMMUNITY):
            keep_place(conn, code, 1, code)


@pytest.fixture
def incidents(api: Serving) -> Incidents:
    return Incidents(api)


@pytest.fixture
def after(engine: Engine, clock: SettableClock) -> Climb:
    """Lets time pass, and tells who was reminded of which deadline on which rung."""

    def pass_(time: timedelta) -> list[tuple[int, int, str]]:
        forget_announced(engine)
        clock.set(clock.now() + time)
        climb_due(SERVICE, engine, clock)
        missed = announced_as(engine, events_pb2.IncidentDeadlineMissed)
        return [(each.deadline, each.rung, each.recipient) for each in missed]

    return pass_


async def test_a_task_is_acknowledged_reported_on_and_completed(incidents: Incidents, engine: Engine) -> None:
    incident = await incidents.responding()
    task = await incidents.assign(incident)
    assert (task.state, task.assignee) == (IncidentTaskState.INCIDENT_TASK_STATE_ASSIGNED, DEPARTMENT)
    acknowledged = await incidents.on_task(RESCUE_CLERK, "AcknowledgeTask", task)
    assert acknowledged.state == IncidentTaskState.INCIDENT_TASK_STATE_ACKNOWLEDGED
    await incidents.on_task(RESCUE_CLERK, "ReportTaskProgress", task, report="沙袋已到")
    done = await incidents.on_task(RESCUE_CLERK, "CompleteTask", task, report="已加固")
    assert (done.state, done.report) == (IncidentTaskState.INCIDENT_TASK_STATE_COMPLETED, "已加固")
    assert done.acknowledge_time == acknowledged.acknowledge_time
    found = await incidents.get(incident.name, RESCUE_CLERK)
    assert list(found.tasks) == [done]
    timeline = (await incidents.timeline(incident))[2:]
    assert [(each.action, each.task, each.note) for each in timeline] == [
        (IncidentAction.INCIDENT_ACTION_ASSIGN, task.name, "加固堤坝"),
        (IncidentAction.INCIDENT_ACTION_ACKNOWLEDGE, task.name, ""),
        (IncidentAction.INCIDENT_ACTION_PROGRESS, task.name, "沙袋已到"),
        (IncidentAction.INCIDENT_ACTION_COMPLETE, task.name, "已加固"),
    ]
    assert {each.office for each in timeline[1:]} == {DEPARTMENT}
    (completed,) = announced_as(engine, events_pb2.TaskCompleted)
    assert completed.task == done


async def test_a_task_that_is_done_at_once_needs_no_acknowledgement(incidents: Incidents, after: Climb) -> None:
    task = await incidents.assign(await incidents.responding())
    done = await incidents.on_task(RESCUE_CLERK, "CompleteTask", task, report="已完成")
    assert done.acknowledge_time == done.end_time
    assert after(timedelta(days=1))[:1] == [(IncidentDeadline.INCIDENT_DEADLINE_SITUATION_REPORT, 1, COMMANDER.user)]


@pytest.mark.parametrize(
    ("method", "fields"),
    [("AcknowledgeTask", {}), ("CompleteTask", {"report": "x"}), ("CancelTask", {"reason": "x"})],
)
async def test_a_task_that_has_ended_stays_as_it_is(incidents: Incidents, method: str, fields: dict[str, Any]) -> None:
    task = await incidents.assign(await incidents.responding())
    await incidents.on_task(RESCUE_CLERK, "CompleteTask", task, report="已完成")
    with pytest.raises(Refused) as refused:
        await incidents.on_task(COMMANDER if method == "CancelTask" else RESCUE_CLERK, method, task, **fields)
    assert (refused.value.reason, refused.value.metadata) == (
        "TASK_WRONG_STATE",
        {"task": task.name, "state": "COMPLETED"},
    )


async def test_only_the_assignee_handles_a_task_and_only_who_leads_gives_and_cancels_it(incidents: Incidents) -> None:
    incident = await incidents.responding(place=OTHER_CELL)
    task = await incidents.assign(incident, WORKER.user)
    for caller, method, fields in (
        (RESCUE_CLERK, "AcknowledgeTask", {}),
        (COMMUNITY_DESK, "CompleteTask", {"report": "x"}),
        (COMMANDER, "AcknowledgeTask", {}),
        (OTHER_STREET_DESK, "CancelTask", {"reason": "x"}),
    ):
        with pytest.raises(Refused) as refused:
            await incidents.on_task(caller, method, task, **fields)
        assert refused.value.reason == "PERMISSION_DENIED", caller.user
    with pytest.raises(Refused):
        await incidents.assign(incident, caller=RESCUE_CLERK)
    # A person who has a task sees its incident, wherever it is.
    assert (await incidents.get(incident.name, WORKER)).name == incident.name
    await incidents.on_task(WORKER, "AcknowledgeTask", task)
    cancelled = await incidents.on_task(STREET_DESK, "CancelTask", task, reason="不再需要")
    assert (cancelled.state, cancelled.report) == (IncidentTaskState.INCIDENT_TASK_STATE_CANCELLED, "不再需要")


async def test_a_task_goes_to_an_office_that_there_is_while_somebody_is_in_charge(incidents: Incidents) -> None:
    incident = await incidents.responding()
    for assignee in ("210602D99", "210603D07"):
        with pytest.raises(Refused) as refused:
            await incidents.assign(incident, assignee)
        assert (refused.value.reason, refused.value.fields) == ("ASSIGNEE_UNKNOWN", ["assignee"])
    with pytest.raises(Refused) as refused:
        await incidents.assign(incident, due_time=incident.create_time)
    assert refused.value.fields == ["due_time"]
    with pytest.raises(Refused) as refused:
        await incidents.assign(await incidents.reported())
    assert refused.value.metadata["state"] == "REPORTED"


async def test_an_incident_with_all_the_tasks_and_reports_that_it_may_have_can_be_read(
    incidents: Incidents,
) -> None:
    incident = await incidents.responding(text="汛" * 4000)
    for _ in range(MAX_TASKS):
        task = await incidents.assign(incident, instruction="固" * 1000)
        await incidents.on_task(RESCUE_CLERK, "CompleteTask", task, report="完" * 1000)
    others = [await incidents.reported(text="汛" * 4000) for _ in range(99)]
    with pytest.raises(Refused) as refused:
        await incidents.assign(incident)
    assert (refused.value.reason, refused.value.metadata) == ("TASK_LIMIT_REACHED", {"tasks": "101", "limit": "100"})
    merged = await incidents.merge(incident, *others)
    assert (len(merged.reports), len(merged.tasks)) == (100, MAX_TASKS)
    with pytest.raises(Refused) as refused:
        await incidents.merge(merged, await incidents.reported())
    assert (refused.value.reason, refused.value.metadata) == (
        "REPORT_LIMIT_REACHED",
        {"reports": "101", "limit": "100"},
    )


# Deadlines


async def test_a_task_that_nobody_acknowledges_climbs_from_its_assignee_to_the_district_each_rung_once(
    incidents: Incidents, after: Climb
) -> None:
    incident = await incidents.responding(STREET_DESK)
    await incidents.assign(incident)
    assert after(timedelta(minutes=9)) == []
    assert after(timedelta(minutes=1)) == [(ACKNOWLEDGEMENT, 1, DEPARTMENT)]
    assert after(timedelta(minutes=0)) == []
    assert after(timedelta(minutes=5)) == [(ACKNOWLEDGEMENT, 2, STREET_DESK.user)]
    assert after(timedelta(minutes=5)) == [(ACKNOWLEDGEMENT, 3, DISTRICT)]
    assert after(timedelta(minutes=60)) == []
    escalated = (await incidents.timeline(incident))[-3:]
    assert {each.action for each in escalated} == {IncidentAction.INCIDENT_ACTION_ESCALATE}
    assert [each.recipient for each in escalated] == [DEPARTMENT, STREET_DESK.user, DISTRICT]


async def test_an_acknowledgement_in_between_ends_the_climb(incidents: Incidents, after: Climb) -> None:
    task = await incidents.assign(await incidents.responding())
    assert len(after(timedelta(minutes=10))) == 1
    await incidents.on_task(RESCUE_CLERK, "AcknowledgeTask", task)
    assert after(timedelta(minutes=60)) == []


async def test_who_has_heard_of_it_already_is_skipped_at_once(incidents: Incidents, after: Climb) -> None:
    await incidents.assign(await incidents.responding(STREET_DESK), STREET_DESK.user)
    assert after(timedelta(minutes=10)) == [(ACKNOWLEDGEMENT, 1, STREET_DESK.user)]
    assert after(timedelta(minutes=5)) == [(ACKNOWLEDGEMENT, 3, DISTRICT)]


@pytest.mark.parametrize(("fields", "minutes"), [({}, 5), ({"acknowledge_within": Duration(seconds=120)}, 2)])
async def test_a_grave_incident_wants_its_tasks_acknowledged_sooner_and_who_gives_one_may_say_how_soon(
    incidents: Incidents, after: Climb, fields: dict[str, Any], minutes: int
) -> None:
    incident = await incidents.responding()
    await incidents.act(COMMANDER, "GradeIncident", incident, level=IncidentLevel.INCIDENT_LEVEL_II, reason="x")
    task = await incidents.assign(incident, **fields)
    assert task.acknowledge_due_time.seconds - task.create_time.seconds == minutes * 60
    assert after(timedelta(minutes=minutes)) == [(ACKNOWLEDGEMENT, 1, DEPARTMENT)]


async def test_a_task_that_is_not_done_in_time_climbs_too(
    incidents: Incidents, after: Climb, clock: SettableClock
) -> None:
    due = clock.now() + timedelta(hours=1)
    task = await incidents.assign(await incidents.responding(), due_time=due)
    await incidents.on_task(RESCUE_CLERK, "AcknowledgeTask", task)
    assert after(timedelta(hours=1)) == [(COMPLETION, 1, DEPARTMENT)]
    assert after(timedelta(minutes=15)) == [(COMPLETION, 2, COMMANDER.user)]
    await incidents.on_task(RESCUE_CLERK, "CompleteTask", task, report="已完成")
    assert after(timedelta(minutes=15)) == []


async def test_a_report_that_nobody_takes_charge_of_climbs_from_the_community_to_the_district(
    incidents: Incidents, after: Climb
) -> None:
    await incidents.reported()
    assert after(timedelta(minutes=5)) == [(RESPONSE, 1, COMMUNITY)]
    assert after(timedelta(minutes=5)) == [(RESPONSE, 2, STREET)]
    assert after(timedelta(minutes=5)) == [(RESPONSE, 3, DISTRICT)]
    # Where no more than the district is known, only it is there to be reminded.
    await incidents.reported(place=DISTRICT)
    assert after(timedelta(minutes=5)) == [(RESPONSE, 1, DISTRICT)]
    assert after(timedelta(minutes=30)) == []


async def test_once_somebody_is_in_charge_nobody_is_reminded_of_it(incidents: Incidents, after: Climb) -> None:
    await incidents.responding()
    await incidents.act(COMMANDER, "DismissIncident", await incidents.reported(), reason="x")
    assert after(timedelta(minutes=30)) == []


# All clear


async def test_all_clear_needs_a_reason_while_tasks_are_open_and_cancels_them(
    incidents: Incidents, after: Climb
) -> None:
    incident = await incidents.responding()
    task = await incidents.assign(incident)
    with pytest.raises(Refused) as refused:
        await incidents.act(COMMANDER, "DeclareAllClear", incident)
    assert (refused.value.reason, refused.value.metadata) == ("TASKS_OPEN", {"tasks": task.name})
    incident = await incidents.act(COMMANDER, "DeclareAllClear", incident, open_tasks_reason="水已退")
    assert incident.state == IncidentState.INCIDENT_STATE_ALL_CLEAR
    assert [(each.state, each.report) for each in incident.tasks] == [
        (IncidentTaskState.INCIDENT_TASK_STATE_CANCELLED, "水已退")
    ]
    assert after(timedelta(hours=1)) == []


async def test_a_false_alarm_cancels_what_was_to_be_done(incidents: Incidents, after: Climb) -> None:
    incident = await incidents.responding()
    await incidents.assign(incident)
    incident = await incidents.act(COMMANDER, "DismissIncident", incident, reason="误报")
    assert [each.state for each in incident.tasks] == [IncidentTaskState.INCIDENT_TASK_STATE_CANCELLED]
    assert not incident.HasField("situation_due_time")
    assert after(timedelta(days=30)) == []
