"""The units on patrol that are nearest to an emergency, as border has announced them, in whatever order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from onegrid.border.v1.events_pb2 import PatrolFinished, PatrolStarted, UnitMoved
from onegrid.border.v1.patrols_pb2 import Patrol, PatrolState
from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1.relief_pb2 import LocatedPatrolUnit, ResourceKind
from onegrid_emergency.jobs import forget_patrols
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .people import COMMANDER, DISTRICT, OTHER_STREET, STREET, STREET_DESK
from .relief import HERE, TEAM, define

UNIT, OTHER_UNIT = f"units/{STREET}-river-1", f"units/{OTHER_STREET}-river-2"
DEPARTMENT_UNIT, FAR_UNIT = f"units/{DISTRICT}D07-boats", "units/210603001-river-1"
PATROL, SECOND = (f"patrols/{DISTRICT}-{n:020}" for n in (1, 2))
OUT, PAUSED, OVER = (
    PatrolState.PATROL_STATE_UNDERWAY,
    PatrolState.PATROL_STATE_PAUSED,
    PatrolState.PATROL_STATE_FINISHED,
)


def east_of_here(metres: float) -> Point:
    """So far away, on the parallel of 40.15 degrees."""
    return Point(longitude=HERE.longitude + metres / 84_990, latitude=HERE.latitude)


def moved(
    at: Point, time: datetime, version: int, unit: str = UNIT, patrol: str = PATROL, state: PatrolState = OUT
) -> UnitMoved:
    return UnitMoved(
        unit=unit,
        patrol=patrol,
        position=at,
        position_time=timestamp(time),
        state=state,
        version=version,
        unit_display_name="江桥分队",
    )


def patrol(at: Point | None, time: datetime, state: PatrolState, **fields: Any) -> Patrol:
    given = {"name": PATROL, "unit": UNIT, "leader": "users/00000000", **fields}
    return Patrol(position=at, position_time=timestamp(time) if at else None, state=state, **given)


def finished(at: Point, time: datetime, version: int, **fields: Any) -> PatrolFinished:
    of = patrol(at, time, OVER, **fields)
    return PatrolFinished(patrol=of, version=version, unit_display_name="江桥分队")


async def located(api: Serving, caller: Caller = COMMANDER, **fields: Any) -> list[LocatedPatrolUnit]:
    asked = {"place": DISTRICT, "location": HERE, "patrol_units": True, **fields}
    return list((await api.call(caller, "LocateResources", **asked)).patrol_units)


async def names(api: Serving, caller: Caller = COMMANDER, **fields: Any) -> list[str]:
    return [each.name for each in await located(api, caller, **fields)]


async def test_the_nearest_units_on_patrol_are_found_by_distance(
    api: Serving, events: Events, clock: SettableClock
) -> None:
    now = clock.now()
    events.deliver(moved(east_of_here(800), now, 2), moved(east_of_here(300), now, 2, OTHER_UNIT, SECOND))
    nearest, next_one = await located(api)
    assert (nearest.name, nearest.patrol, nearest.display_name) == (OTHER_UNIT, SECOND, "江桥分队")
    assert (nearest.position, nearest.position_time) == (east_of_here(300), timestamp(now))
    assert [round(each.distance_m, -1) for each in (nearest, next_one)] == [300, 800]
    assert await names(api, limit=1) == [OTHER_UNIT]
    assert await names(api, within_m=500) == [OTHER_UNIT]
    assert await names(api, within_m=100) == []


async def test_units_are_found_beside_resources_and_only_if_they_are_asked_for(
    api: Serving, events: Events, clock: SettableClock
) -> None:
    await define(api, TEAM)
    events.deliver(moved(HERE, clock.now(), 2))
    asked = {"place": DISTRICT, "location": HERE, "kinds": [ResourceKind.RESOURCE_KIND_TEAM]}
    without = await api.call(COMMANDER, "LocateResources", **asked)
    assert (len(without.resources), len(without.patrol_units)) == (1, 0)
    both = await api.call(COMMANDER, "LocateResources", **asked, patrol_units=True)
    assert (both.resources, [each.name for each in both.patrol_units]) == (without.resources, [UNIT])
    only = await api.call(COMMANDER, "LocateResources", place=DISTRICT, location=HERE, patrol_units=True)
    assert (len(only.resources), only.patrol_units) == (0, both.patrol_units)
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "LocateResources", place=DISTRICT, location=HERE)
    assert refused.value.reason == "INVALID_REQUEST"


async def test_a_place_finds_the_units_that_it_answers_for_and_no_others(
    api: Serving, events: Events, clock: SettableClock
) -> None:
    for number, unit in enumerate((UNIT, OTHER_UNIT, DEPARTMENT_UNIT, FAR_UNIT)):
        events.deliver(moved(east_of_here(number), clock.now(), 2, unit, f"patrols/{unit[6:12]}-{number:020}"))
    assert await names(api) == [UNIT, OTHER_UNIT, DEPARTMENT_UNIT]
    assert await names(api, place=STREET) == [UNIT]
    assert await names(api, STREET_DESK, place=STREET) == [UNIT]
    for place in (DISTRICT, OTHER_STREET):
        with pytest.raises(Refused) as refused:
            await names(api, STREET_DESK, place=place)
        assert refused.value.reason == "PERMISSION_DENIED"


async def test_a_unit_is_gone_when_its_patrol_is_over_though_it_goes_on_recording(
    api: Serving, events: Events, clock: SettableClock
) -> None:
    now = clock.now()
    events.deliver(PatrolStarted(patrol=patrol(HERE, now, OUT), version=2))
    assert await names(api) == [UNIT]
    events.deliver(moved(HERE, now + timedelta(minutes=1), 3, state=PAUSED))
    assert await names(api) == [UNIT]
    events.deliver(finished(HERE, now + timedelta(minutes=2), 4))
    assert await names(api) == []
    events.deliver(moved(HERE, now + timedelta(minutes=3), 5, state=OVER))
    assert await names(api) == []
    # An entry that came late says that it went on.
    events.deliver(moved(HERE, now + timedelta(minutes=3), 6))
    assert await names(api) == [UNIT]


async def test_a_unit_that_walks_two_patrols_is_where_it_was_last(
    api: Serving, events: Events, clock: SettableClock
) -> None:
    now = clock.now()
    events.deliver(moved(east_of_here(700), now, 2), moved(HERE, now - timedelta(minutes=5), 9, patrol=SECOND))
    (unit,) = await located(api)
    assert (unit.patrol, round(unit.distance_m, -1)) == (PATROL, 700)
    events.deliver(finished(east_of_here(700), now, 3))
    (unit,) = await located(api)
    assert (unit.patrol, unit.distance_m) == (SECOND, 0)


async def test_positions_are_not_found_after_two_hours_and_deleted(
    api: Serving, events: Events, engine: Engine, clock: SettableClock
) -> None:
    now = clock.now()
    events.deliver(moved(HERE, now, 2), moved(HERE, now - timedelta(hours=1), 2, OTHER_UNIT, SECOND))
    clock.set(now + timedelta(hours=1, seconds=1))
    assert await names(api) == [UNIT]
    clock.set(now + timedelta(hours=2, seconds=1))
    assert await names(api) == []
    with engine.begin() as conn:
        forget_patrols(conn, clock.now())
        assert conn.execute(text("SELECT count(*) FROM patrol")).scalar_one() == 0


def history(now: datetime) -> list[Message]:
    """Two patrols of one unit, of which one is over, and one of another unit, which was over too early."""
    minute = timedelta(minutes=1)
    return [
        PatrolStarted(patrol=patrol(east_of_here(100), now, OUT), version=2),
        moved(east_of_here(100), now, 2),
        moved(east_of_here(200), now + minute, 3),
        finished(east_of_here(300), now + 2 * minute, 4),
        moved(east_of_here(300), now + 2 * minute, 4, state=OVER),
        moved(east_of_here(400), now - minute, 2, patrol=SECOND),
        moved(east_of_here(500), now, 3, patrol=SECOND),
        moved(east_of_here(600), now, 2, OTHER_UNIT, f"{PATROL[:-1]}3"),
        finished(east_of_here(600), now, 3, unit=OTHER_UNIT, name=f"{PATROL[:-1]}3"),
        # A device turned out to be lost: the unit is back where it was before.
        moved(east_of_here(250), now - minute, 4, OTHER_UNIT, f"{PATROL[:-1]}3"),
    ]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(10)), together=st.booleans())
async def test_the_same_is_found_in_whatever_order_events_come(
    api: Serving, events: Events, engine: Engine, clock: SettableClock, order: list[int], together: bool
) -> None:
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM patrol"))
    past = history(clock.now())
    shuffled = [past[number] for number in order]
    if together:
        events.deliver(*shuffled)
    else:
        for event in shuffled:
            events.deliver(event)
    found = await located(api)
    assert [(each.name, each.patrol[-1], round(each.distance_m, -1)) for each in found] == [
        (OTHER_UNIT, "3", 250),
        (UNIT, "2", 500),
    ]
