"""Alarms page the officer on duty of their unit's roster, and are looked after by whoever takes the page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.border.v1 import events_pb2
from onegrid.border.v1.patrols_pb2 import Alarm, AlarmKind, AlarmState
from onegrid.border.v1.resources_pb2 import Unit
from onegrid.duty.v1.events_pb2 import PageTaken
from onegrid.duty.v1.resources_pb2 import Page
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import announced_as
from onegrid_kit.timestamps import timestamp

from .fieldwork import UNIT, Outside
from .people import COMMANDER, DISTRICT, OTHER_STREET, STREET, STREET_DESK, WORKER

ROSTER = f"rosters/{STREET}-duty-room"
OFFICER = "users/0000duty"


async def define(outside: Outside, roster: str = ROSTER) -> Unit:
    unit = Unit(name=UNIT, display_name="江桥分队", alarm_roster=roster)
    defined: Unit = (await outside.api.call(COMMANDER, "DefineUnit", unit=unit)).unit
    return defined


def take(outside: Outside, of: Alarm, **fields: Any) -> None:
    """Tell that an officer took the page of this alarm, as duty does."""
    given = {"alarm": of.name, "alarm_raise_time": of.raise_time, **fields}
    page = Page(name=f"pages/{STREET}-duty-room-{'0' * 20}", roster=ROSTER, acknowledger=OFFICER, **given)
    outside.events.deliver(PageTaken(page=page))


async def not_started(outside: Outside, minutes: int) -> Alarm:
    """The alarm of a patrol that has not started, so long after it was raised."""
    await outside.plan()
    outside.wait(minutes=15)
    for _ in range(minutes):
        outside.wait(minutes=1)
    (alarm,) = await outside.alarms()
    return alarm


async def test_the_roster_is_paged_from_the_rung_of_the_units_office_on(outside: Outside, engine: Engine) -> None:
    await define(outside)
    alarm = await not_started(outside, 10)
    assert list(alarm.recipients) == [WORKER.user, STREET, DISTRICT]
    escalated = announced_as(engine, events_pb2.AlarmEscalated)
    # The messages to offices stay as they are.
    assert [(each.recipient, each.alarm.roster) for each in escalated] == [
        (WORKER.user, ""),
        (STREET, ROSTER),
        (DISTRICT, ROSTER),
    ]
    await outside.api.call(STREET_DESK, "AcknowledgeAlarm", name=alarm.name)
    await outside.api.call(STREET_DESK, "CloseAlarm", name=alarm.name, note="已出发")
    for message in (events_pb2.AlarmAcknowledged, events_pb2.AlarmEnded):
        (event,) = announced_as(engine, message)
        assert (event.alarm.roster, event.alarm.raise_time) == (ROSTER, alarm.raise_time)


async def test_a_call_for_help_pages_at_once_and_a_unit_without_a_roster_pages_nobody(
    outside: Outside, engine: Engine
) -> None:
    for roster in (ROSTER, ""):
        await define(outside, roster)
        patrol, phone = await outside.plan(), outside.device()
        outside.record(phone, patrol.name, "start", "pier")
        outside.record(phone, patrol.name, "call_for_help", "pier")
        await outside.send(phone)
        outside.wait(seconds=1)
        last = announced_as(engine, events_pb2.AlarmEscalated)[-1]
        assert (last.recipient, last.alarm.roster) == (STREET, roster)


async def test_whoever_takes_the_page_looks_after_the_alarm(outside: Outside, engine: Engine) -> None:
    await define(outside)
    alarm = await not_started(outside, 6)
    take(outside, alarm)
    outside.wait(minutes=30)
    (after,) = await outside.alarms(ended=True)
    assert (after.state, after.acknowledger) == (AlarmState.ALARM_STATE_ACKNOWLEDGED, OFFICER)
    assert list(after.recipients) == [WORKER.user, STREET]
    (event,) = announced_as(engine, events_pb2.AlarmAcknowledged)
    assert event.alarm == after


async def test_a_page_that_is_taken_late_changes_nothing(outside: Outside, engine: Engine) -> None:
    await define(outside)
    alarm = await not_started(outside, 6)
    take(outside, alarm, alarm="")
    take(outside, alarm, alarm=f"{alarm.name}x")
    # It was raised before that, and has ended since.
    take(outside, alarm, alarm_raise_time=timestamp(outside.clock.now() - timedelta(days=1)))
    assert [each.state for each in await outside.alarms()] == [AlarmState.ALARM_STATE_OPEN]
    taken = (await outside.api.call(STREET_DESK, "AcknowledgeAlarm", name=alarm.name)).alarm
    take(outside, alarm)
    assert list(await outside.alarms(ended=True)) == [taken]
    closed = (await outside.api.call(STREET_DESK, "CloseAlarm", name=alarm.name, note="已出发")).alarm
    take(outside, alarm)
    assert list(await outside.alarms(ended=True)) == [closed]
    assert len(announced_as(engine, events_pb2.AlarmAcknowledged)) == 1


async def test_an_alarm_that_is_raised_again_is_another_one_for_its_page(outside: Outside) -> None:
    await define(outside)
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    await outside.send(phone)
    lost = outside.wait(minutes=1)
    outside.check_in(phone, patrol.name, "pier")
    await outside.send(phone)
    outside.wait(minutes=25)
    outside.announce(phone, version=2, lost_time=timestamp(lost - timedelta(seconds=30)))
    (first,) = [each for each in await outside.alarms() if each.checkpoint == "pier"]
    outside.wait(minutes=6)
    outside.announce(phone, version=3)
    assert "pier" not in {each.checkpoint for each in await outside.alarms()}
    outside.wait(minutes=1)
    outside.announce(phone, version=4, lost_time=timestamp(lost - timedelta(seconds=30)))
    take(outside, first)
    (again,) = [each for each in await outside.alarms() if each.checkpoint == "pier"]
    assert (again.name, again.kind, again.roster) == (first.name, AlarmKind.ALARM_KIND_CHECK_IN_OVERDUE, "")
    assert again.raise_time.seconds > first.raise_time.seconds
    take(outside, again)
    assert "pier" not in {each.checkpoint for each in await outside.alarms()}


@pytest.mark.parametrize("code", [OTHER_STREET, f"{DISTRICT}D07", "210603", f"{STREET}007"])
async def test_alarms_page_those_alone_who_hear_of_them_anyway(outside: Outside, code: str) -> None:
    for allowed in (ROSTER, f"rosters/{DISTRICT}-command-centre", ""):
        assert (await define(outside, allowed)).alarm_roster == allowed
    with pytest.raises(Refused) as refused:
        await define(outside, f"rosters/{code}-duty-room")
    assert refused.value.reason == "INVALID_REQUEST"
