"""Drills: a plan is gone through by those who take part, and nothing of it reaches anybody else."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.emergency.v1 import drills_pb2 as pb
from onegrid.emergency.v1 import events_pb2, warnings_pb2
from onegrid.options.v1.options_pb2 import event as event_option
from onegrid_emergency.jobs import JOBS
from onegrid_emergency.main import SERVICE
from onegrid_emergency.store.places import keep_department
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced
from onegrid_kit.testing.ladders import climb_due

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
from .plans import FLOOD, Plans
from .warning_senders import content, lay_ground


class Drills:
    """Calls the methods on drills."""

    def __init__(self, served: Serving) -> None:
        self.call = served.call

    async def start(self, caller: Caller = COMMANDER, **fields: Any) -> pb.Drill:
        """A drill of the plan for floods in the community."""
        given = {"plan": FLOOD, "place": COMMUNITY, "display_name": "汛前演练", **fields}
        return (await self.call(caller, "StartDrill", **given)).drill

    async def on_task(self, caller: Caller, method: str, drill: pb.Drill, number: int, **fields: Any) -> pb.DrillTask:
        """The task after a step."""
        return (await self.call(caller, method, name=f"{drill.name}/tasks/{number}", **fields)).task

    async def tick(self, caller: Caller, drill: pb.Drill, number: int, **fields: Any) -> str:
        """Who has ticked the item."""
        ticked = await self.call(caller, "TickDrillItem", drill=drill.name, number=number, **fields)
        return str(ticked.item.ticked_by)

    async def warn(self, drill: pb.Drill, caller: Caller = COMMANDER) -> warnings_pb2.Warning:
        """What is said by CAP."""
        return (await self.call(caller, "IssueDrillWarning", drill=drill.name, content=content())).warning

    async def end(self, drill: pb.Drill, caller: Caller = COMMANDER) -> pb.Drill:
        """The drill as it ended."""
        return (await self.call(caller, "EndDrill", name=drill.name, summary="照明不足，预案需补充")).drill

    async def get(self, drill: pb.Drill, caller: Caller = COMMANDER) -> pb.Drill:
        """The drill as it is now."""
        return (await self.call(caller, "GetDrill", name=drill.name)).drill


@pytest.fixture(autouse=True)
def ground(engine: Engine) -> None:
    lay_ground(engine)
    with engine.begin() as conn:
        keep_department(conn, DEPARTMENT, 1, "应急管理局")


@pytest.fixture
async def drills(api: Serving) -> Drills:
    await Plans(api).define(automatic=True)
    return Drills(api)


async def test_a_drill_is_gone_through_by_those_who_have_its_tasks(drills: Drills, clock: SettableClock) -> None:
    drill = await drills.start(STREET_DESK)
    now = clock.now().astimezone(UTC)
    assert (drill.plan, drill.place, drill.author) == (FLOOD, COMMUNITY, STREET_DESK.user)
    sandbags, people = drill.tasks
    assert [(each.assignee, each.instruction) for each in drill.tasks] == [
        (DEPARTMENT, "调集沙袋"),
        (COMMUNITY, "转移低洼处居民"),
    ]
    assert sandbags.acknowledge_due_time.ToDatetime(UTC) == now + timedelta(minutes=2)
    assert people.due_time.ToDatetime(UTC) == now + timedelta(hours=2)
    acknowledged = await drills.on_task(RESCUE_CLERK, "AcknowledgeDrillTask", drill, 1)
    clock.set(clock.now() + timedelta(minutes=1))
    assert await drills.on_task(RESCUE_CLERK, "AcknowledgeDrillTask", drill, 1) == acknowledged
    done = await drills.on_task(COMMUNITY_DESK, "CompleteDrillTask", drill, 2, report="已转移")
    assert (done.report, done.acknowledge_time) == ("已转移", done.complete_time)
    with pytest.raises(Refused) as refused:
        await drills.on_task(COMMUNITY_DESK, "CompleteDrillTask", drill, 2, report="x")
    assert (refused.value.reason, refused.value.metadata) == ("DRILL_TASK_COMPLETED", {"task": people.name})
    assert await drills.tick(COMMUNITY_DESK, drill, 3) == COMMUNITY_DESK.user
    assert await drills.tick(RESCUE_CLERK, drill, 3) == COMMUNITY_DESK.user
    assert await drills.tick(RESCUE_CLERK, drill, 3, untick=True) == ""
    ended = await drills.end(drill)
    assert (ended.summary, ended.HasField("end_time")) == ("照明不足，预案需补充", True)
    assert list(ended.tasks) == [acknowledged, done]
    assert await drills.get(drill) == ended


async def test_a_drill_that_has_ended_stays_as_it_is(drills: Drills) -> None:
    drill = await drills.start()
    await drills.end(drill)
    for act in (
        drills.on_task(RESCUE_CLERK, "AcknowledgeDrillTask", drill, 1),
        drills.on_task(RESCUE_CLERK, "CompleteDrillTask", drill, 1, report="x"),
        drills.tick(RESCUE_CLERK, drill, 1),
        drills.warn(drill),
        drills.end(drill),
    ):
        with pytest.raises(Refused) as refused:
            await act
        assert (refused.value.reason, refused.value.metadata) == ("DRILL_ENDED", {"drill": drill.name})


async def test_who_takes_part_sees_a_drill_and_who_answers_for_its_place_runs_it(drills: Drills) -> None:
    drill = await drills.start()
    for caller in (COMMANDER, SUPERVISOR, STREET_DESK, COMMUNITY_DESK, RESCUE_CLERK):
        assert await drills.get(drill, caller) == drill
    for act in (
        drills.get(drill, OTHER_STREET_DESK),
        drills.get(drill, CITIZEN),
        drills.start(COMMUNITY_DESK),
        drills.start(OTHER_STREET_DESK),
        drills.end(drill, OTHER_STREET_DESK),
        drills.warn(drill, STREET_DESK),
        drills.tick(WORKER, drill, 1),
        drills.on_task(COMMUNITY_DESK, "AcknowledgeDrillTask", drill, 1),
    ):
        with pytest.raises(Refused) as refused:
            await act
        assert refused.value.reason == "PERMISSION_DENIED"
    with pytest.raises(Refused) as refused:
        await drills.start(plan=f"plans/{DISTRICT}-none")
    assert refused.value.reason == "NOT_FOUND"
    street = await drills.start(place=STREET)
    listed = (await drills.call(STREET_DESK, "ListDrills", place=STREET)).drills
    assert [each.name for each in listed] == sorted((drill.name, street.name), reverse=True)
    assert (await drills.call(COMMUNITY_DESK, "ListDrills", place=COMMUNITY)).drills == [drill]


async def test_a_drill_reaches_nobody_and_counts_nowhere(drills: Drills, engine: Engine, clock: SettableClock) -> None:
    drill = await drills.start()
    exercise = await drills.warn(drill)
    assert (exercise.status, exercise.scope) == (warnings_pb2.CAP_STATUS_EXERCISE, warnings_pb2.CAP_SCOPE_PUBLIC)
    content_again = content(headline="再次")
    updated = await drills.call(COMMANDER, "UpdateWarning", name=exercise.name, content=content_again)
    assert updated.warning.status == warnings_pb2.CAP_STATUS_EXERCISE
    clock.set(clock.now() + timedelta(days=2))
    climb_due(SERVICE, engine, clock)
    for job in JOBS:
        run_job("emergency", engine, job, clock.now())
    assert list((await drills.get(drill)).warnings) == [exercise.name]
    await drills.end(drill)
    assert {type(each) for each in announced(engine)} == {events_pb2.DrillStarted, events_pb2.DrillEnded}
    assert not (await drills.call(COMMANDER, "ListIncidents", place=DISTRICT)).incidents


def test_no_drill_can_say_how_much_of_it_is_meant_and_nobody_acts_on_what_one_announces() -> None:
    asked = pb.IssueDrillWarningRequest.DESCRIPTOR
    fields = [*asked.fields, *warnings_pb2.WarningContent.DESCRIPTOR.fields]
    status = warnings_pb2.CapStatus.DESCRIPTOR
    assert not [each.name for each in fields if each.enum_type is status]
    for announces in (events_pb2.DrillStarted, events_pb2.DrillEnded):
        assert not announces.DESCRIPTOR.GetOptions().Extensions[event_option].subscribers
