"""Patrols that follow the shifts of a roster, in whatever order duty's events come."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from sqlalchemy import Engine

from onegrid.border.v1 import events_pb2
from onegrid.border.v1.patrols_pb2 import Patrol, PatrolState
from onegrid.border.v1.resources_pb2 import Unit
from onegrid.duty.v1.events_pb2 import ShiftCancelled, ShiftChanged, ShiftScheduled
from onegrid.duty.v1.resources_pb2 import Shift
from onegrid_kit.testing.events import announced_as
from onegrid_kit.timestamps import timestamp

from .fieldwork import ROUTE, UNIT, Outside
from .people import COMMANDER, STREET

ROSTER = f"rosters/{STREET}-border"
SHIFT = f"shifts/{STREET}-border-06h1z2czwmznz7w5knnr"
LI, ZHANG = "users/0000000li", "users/0000zhang"
CANCELLED = PatrolState.PATROL_STATE_CANCELLED
PLANNED = PatrolState.PATROL_STATE_PLANNED


def shift(begin: datetime, revision: int = 1, user: str = LI, name: str = SHIFT) -> Shift:
    return Shift(
        name=name,
        roster=ROSTER,
        user=user,
        begin_time=timestamp(begin),
        end_time=timestamp(begin + timedelta(hours=8)),
        revision=revision,
    )


async def define(outside: Outside, **fields: Any) -> None:
    given = {"roster": ROSTER, "shift_route": ROUTE, "shift_start_minutes": 30, **fields}
    await outside.api.call(COMMANDER, "DefineUnit", unit=Unit(name=UNIT, display_name="江桥分队", **given))


async def patrols(outside: Outside) -> list[Patrol]:
    return list((await outside.api.call(COMMANDER, "ListPatrols", scope=STREET)).patrols)


async def test_each_shift_of_the_roster_has_its_patrol(outside: Outside, engine: Engine) -> None:
    begin = outside.clock.now() + timedelta(days=1)
    await define(outside)
    outside.events.deliver(ShiftScheduled(shift=shift(begin)))
    (patrol,) = await patrols(outside)
    assert (patrol.shift, patrol.leader, patrol.state) == (SHIFT, LI, PLANNED)
    assert patrol.start_due_time == timestamp(begin + timedelta(minutes=30))
    later = begin + timedelta(hours=2)
    outside.events.deliver(ShiftChanged(shift=shift(later, 2, ZHANG)))
    outside.look()
    (patrol,) = await patrols(outside)
    assert (patrol.leader, patrol.start_due_time) == (ZHANG, timestamp(later + timedelta(minutes=30)))
    assert patrol.checkpoints[0].due_time == patrol.start_due_time
    first, second = announced_as(engine, events_pb2.PatrolPlanned)
    assert (first.unit_display_name, first.route_display_name) == ("江桥分队", "东段")
    assert (first.former_leader, second.former_leader) == ("", LI)
    outside.events.deliver(ShiftCancelled(shift=shift(later, 3, ZHANG)))
    assert [(each.state, each.cancel_reason) for each in await patrols(outside)] == [(CANCELLED, "班次已取消")]


async def test_a_patrol_that_has_started_follows_no_shift_any_more(outside: Outside) -> None:
    begin = outside.clock.now()
    await define(outside)
    outside.events.deliver(ShiftScheduled(shift=shift(begin)))
    (patrol,) = await patrols(outside)
    phone = outside.device()
    outside.wait(minutes=30)
    outside.record(phone, patrol.name, "start", "pier")
    await outside.send(phone)
    outside.events.deliver(ShiftCancelled(shift=shift(begin, 2)))
    (patrol,) = await patrols(outside)
    assert patrol.state == PatrolState.PATROL_STATE_UNDERWAY


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_shifts_and_units_may_be_heard_of_in_any_order(outside: Outside, order: tuple[int, ...]) -> None:
    begin = outside.clock.now() + timedelta(days=2)
    events: list[Message] = [ShiftScheduled(shift=shift(begin)), ShiftChanged(shift=shift(begin, 2, ZHANG))]
    for number in order:
        if number == 2:
            await define(outside)
        else:
            outside.events.deliver(events[number])
    (patrol,) = await patrols(outside)
    assert (patrol.leader, patrol.state) == (ZHANG, PLANNED)


async def test_a_unit_that_stops_to_follow_a_roster_has_its_patrols_cancelled(outside: Outside) -> None:
    begin = outside.clock.now() + timedelta(days=1)
    await define(outside)
    outside.events.deliver(ShiftScheduled(shift=shift(begin)))
    by_hand = await outside.plan(minutes=60)
    await define(outside, shift_start_minutes=60)
    moved = next(each for each in await patrols(outside) if each.shift)
    assert moved.start_due_time == timestamp(begin + timedelta(minutes=60))
    await outside.api.call(COMMANDER, "RetireUnit", name=UNIT)
    assert {each.name: each.state for each in await patrols(outside)} == {
        moved.name: CANCELLED,
        by_hand.name: PLANNED,
    }


async def test_a_route_that_is_revised_revises_what_was_planned_on_it(outside: Outside) -> None:
    patrol = await outside.plan(minutes=60)
    route = (await outside.api.call(COMMANDER, "GetRoute", name=ROUTE)).route
    del route.checkpoints[1]
    route.ClearField("effective_time")
    route.etag = ""
    await outside.api.call(COMMANDER, "DefineRoute", route=route)
    outside.look()
    found = await outside.patrol(patrol.name)
    assert ([each.id for each in found.checkpoints], found.route_revision) == (["pier", "gate-3"], 2)
