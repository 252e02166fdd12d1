"""Reports of one incident that were taken for several, and the other way round."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid.emergency.v1.resources_pb2 import Incident, IncidentLevel, IncidentState
from onegrid_emergency.main import SERVICE
from onegrid_emergency.store.places import keep_department
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced_as, forget_announced
from onegrid_kit.testing.ladders import climb_due

from .incidents import Incidents
from .people import (
    CELL,
    COMMANDER,
    COMMUNITY_DESK,
    DEPARTMENT,
    DISTRICT,
    OTHER_CELL,
    OTHER_STREET,
    RESCUE_CLERK,
    STREET_DESK,
)

MERGED, REPORTED = IncidentState.INCIDENT_STATE_MERGED, IncidentState.INCIDENT_STATE_REPORTED


@pytest.fixture(autouse=True)
def department(engine: Engine) -> None:
    with engine.begin() as conn:
        keep_department(conn, DEPARTMENT, 1, "应急管理局")


@pytest.fixture
def incidents(api: Serving) -> Incidents:
    return Incidents(api)


def reports_of(incident: Incident) -> set[str]:
    return {report.name for report in incident.reports}


async def test_what_is_one_incident_is_merged_with_reports_and_tasks_and_both_timelines_say_so(
    incidents: Incidents, engine: Engine
) -> None:
    one, other = await incidents.responding(), await incidents.responding()
    task = await incidents.assign(other)
    merged = await incidents.merge(one, other)
    assert reports_of(merged) == reports_of(one) | reports_of(other)
    assert {report.incident for report in merged.reports} == {one.name}
    assert [(each.name, each.incident) for each in merged.tasks] == [(task.name, one.name)]
    gone = await incidents.get(other.name)
    assert (gone.state, gone.merged_into, list(gone.reports), list(gone.tasks)) == (MERGED, one.name, [], [])
    absorbed, left = (await incidents.timeline(one))[-1], (await incidents.timeline(other))[-1]
    assert (absorbed.action, absorbed.other_incident) == (IncidentAction.INCIDENT_ACTION_ABSORB, other.name)
    assert (left.action, left.other_incident) == (IncidentAction.INCIDENT_ACTION_MERGE, one.name)
    assert set(absorbed.reports) == set(left.reports) == reports_of(other)
    (event,) = announced_as(engine, events_pb2.IncidentMerged)
    assert (event.step.incident, event.into) == (other.name, one.name)
    (moved,) = announced_as(engine, events_pb2.ReportsMoved)
    assert (moved.step.incident, getattr(moved, "from"), set(moved.reports)) == (
        one.name,
        other.name,
        reports_of(other),
    )
    # The task goes on where it is now.
    done = await incidents.on_task(RESCUE_CLERK, "CompleteTask", task, report="完成")
    assert done.incident == one.name


async def test_a_merged_incident_says_that_it_can_only_be_split_off(incidents: Incidents) -> None:
    one, other = await incidents.reported(), await incidents.reported()
    await incidents.merge(one, other)
    with pytest.raises(Refused) as refused:
        await incidents.act(COMMANDER, "RespondToIncident", other)
    assert refused.value.metadata == {"state": "MERGED", "allowed_actions": "RESTORE"}


async def test_what_was_merged_is_split_off_as_it_was(
    incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    one, other = await incidents.reported(), await incidents.responding()
    await incidents.act(COMMANDER, "GradeIncident", other, level=IncidentLevel.INCIDENT_LEVEL_III, reason="x")
    task = await incidents.assign(other)
    await incidents.merge(one, other)
    rest, again = await incidents.split(one, *reports_of(other))
    assert (again.name, again.state, again.merged_into) == (other.name, REPORTED, "")
    assert (again.level, again.command) == (IncidentLevel.INCIDENT_LEVEL_III, other.command)
    assert reports_of(again) == reports_of(other)
    assert [each.name for each in again.tasks] == [task.name]
    assert (reports_of(rest), list(rest.tasks)) == (reports_of(one), [])
    actions = [each.action for each in await incidents.timeline(other)]
    assert actions[-2:] == [IncidentAction.INCIDENT_ACTION_MERGE, IncidentAction.INCIDENT_ACTION_RESTORE]
    # It waits for somebody to take charge.
    forget_announced(engine)
    clock.set(clock.now() + timedelta(minutes=5))
    climb_due(SERVICE, engine, clock)
    missed = announced_as(engine, events_pb2.IncidentDeadlineMissed)
    assert other.name in {each.step.incident for each in missed}


async def test_reports_that_never_were_one_incident_make_a_new_one(incidents: Incidents, engine: Engine) -> None:
    one, other, third = [await incidents.reported() for _ in range(3)]
    merged = await incidents.merge(one, other, third)
    first, *_ = merged.reports
    rest, new = await incidents.split(merged, first.name, *reports_of(other))
    assert new.name not in (one.name, other.name, third.name)
    assert (new.state, reports_of(new), reports_of(rest)) == (
        REPORTED,
        {first.name} | reports_of(other),
        reports_of(third),
    )
    (reported,) = announced_as(engine, events_pb2.IncidentReported, new.name)
    assert reported.report == first.name
    entry, *_ = await incidents.timeline(new)
    assert (entry.action, entry.other_incident) == (IncidentAction.INCIDENT_ACTION_REPORT, one.name)
    # From now on they are one.
    again = await incidents.merge(rest, new)
    _, back = await incidents.split(again, *reports_of(new))
    assert (back.name, reports_of(back)) == (new.name, reports_of(new))


async def test_what_was_merged_into_a_merged_incident_is_split_off_too(incidents: Incidents) -> None:
    one, other, third = [await incidents.reported() for _ in range(3)]
    await incidents.merge(other, third)
    await incidents.merge(one, other)
    assert (await incidents.get(third.name)).merged_into == one.name
    _, back = await incidents.split(one, *reports_of(third))
    assert (back.name, reports_of(back)) == (third.name, reports_of(third))


@pytest.mark.parametrize("which", ["all", "of another", "unknown"])
async def test_a_split_leaves_something_and_takes_only_what_is_there(incidents: Incidents, which: str) -> None:
    one, other = await incidents.reported(), await incidents.reported()
    reports = {
        "all": [*reports_of(one)],
        "of another": [*reports_of(other)],
        "unknown": ["reports/210602-00000000000000000000"],
    }[which]
    with pytest.raises(Refused) as refused:
        await incidents.split(one, *reports)
    assert refused.value.reason == "INVALID_REQUEST"
    assert refused.value.fields == (["reports"] if which == "all" else ["reports[0]"])
    assert await incidents.get(one.name) == one


async def test_an_incident_is_not_merged_with_itself_nor_with_what_is_over(incidents: Incidents) -> None:
    one = await incidents.reported()
    with pytest.raises(Refused) as refused:
        await incidents.merge(one, one)
    assert refused.value.fields == ["merged[0]"]
    over = await incidents.act(COMMANDER, "DismissIncident", await incidents.reported(), reason="x")
    with pytest.raises(Refused) as refused:
        await incidents.merge(one, over)
    assert refused.value.reason == "WRONG_STATE"
    assert await incidents.get(one.name) == one


async def test_only_who_answers_for_all_of_them_merges_incidents(incidents: Incidents) -> None:
    one, elsewhere = await incidents.reported(), await incidents.reported(place=OTHER_STREET)
    for caller in (STREET_DESK, COMMUNITY_DESK):
        with pytest.raises(Refused) as refused:
            await incidents.merge(one, elsewhere, caller=caller)
        assert refused.value.reason == "PERMISSION_DENIED"
    near = await incidents.reported()
    assert len((await incidents.merge(one, near, caller=STREET_DESK)).reports) == 2
    assert len((await incidents.merge(one, elsewhere)).reports) == 3


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_merged_and_split_no_report_is_lost_or_doubled(incidents: Incidents, seed: int) -> None:
    chance = random.Random(seed)
    known = [(await incidents.reported()).name for _ in range(5)]
    origin = {name: (await incidents.get(name)).reports[0].name for name in known}
    for _ in range(25):
        alive = [each for each in [await incidents.get(name) for name in known] if each.state != MERGED]
        one = chance.choice(alive)
        if chance.random() < 0.5 and len(alive) > 1:
            others = [each for each in alive if each.name != one.name]
            await incidents.merge(one, *chance.sample(others, chance.randint(1, min(2, len(others)))))
        elif len(one.reports) > 1:
            names = sorted(reports_of(one))
            _, other = await incidents.split(one, *chance.sample(names, chance.randint(1, len(names) - 1)))
            if other.name not in known:
                known.append(other.name)
        now = [await incidents.get(name) for name in known]
        assert sorted(report.name for each in now for report in each.reports) == sorted(origin.values())
        for each in now:
            assert {report.incident for report in each.reports} <= {each.name}
            assert (each.state == MERGED) == (not each.reports) == bool(each.merged_into)
            if each.merged_into:
                assert next(a for a in now if a.name == each.merged_into).state != MERGED


async def test_what_is_near_in_place_and_time_is_suggested_and_nothing_is_merged_by_itself(
    incidents: Incidents, clock: SettableClock
) -> None:
    here = Point(longitude=124.45, latitude=40.15)
    one = await incidents.reported(location=here)
    near = await incidents.reported(location=Point(longitude=124.454, latitude=40.15))
    await incidents.reported(location=Point(longitude=124.457, latitude=40.15))
    same_place = await incidents.reported(place=one.place, occur_time=clock.now() - timedelta(minutes=90))
    await incidents.reported(place=OTHER_CELL)
    await incidents.reported(location=here, occur_time=clock.now() - timedelta(minutes=121))
    await incidents.act(COMMANDER, "DismissIncident", await incidents.reported(location=here), reason="x")
    found = (await incidents.call(COMMANDER, "GetPossibleDuplicates", name=one.name)).duplicates
    assert [each.incident.name for each in found] == [near.name, same_place.name]
    assert (round(found[0].distance_m), found[0].HasField("distance_m")) == (340, True)
    assert (found[1].HasField("distance_m"), found[1].later.seconds) == (False, -90 * 60)
    assert (await incidents.get(one.name)) == one


async def test_a_street_is_suggested_what_it_may_see(incidents: Incidents) -> None:
    here = Point(longitude=1, latitude=1)
    one = await incidents.reported(location=here, place=CELL)
    await incidents.reported(location=here, place=OTHER_STREET)
    await incidents.reported(location=here, place=DISTRICT)
    for caller, count in ((COMMANDER, 2), (STREET_DESK, 0)):
        found = (await incidents.call(caller, "GetPossibleDuplicates", name=one.name)).duplicates
        assert len(found) == count
