"""Plans: what they create, whom they elevate, and that all of it ends with them."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import Engine

from onegrid.duty.v1.events_pb2 import PlanRosterPaged
from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1 import plans_pb2 as pb
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentActor
from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTaskState
from onegrid.emergency.v1.resources_pb2 import Incident, IncidentKind, IncidentLevel
from onegrid.identity.v1.events_pb2 import PlanRoleGranted, PlanRoleRefused
from onegrid_emergency.incident_task import MAX_TASKS
from onegrid_emergency.store.places import keep_department, keep_place
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced_as

from .incidents import Incidents
from .people import (
    CITIZEN,
    COMMANDER,
    COMMUNITY,
    COMMUNITY_DESK,
    DEPARTMENT,
    DISTRICT,
    OTHER_STREET_DESK,
    RESCUE_CLERK,
    STREET,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)
from .plans import ADMIN, FLOOD, ROSTER, Plans

FLOODS = {"kind": IncidentKind.INCIDENT_KIND_NATURAL_DISASTER}
III = {"level": IncidentLevel.INCIDENT_LEVEL_III, "reason": "水位超警"}


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
def plans(api: Serving) -> Plans:
    return Plans(api)


async def test_a_plan_that_is_activated_creates_its_tasks_and_checklist_and_says_what_others_are_to_do(
    incidents: Incidents, plans: Plans, engine: Engine, clock: SettableClock
) -> None:
    plan = await plans.define()
    incident = await incidents.responding()
    activation = await plans.activate(incident, note="水位超警戒")
    now = clock.now().astimezone(UTC)
    assert (activation.plan, activation.display_name) == (FLOOD, "防汛三级响应")
    assert (activation.incident, activation.activator, activation.guarantor) == (
        incident.name,
        COMMANDER.user,
        plan.definer,
    )
    assert plan.definer == ADMIN.user
    assert [(each.number, each.checklist, each.text, each.ticked_by) for each in activation.items] == [
        (1, "堤坝", "查看渗水点", ""),
        (2, "堤坝", "架设照明", ""),
        (3, "居民", "清点独居老人", ""),
    ]
    tasks = (await incidents.get(incident.name)).tasks
    assert {each.name for each in tasks} == set(activation.tasks)
    sandbags, people = sorted(tasks, key=lambda each: len(each.instruction))
    assert (sandbags.assignee, people.assignee) == (DEPARTMENT, COMMUNITY)
    assert sandbags.acknowledge_due_time.ToDatetime(UTC) == now + timedelta(minutes=2)
    assert people.acknowledge_due_time.ToDatetime(UTC) == now + timedelta(minutes=10)
    assert not sandbags.HasField("due_time")
    assert people.due_time.ToDatetime(UTC) == now + timedelta(hours=2)
    assert len(announced_as(engine, events_pb2.TaskAssigned)) == 2
    (announced,) = announced_as(engine, events_pb2.PlanActivated)
    assert announced.activation == activation
    assert [each.elevation.holder for each in activation.elevations] == ["users/colonel1", ROSTER]
    assert activation.expire_time.ToDatetime(UTC) == now + timedelta(hours=72)
    assert [each.roster for each in activation.rosters] == [ROSTER]
    assert (activation.notice.headline, list(activation.notice.places)) == ("江水上涨", [STREET])
    last = (await incidents.timeline(incident))[-1]
    assert (last.action, last.plan_activation, last.note) == (
        IncidentAction.INCIDENT_ACTION_ACTIVATE_PLAN,
        activation.name,
        "防汛三级响应\n水位超警戒",
    )


async def test_what_identity_and_duty_made_of_it_is_known(incidents: Incidents, plans: Plans, events: Events) -> None:
    await plans.define()
    activation = await plans.activate(incident := await incidents.responding())
    person, roster = activation.elevations
    page = f"pages/{DISTRICT}-command-centre-{'0' * 20}"
    events.deliver(PlanRoleGranted(elevation=person.name), subject=person.name)
    events.deliver(PlanRoleRefused(elevation=roster.name, reason="GRANT_EXCEEDS_OWN"), subject=roster.name)
    paged = PlanRosterPaged(activation=activation.name, roster=ROSTER, page=page)
    events.deliver(paged, subject=activation.name)
    (found,) = await plans.of(incident)
    assert [(each.state, each.reason) for each in found.elevations] == [
        (pb.ELEVATION_STATE_GRANTED, ""),
        (pb.ELEVATION_STATE_REFUSED, "GRANT_EXCEEDS_OWN"),
    ]
    assert list(found.rosters) == [pb.PagedRoster(roster=ROSTER, page=page)]


async def test_items_are_ticked_by_whoever_takes_part_and_keep_who_did_it_first(
    incidents: Incidents, plans: Plans, engine: Engine, clock: SettableClock
) -> None:
    await plans.define()
    incident = await incidents.responding()
    activation = await plans.activate(incident)
    item = await plans.tick(activation, 2, WORKER)
    assert (item.text, item.ticked_by, item.tick_time.ToDatetime(UTC)) == (
        "架设照明",
        WORKER.user,
        clock.now().astimezone(UTC),
    )
    clock.set(clock.now() + timedelta(minutes=1))
    assert await plans.tick(activation, 2, COMMANDER) == item
    assert (await plans.tick(activation, 3, RESCUE_CLERK)).ticked_by == RESCUE_CLERK.user
    assert not (await plans.tick(activation, 2, COMMUNITY_DESK, untick=True)).ticked_by
    steps = [each for each in await incidents.timeline(incident) if each.action == IncidentAction.INCIDENT_ACTION_TICK]
    assert [(each.user, each.note) for each in steps] == [
        (WORKER.user, "架设照明"),
        (RESCUE_CLERK.user, "清点独居老人"),
        (COMMUNITY_DESK.user, "架设照明"),
    ]
    assert steps[1].actor == IncidentActor.INCIDENT_ACTOR_ASSIGNEE
    assert [bool(each.item.ticked_by) for each in announced_as(engine, events_pb2.ChecklistItemTicked)] == [
        True,
        True,
        False,
    ]
    with pytest.raises(Refused) as refused:
        await plans.tick(activation, 4)
    assert refused.value.fields == ["number"]
    with pytest.raises(Refused) as refused:
        await plans.tick(activation, 1, OTHER_STREET_DESK)
    assert refused.value.reason == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("method", "fields"),
    [("DeclareAllClear", {"open_tasks_reason": "水位回落"}), ("DismissIncident", {"reason": "误报"})],
)
async def test_a_plan_ends_with_its_incident(
    incidents: Incidents, plans: Plans, engine: Engine, clock: SettableClock, method: str, fields: dict[str, str]
) -> None:
    await plans.define()
    incident = await incidents.responding()
    activation = await plans.activate(incident)
    clock.set(clock.now() + timedelta(hours=3))
    ended_incident = await incidents.act(COMMANDER, method, incident, **fields)
    assert {each.state for each in ended_incident.tasks} == {IncidentTaskState.INCIDENT_TASK_STATE_CANCELLED}
    (ended,) = announced_as(engine, events_pb2.PlanDeactivated)
    assert (ended.activation.name, ended.activation.end_time.ToDatetime(UTC)) == (
        activation.name,
        clock.now().astimezone(UTC),
    )
    assert await plans.of(incident) == [ended.activation]
    *_, plan_ended, incident_ended = await incidents.timeline(incident)
    assert plan_ended.action == IncidentAction.INCIDENT_ACTION_DEACTIVATE_PLAN
    assert plan_ended.state != incident_ended.state
    assert incident_ended.state == ended_incident.state


async def test_a_plan_that_is_ended_by_hand_leaves_its_tasks(incidents: Incidents, plans: Plans) -> None:
    await plans.define()
    incident = await incidents.responding()
    activation = await plans.activate(incident)
    ended = await plans.deactivate(activation, STREET_DESK)
    assert ended.HasField("end_time")
    tasks = (await incidents.get(incident.name)).tasks
    assert {each.state for each in tasks} == {IncidentTaskState.INCIDENT_TASK_STATE_ASSIGNED}
    for act in (plans.deactivate(activation), plans.tick(activation, 1)):
        with pytest.raises(Refused) as refused:
            await act
        assert (refused.value.reason, refused.value.metadata) == ("PLAN_ENDED", {"activation": activation.name})
    assert (await plans.activate(incident)).name != activation.name


async def advance(incidents: Incidents, incident: Incident, step: str) -> Incident:
    """The incident once it was confirmed, graded or corrected."""
    match step:
        case "confirm":
            return await incidents.act(WORKER, "ConfirmIncident", incident)
        case "grade":
            return await incidents.act(COMMANDER, "GradeIncident", incident, **III)
        case _:
            return await incidents.act(WORKER, "CorrectIncident", incident, **FLOODS)


async def a_flood(incidents: Incidents) -> Incident:
    """A flood that is confirmed and of level III."""
    incident = await incidents.reported(**FLOODS)
    return await advance(incidents, await advance(incidents, incident, "confirm"), "grade")


@pytest.mark.parametrize(
    "steps", [("confirm", "correct", "grade"), ("grade", "correct", "confirm"), ("confirm", "grade", "correct")]
)
async def test_an_automatic_plan_is_activated_by_the_last_step_that_makes_it_fit(
    incidents: Incidents, plans: Plans, engine: Engine, steps: tuple[str, ...]
) -> None:
    await plans.define(automatic=True)
    incident = await incidents.reported()
    for step in steps[:-1]:
        incident = await advance(incidents, incident, step)
    assert await plans.of(incident) == []
    incident = await advance(incidents, incident, steps[-1])
    assert len(incident.tasks) == 2
    (activation,) = await plans.of(incident)
    assert (activation.plan, activation.activator) == (FLOOD, "")
    *_, last = await incidents.timeline(incident)
    assert (last.action, last.actor, last.user) == (
        IncidentAction.INCIDENT_ACTION_ACTIVATE_PLAN,
        IncidentActor.INCIDENT_ACTOR_SYSTEM,
        "",
    )
    assert incident.etag == str(last.sequence)
    await plans.deactivate(activation)
    await incidents.act(COMMANDER, "GradeIncident", incident, **III)
    assert len(await plans.of(incident)) == 1


async def test_other_plans_wait_for_somebody(incidents: Incidents, plans: Plans) -> None:
    await plans.define()
    await plans.define(name=f"{FLOOD}-other", automatic=True, level=IncidentLevel.INCIDENT_LEVEL_II)
    retired = await plans.define(name=f"{FLOOD}-old", automatic=True)
    await plans.call(COMMANDER, "RetirePlan", name=retired.name)
    assert await plans.of(await a_flood(incidents)) == []


async def test_no_plan_gives_an_incident_more_tasks_than_it_may_have(incidents: Incidents, plans: Plans) -> None:
    many = [pb.PlanTask(assignee=DEPARTMENT, instruction="巡堤")] * 30
    for number in range(4):
        await plans.define(name=f"{FLOOD}-{number}", tasks=many, automatic=True)
    incident = await a_flood(incidents)
    assert len(incident.tasks) == 90
    missing = f"{FLOOD}-3"
    assert missing not in {each.plan for each in await plans.of(incident)}
    with pytest.raises(Refused) as refused:
        await plans.activate(incident, missing)
    assert (refused.value.reason, refused.value.metadata) == (
        "TASK_LIMIT_REACHED",
        {"tasks": "120", "limit": str(MAX_TASKS)},
    )


async def test_the_plans_of_a_merged_incident_go_on_for_the_other(
    incidents: Incidents, plans: Plans, engine: Engine
) -> None:
    await plans.define()
    await plans.define(name=f"{FLOOD}-boats", tasks=[])
    one, other = await incidents.responding(), await incidents.responding()
    there = await plans.activate(one)
    twice, boats = await plans.activate(other), await plans.activate(other, f"{FLOOD}-boats")
    merged = await incidents.merge(one, other)
    found = {each.name: each for each in await plans.of(merged)}
    assert set(found) == {there.name, boats.name}
    assert not any(each.HasField("end_time") for each in found.values())
    (ended,) = announced_as(engine, events_pb2.PlanDeactivated)
    assert ended.activation.name == twice.name
    await incidents.act(COMMANDER, "DeclareAllClear", merged, open_tasks_reason="x")
    assert len(announced_as(engine, events_pb2.PlanDeactivated)) == 3


async def test_who_leads_the_incident_activates_and_nobody_else(incidents: Incidents, plans: Plans) -> None:
    await plans.define()
    incident = await incidents.responding()
    for caller in (CITIZEN, WORKER, COMMUNITY_DESK, SUPERVISOR, OTHER_STREET_DESK):
        with pytest.raises(Refused) as refused:
            await plans.activate(incident, caller=caller)
        assert refused.value.reason == "PERMISSION_DENIED", caller.user
    activation = await plans.activate(incident, caller=STREET_DESK)
    with pytest.raises(Refused) as refused:
        await plans.activate(incident)
    assert (refused.value.reason, refused.value.metadata) == ("PLAN_ACTIVE", {"activation": activation.name})
    cleared = await incidents.act(COMMANDER, "DeclareAllClear", incident, open_tasks_reason="x")
    with pytest.raises(Refused) as refused:
        await plans.activate(cleared)
    assert refused.value.reason == "WRONG_STATE"


async def test_a_retired_or_foreign_plan_is_not_activated(incidents: Incidents, plans: Plans) -> None:
    plan = await plans.define()
    incident = await incidents.responding()
    retired = (await plans.call(COMMANDER, "RetirePlan", name=plan.name, etag=plan.etag)).plan
    assert (await plans.call(COMMANDER, "RetirePlan", name=plan.name)).plan == retired
    for name, reason in ((FLOOD, "PLAN_RETIRED"), (f"plans/{DISTRICT}-none", "NOT_FOUND")):
        with pytest.raises(Refused) as refused:
            await plans.activate(incident, name)
        assert refused.value.reason == reason
    await plans.define(etag=retired.etag)
    assert (await plans.activate(incident)).plan == FLOOD


async def test_a_plan_is_read_as_it_was_defined_and_changes_nothing_that_is_in_effect(
    incidents: Incidents, plans: Plans
) -> None:
    first = await plans.define(elevate_at_most=Duration(seconds=3600))
    assert (await plans.call(SUPERVISOR, "GetPlan", name=FLOOD)).plan == first
    assert first.elevate_at_most.seconds == 3600
    activation = await plans.activate(incident := await incidents.responding())
    with pytest.raises(Refused) as refused:
        await plans.define(etag="9")
    assert refused.value.reason == "STALE_ETAG"
    second = await plans.define(display_name="别的", tasks=[], etag=first.etag)
    assert (second.display_name, second.create_time) == ("别的", first.create_time)
    assert await plans.of(incident) == [activation]
    await plans.define(name=f"{FLOOD}-4", level=IncidentLevel.INCIDENT_LEVEL_IV)
    await plans.call(COMMANDER, "RetirePlan", name=FLOOD)

    async def names(**fields: object) -> list[str]:
        listed = (await plans.call(SUPERVISOR, "ListPlans", district=DISTRICT, **fields)).plans
        return [each.name for each in listed]

    for caller in (STREET_DESK, COMMUNITY_DESK, RESCUE_CLERK):
        assert (await plans.call(caller, "GetPlan", name=FLOOD)).plan.display_name == "别的"
        assert (await plans.call(caller, "ListPlans", district=DISTRICT)).plans
        for method, asked in (("GetPlan", {"name": "plans/210603-flood"}), ("ListPlans", {"district": "210603"})):
            with pytest.raises(Refused) as refused:
                await plans.call(caller, method, **asked)
            assert refused.value.reason == "PERMISSION_DENIED"
    assert await names() == [f"{FLOOD}-4"]
    assert await names(show_retired=True) == [FLOOD, f"{FLOOD}-4"]
    assert await names(show_retired=True, level=IncidentLevel.INCIDENT_LEVEL_III) == [FLOOD]
    assert await names(kind=IncidentKind.INCIDENT_KIND_ACCIDENT) == []


async def test_a_plan_gives_no_role_that_its_definer_may_not_grant(plans: Plans) -> None:
    with pytest.raises(Refused) as refused:
        await plans.define(COMMANDER)
    assert (refused.value.reason, refused.value.metadata) == (
        "ROLE_NOT_GRANTABLE",
        {"role": "roles/commander", "scope": DISTRICT},
    )
    assert (await plans.define(COMMANDER, elevations=[])).definer == COMMANDER.user


async def test_a_plan_names_nothing_of_another_district_and_no_unknown_office(plans: Plans) -> None:
    other = "210603"
    with pytest.raises(Refused) as refused:
        await plans.define(
            tasks=[pb.PlanTask(assignee=f"{other}D07", instruction="x")],
            elevations=[pb.PlanElevation(holder="users/colonel1", role="roles/commander", scope=other)],
            rosters=[f"rosters/{other}-centre"],
            notice=pb.PlanNotice(headline="x", text="x", places=[other]),
        )
    assert refused.value.fields == [
        "plan.tasks[0].assignee",
        "plan.elevations[0].scope",
        "plan.rosters[0]",
        "plan.notice.places[0]",
    ]
    with pytest.raises(Refused) as refused:
        await plans.define(tasks=[pb.PlanTask(assignee=f"{DISTRICT}D99", instruction="x")])
    assert refused.value.reason == "ASSIGNEE_UNKNOWN"
    with pytest.raises(Refused) as refused:
        await plans.define(tasks=[pb.PlanTask(instruction="x")])
    assert refused.value.fields == ["plan.tasks[0]"]
