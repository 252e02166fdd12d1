"""Alarms of patrols: they page whoever is on duty, once, until somebody looks after them, in whatever order border's
events come.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from onegrid.border.v1.events_pb2 import AlarmAcknowledged, AlarmEnded, AlarmEscalated
from onegrid.border.v1.patrols_pb2 import Alarm, AlarmKind, AlarmState
from onegrid.duty.v1.events_pb2 import PageEnded, PageTaken, RungReached
from onegrid.duty.v1.resources_pb2 import Page, Rung
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.clock import SettableClock
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.callers import staff
from onegrid_kit.testing.events import Events, announced, announced_as
from onegrid_kit.testing.ladders import climb_due
from onegrid_kit.timestamps import timestamp

from .rostering import BOSS, DISTRICT, LI, READER, ROSTER, START, define

ALARM = f"patrols/{DISTRICT}-{'0' * 20}/alarms/check-in-ice-gauge"
OFFICE = f"{DISTRICT}003"
RUNGS = [Rung(target=target, wait_minutes=5) for target in (1, 3)]
LATER = START + timedelta(hours=1)


def alarm(*, raised: Any = START, roster: str = ROSTER, **fields: Any) -> Alarm:
    given = {"name": ALARM, "kind": AlarmKind.ALARM_KIND_CHECK_IN_OVERDUE, "unit": f"units/{OFFICE}-river-1", **fields}
    return Alarm(raise_time=timestamp(raised), roster=roster, **given)


def escalated(rung: int = 2, recipient: str = OFFICE, **fields: Any) -> AlarmEscalated:
    return AlarmEscalated(
        alarm=alarm(**fields),
        recipient=recipient,
        rung=rung,
        unit_display_name="江桥分队",
        checkpoint_display_name="冰情观测点",
    )


def acknowledged(**fields: Any) -> AlarmAcknowledged:
    return AlarmAcknowledged(alarm=alarm(state=AlarmState.ALARM_STATE_ACKNOWLEDGED, **fields))


def ended(**fields: Any) -> AlarmEnded:
    return AlarmEnded(alarm=alarm(state=AlarmState.ALARM_STATE_RETRACTED, **fields))


async def pages(api: Serving) -> list[Page]:
    return list((await api.call(READER, "ListPages", roster=ROSTER)).pages)


async def prepare(api: Serving) -> None:
    await define(api, escalation=RUNGS, supervisors=[BOSS])


async def test_an_alarm_pages_whoever_is_on_duty_once(
    api: Serving, events: Events, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await prepare(api)
    events.deliver(escalated(), escalated(rung=3, recipient=DISTRICT))
    (page,) = await pages(api)
    assert (page.title, page.alarm, page.alarm_raise_time) == (
        "逾期未打卡 江桥分队 冰情观测点",
        ALARM,
        timestamp(START),
    )
    climb_due(service, engine, clock)
    (reached,) = announced_as(engine, RungReached)
    assert (list(reached.users), reached.page.alarm) == ([LI], ALARM)


async def test_an_alarm_without_a_roster_or_of_one_that_can_not_be_paged_pages_nobody(
    api: Serving, events: Events, engine: Engine
) -> None:
    await define(api)
    events.deliver(escalated(roster=""), escalated(), escalated(roster=f"rosters/{DISTRICT}-nobody"))
    events.deliver(ended(roster=""))
    assert await pages(api) == []


async def test_a_page_ends_when_somebody_looks_after_its_alarm_and_those_who_were_paged_hear_of_it(
    api: Serving, events: Events, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await prepare(api)
    events.deliver(escalated())
    climb_due(service, engine, clock)
    events.deliver(acknowledged())
    (event,) = announced_as(engine, PageEnded)
    assert list(event.page.paged) == [LI]
    events.deliver(ended())
    clock.set(LATER)
    climb_due(service, engine, clock)
    assert len(announced_as(engine, RungReached)) == len(announced_as(engine, PageEnded)) == 1


async def test_whoever_takes_the_page_is_announced_with_the_alarm(
    api: Serving, events: Events, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await prepare(api)
    events.deliver(escalated())
    climb_due(service, engine, clock)
    (page,) = await pages(api)
    li = staff("li", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
    await api.call(li, "AcknowledgePage", name=page.name)
    (taken,) = announced_as(engine, PageTaken)
    assert (taken.page.acknowledger, taken.page.alarm, taken.page.alarm_raise_time) == (LI, ALARM, timestamp(START))
    # Border hears of it, and says that the alarm is looked after.
    events.deliver(acknowledged(acknowledger=LI))
    assert announced_as(engine, PageEnded) == []


async def test_an_alarm_that_is_raised_again_pages_again(api: Serving, events: Events) -> None:
    await prepare(api)
    events.deliver(escalated(), ended(), escalated(raised=LATER))
    assert [(each.alarm_raise_time, each.HasField("end_time")) for each in await pages(api)] == [
        (timestamp(LATER), False),
        (timestamp(START), True),
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)), together=st.booleans())
async def test_the_same_pages_are_open_in_whatever_order_events_come(
    api: Serving,
    events: Events,
    service: Service,
    engine: Engine,
    clock: SettableClock,
    order: list[int],
    together: bool,
) -> None:
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM duty_page"))
        conn.execute(text("DELETE FROM outbox"))
    await prepare(api)
    past: list[Message] = [
        escalated(),
        escalated(rung=3, recipient=DISTRICT),
        acknowledged(),
        ended(),
        escalated(raised=LATER),
        escalated(raised=LATER, rung=3, recipient=DISTRICT),
    ]
    shuffled = [past[number] for number in order]
    if together:
        events.deliver(*shuffled)
    else:
        for event in shuffled:
            events.deliver(event)
    climb_due(service, engine, clock)
    found = {each.alarm_raise_time.seconds: each for each in await pages(api)}
    assert set(found) == {timestamp(START).seconds, timestamp(LATER).seconds}
    assert found[timestamp(START).seconds].HasField("end_time")
    assert not found[timestamp(LATER).seconds].HasField("end_time")
    assert [each.page.name for each in announced(engine) if isinstance(each, RungReached)] == [
        found[timestamp(LATER).seconds].name
    ]
