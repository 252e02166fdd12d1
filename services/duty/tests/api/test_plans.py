"""Plans of emergency: they page whoever is on duty, and give them a role for as long as both last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from onegrid.duty.v1.events_pb2 import PageEnded, PlanRosterPaged, RungReached, ShiftElevated
from onegrid.duty.v1.resources_pb2 import Rung
from onegrid.emergency.v1.events_pb2 import PlanActivated, PlanDeactivated
from onegrid.emergency.v1.plans_pb2 import ActiveElevation, PagedRoster, PlanActivation, PlanElevation
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.clock import SettableClock
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.callers import staff
from onegrid_kit.testing.events import Events, announced_as, forget_announced
from onegrid_kit.testing.ladders import climb_due

from .rostering import A_DAY, BOSS, DISTRICT, HANDOFF, LI, READER, ROSTER, START, WANG, define, rotation

ACTIVATION = f"planActivations/{DISTRICT}-01hf0000000000000000"
ELEVATION = f"{ACTIVATION}/elevations/1"
END = START + timedelta(hours=24)
RUNGS = [Rung(target=target, wait_minutes=5) for target in (1, 3)]
NOBODY = f"rosters/{DISTRICT}-nobody"


def activation(*rosters: str, holder: str = ROSTER) -> PlanActivation:
    given = PlanElevation(holder=holder, role="roles/commander", scope=DISTRICT)
    made = PlanActivation(
        name=ACTIVATION,
        display_name="防汛三级响应",
        incident=f"incidents/{DISTRICT}-20201111-7KX3M9QF",
        guarantor=BOSS,
        rosters=[PagedRoster(roster=each) for each in rosters],
        elevations=[ActiveElevation(name=ELEVATION, elevation=given)],
    )
    made.activate_time.FromDatetime(START)
    made.expire_time.FromDatetime(END)
    return made


def activate(events: Events, *rosters: str, holder: str = ROSTER) -> None:
    events.deliver(PlanActivated(activation=activation(*rosters, holder=holder)), subject=ACTIVATION)


def deactivate(events: Events, *rosters: str) -> None:
    events.deliver(PlanDeactivated(activation=activation(*rosters)), subject=ACTIVATION)


def elevated(engine: Engine) -> list[tuple[str, str, datetime, datetime]]:
    """Of each shift the last that was announced: who holds what, from when until when."""
    last = {
        each.shift.name: each for each in sorted(announced_as(engine, ShiftElevated), key=lambda each: each.revision)
    }
    found = [
        (each.shift.user, each.authority.role, each.begin_time.ToDatetime(UTC), each.end_time.ToDatetime(UTC))
        for each in last.values()
        if each.authority.role
    ]
    return sorted(found, key=lambda each: each[2])


async def test_a_plan_pages_whoever_is_on_duty(api: Serving, events: Events, engine: Engine) -> None:
    await define(api, escalation=RUNGS, supervisors=[BOSS])
    activate(events, ROSTER)
    (page,) = (await api.call(READER, "ListPages", roster=ROSTER)).pages
    assert page.title == "防汛三级响应 210602-20201111-7KX3M9QF"
    assert announced_as(engine, PlanRosterPaged) == [
        PlanRosterPaged(activation=ACTIVATION, roster=ROSTER, page=page.name)
    ]


async def test_a_page_ends_with_its_plan_and_those_who_were_paged_hear_of_it(
    api: Serving, events: Events, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api, escalation=RUNGS, supervisors=[BOSS])
    activate(events, ROSTER)
    climb_due(service, engine, clock)
    deactivate(events, ROSTER)
    (ended,) = announced_as(engine, PageEnded)
    assert (list(ended.page.paged), ended.roster_display_name) == ([LI], "指挥中心值班")
    clock.set(START + timedelta(hours=1))
    climb_due(service, engine, clock)
    assert [list(each.users) for each in announced_as(engine, RungReached)] == [[LI]]
    li = staff("li", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
    assert (await api.call(li, "AcknowledgePage", name=ended.page.name)).page == ended.page
    (page,) = (await api.call(READER, "ListPages", roster=ROSTER)).pages
    assert (page.acknowledger, page.HasField("end_time")) == ("", True)


async def test_a_page_that_was_taken_does_not_end_with_its_plan(
    api: Serving, events: Events, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api, escalation=RUNGS, supervisors=[BOSS])
    activate(events, ROSTER)
    climb_due(service, engine, clock)
    (page,) = (await api.call(READER, "ListPages", roster=ROSTER)).pages
    li = staff("li", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
    taken = (await api.call(li, "AcknowledgePage", name=page.name)).page
    deactivate(events, ROSTER)
    assert list((await api.call(READER, "ListPages", roster=ROSTER)).pages) == [taken]
    assert announced_as(engine, PageEnded) == []


async def test_a_roster_that_nobody_can_be_paged_of_says_why(api: Serving, events: Events, engine: Engine) -> None:
    await define(api)
    activate(events, ROSTER, NOBODY, holder="users/colonel1")
    assert {each.roster: each.reason for each in announced_as(engine, PlanRosterPaged)} == {
        ROSTER: "ESCALATION_MISSING",
        NOBODY: "NOT_FOUND",
    }
    assert not announced_as(engine, ShiftElevated)


async def test_whoever_is_on_duty_and_takes_over_holds_the_role_for_as_long_as_the_plan_lasts(
    api: Serving, events: Events, engine: Engine
) -> None:
    await define(api)
    activate(events)
    handoff = HANDOFF + A_DAY
    assert elevated(engine) == [
        (LI, "roles/commander", START, handoff),
        (WANG, "roles/commander", handoff, END),
    ]
    assert {each.authority.definer for each in announced_as(engine, ShiftElevated)} == {BOSS}
    deactivate(events)
    assert elevated(engine) == []


async def test_a_changed_schedule_changes_who_holds_it(api: Serving, events: Events, engine: Engine) -> None:
    roster = await define(api)
    activate(events)
    await define(api, rotations=[rotation(LI, WANG)], etag=roster.etag)
    handoff = HANDOFF + A_DAY
    assert elevated(engine)[-1] == (LI, "roles/commander", handoff, END)
    assert {(user, begin) for user, _, begin, _ in elevated(engine)} >= {(WANG, START), (LI, handoff)}
    deactivate(events)
    assert elevated(engine) == []
    forget_announced(engine)
    await define(api, rotations=[rotation(WANG, LI)])
    assert elevated(engine) == []


async def test_a_plan_that_ended_before_its_beginning_was_heard_of_elevates_and_pages_nobody(
    api: Serving, events: Events, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api, escalation=RUNGS, supervisors=[BOSS])
    deactivate(events, ROSTER)
    activate(events, ROSTER)
    assert elevated(engine) == []
    climb_due(service, engine, clock)
    assert announced_as(engine, RungReached) == []
    (page,) = (await api.call(READER, "ListPages", roster=ROSTER)).pages
    assert (list(page.paged), page.HasField("end_time")) == ([], True)
    assert announced_as(engine, PlanRosterPaged) == [
        PlanRosterPaged(activation=ACTIVATION, roster=ROSTER, page=page.name)
    ]
