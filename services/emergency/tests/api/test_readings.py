"""Readings over real gRPC and a real database: what is taken, and what becomes an incident."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.emergency.v1.events_pb2 import AlarmCleared, AlarmRaised, DeviceConditionChanged, IncidentReported
from onegrid.emergency.v1.resources_pb2 import Confidence, IncidentKind, Source
from onegrid.emergency.v1.sensors_pb2 import DeviceCondition, DeviceKind, Reading, ReadingRefusal
from onegrid_emergency.sensing.judging import Raised, replay
from onegrid_emergency.store.readings import alarms_page
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced_as

from .devices import (
    GATEWAY,
    LOCATION,
    OTHER_GATEWAY,
    alarms,
    configuration,
    device,
    eventually,
    ingest,
    readings,
    registered,
)
from .people import CELL, COMMANDER, DISTRICT


async def incidents(api: Serving) -> list[Any]:
    return list((await api.call(COMMANDER, "ListIncidents", place=DISTRICT)).incidents)


async def test_a_value_above_the_level_becomes_an_incident_in_the_same_moment(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    water = await registered(api)
    begin = clock.now() - timedelta(hours=1)
    answers = await ingest(api, readings(water.name, begin, 1.0, 1.2), readings(water.name, begin, 1, 1, 3.1, first=1))
    assert [(each.batch, each.taken, each.stale, each.refused) for each in answers] == [(1, 2, 0, 0), (2, 1, 2, 0)]
    (incident,) = (await api.call(COMMANDER, "ListIncidents", place=DISTRICT)).incidents
    (report,) = incident.reports
    assert (report.source, report.reporter, report.location) == (Source.SOURCE_SENSOR, "", LOCATION)
    assert (incident.place, incident.kind) == (CELL, IncidentKind.INCIDENT_KIND_NATURAL_DISASTER)
    assert incident.confidence == Confidence.CONFIDENCE_UNVERIFIED
    assert incident.occur_time.ToDatetime() == (begin + timedelta(minutes=2)).replace(tzinfo=None)
    (alarm,) = await alarms(api, water.name)
    assert (alarm.threshold, alarm.incident, alarm.report) == ("high", incident.name, report.name)
    assert alarm.name in report.text
    assert [each.value for each in alarm.window] == [3.1]
    (raised,) = announced_as(engine, AlarmRaised)
    assert (raised.alarm, raised.incident, raised.reading) == (alarm.name, incident.name, alarm.reading)
    assert len(announced_as(engine, IncidentReported)) == 1
    now = await device(api, water.name)
    assert (list(now.raised_alarms), now.last_value, now.incident) == (["high"], 3.1, incident.name)
    assert now.condition == DeviceCondition.DEVICE_CONDITION_SOUND


async def test_further_alarms_of_a_device_join_its_incident_and_each_is_cleared_by_itself(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    water = await registered(api)
    begin = clock.now() - timedelta(hours=1)
    await ingest(api, readings(water.name, begin, 1, 3.2, 4.2, 3.4, 3.0, 2.4, 3.3))
    (incident,) = (await api.call(COMMANDER, "ListIncidents", place=DISTRICT)).incidents
    found = sorted(await alarms(api, water.name), key=lambda each: each.reading.time_ms)
    assert [(each.threshold, each.reading.value, each.HasField("clear_time")) for each in found] == [
        ("high", 3.2, True),
        ("higher", 4.2, True),
        ("high", 3.3, False),
    ]
    assert {each.incident for each in found} == {incident.name}
    assert [each.name for each in incident.reports] == [each.report for each in found]
    assert [each.value for each in found[0].window] == [3.2, 4.2, 3.4, 3.0, 2.4]
    assert [each.alarm for each in announced_as(engine, AlarmCleared)] == [found[1].name, found[0].name]
    assert len(announced_as(engine, IncidentReported)) == 1
    timeline = (await api.call(COMMANDER, "ListIncidentTimeline", incident=incident.name)).entries
    assert [each.note.rpartition(",")[2] for each in timeline[1:]] == [
        found[1].name,
        found[1].name,
        found[0].name,
        found[2].name,
    ]


async def test_an_alarm_after_the_all_clear_is_another_incident(api: Serving, clock: SettableClock) -> None:
    water = await registered(api)
    begin = clock.now() - timedelta(hours=1)
    await ingest(api, readings(water.name, begin, 1, 3.2, 1))
    (first,) = await incidents(api)
    await api.call(COMMANDER, "RespondToIncident", name=first.name)
    await api.call(COMMANDER, "DeclareAllClear", name=first.name)
    await ingest(api, readings(water.name, begin + timedelta(minutes=3), 3.2, first=4))
    assert {each.incident for each in await alarms(api, water.name)} == {each.name for each in await incidents(api)}
    assert len(await incidents(api)) == 2


async def test_a_kept_window_raises_its_alarm_again(api: Serving, engine: Engine, clock: SettableClock) -> None:
    water = await registered(api)
    await ingest(api, readings(water.name, clock.now() - timedelta(hours=1), 1, 3.2, 99, 4.2, 1, 5))
    with engine.connect() as conn:
        kept = alarms_page(conn, water.name.removeprefix("devices/"), (), 10)
    assert len(kept) == 4
    for alarm in kept:
        again = [each for each in replay(alarm.rules, alarm.window) if isinstance(each, Raised)]
        assert (again[-1].reading, alarm.threshold in {each.threshold.name for each in again}) == (alarm.reading, True)


async def test_batches_may_be_sent_again_from_any_one_on(api: Serving, engine: Engine, clock: SettableClock) -> None:
    water = await registered(api)
    values = readings(water.name, clock.now() - timedelta(hours=1), *(1 + number % 7 / 4 for number in range(40)), 5, 1)
    batches = [values[at : at + 5] for at in range(0, len(values), 5)]
    assert sum(each.taken for each in await ingest(api, *batches[:4])) == 20
    assert [(each.taken, each.stale) for each in await ingest(api, *batches[2:4])] == [(0, 5), (0, 5)]
    await asyncio.gather(*(ingest(api, *batches[3:]) for _ in range(4)))
    assert len(await incidents(api)) == 1
    assert len(await alarms(api, water.name)) == 2
    assert len(announced_as(engine, AlarmRaised)) == 2


async def test_readings_that_arrive_in_another_order_are_judged_in_the_devices(
    api: Serving, clock: SettableClock
) -> None:
    water = await registered(api)
    begin = clock.now() - timedelta(hours=1)
    close = [replace_time(each, number) for number, each in enumerate(readings(water.name, begin, 1, 3.5, 1, 1.1))]
    first, high, low, last = close
    await ingest(api, [first, low], [last])
    assert (await device(api, water.name)).last_value == 1
    await ingest(api, [high])
    (alarm,) = await alarms(api, water.name)
    assert alarm.HasField("clear_time")
    assert (await device(api, water.name)).last_value == 1.1


def replace_time(reading: Reading, number: int) -> Reading:
    """A second after the one before."""
    return Reading(
        device=reading.device,
        time_ms=reading.time_ms - number * 59_000,
        sequence=reading.sequence,
        value=reading.value,
    )


async def test_what_waits_for_a_reading_that_never_comes_is_judged_after_a_while(
    api: Serving, clock: SettableClock
) -> None:
    water = await registered(api)
    first, _, high = readings(water.name, clock.now() - timedelta(hours=1), 1, 1, 3.5)
    await ingest(api, [first, high])
    assert not await alarms(api, water.name)
    clock.set(clock.now() + timedelta(seconds=10))
    await eventually(lambda: alarms(api, water.name))


async def test_readings_of_others_devices_of_none_and_of_the_future_are_refused_one_by_one(
    api: Serving, clock: SettableClock
) -> None:
    water = await registered(api)
    now = clock.now()
    (good,) = readings(water.name, now, 1)
    (ahead,) = readings(water.name, now + timedelta(minutes=6), 1)
    (unknown,) = readings("devices/210602-nothing", now, 1)
    (elsewhere,) = readings("devices/210603-water-1", now, 1)
    (odd,) = readings("water-1", now, 1)
    (answer,) = await ingest(api, [unknown, good, ahead, elsewhere, odd])
    assert (answer.taken, answer.refused) == (1, 4)
    unknown_device = ReadingRefusal.READING_REFUSAL_UNKNOWN_DEVICE
    assert [(each.index, each.reason) for each in answer.refusals] == [
        (0, unknown_device),
        (2, ReadingRefusal.READING_REFUSAL_TIME_AHEAD),
        (3, unknown_device),
        (4, unknown_device),
    ]
    (answer,) = await ingest(api, [good], caller=OTHER_GATEWAY)
    assert [each.reason for each in answer.refusals] == [unknown_device]
    with pytest.raises(Refused) as refused:
        await ingest(api, [good], caller=replace(GATEWAY, grants=()))
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_a_changed_or_retired_device_is_judged_as_it_is_now(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    smoke = await registered(
        api, "smoke-1", kind=DeviceKind.DEVICE_KIND_SMOKE, rules=None, unit="", display_name="烟感"
    )
    begin = clock.now() - timedelta(hours=1)
    await ingest(api, readings(smoke.name, begin, 0, 1))  # by the rules of its kind
    assert [each.threshold for each in await alarms(api, smoke.name)] == ["smoke"]
    changed = configuration(kind=DeviceKind.DEVICE_KIND_SMOKE)
    updated = (
        await api.call(COMMANDER, "UpdateDevice", name=smoke.name, configuration=changed, etag=smoke.etag)
    ).device
    (cleared,) = await alarms(api, smoke.name)
    assert cleared.HasField("clear_time")
    assert [each.alarm for each in announced_as(engine, AlarmCleared)] == [cleared.name]
    await ingest(api, readings(smoke.name, begin + timedelta(minutes=2), 1, 3.2, first=3))
    assert {each.threshold for each in await alarms(api, smoke.name)} == {"smoke", "high"}
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "RetireDevice", name=smoke.name, etag=smoke.etag)
    assert refused.value.reason == "STALE_ETAG"
    retired = (await api.call(COMMANDER, "RetireDevice", name=smoke.name, etag=updated.etag)).device
    assert retired.HasField("retire_time")
    (answer,) = await ingest(api, readings(smoke.name, begin + timedelta(minutes=9), 3.2, first=5))
    assert answer.refused == 1
    assert all(each.HasField("clear_time") for each in await alarms(api, smoke.name))


async def test_an_impossible_value_marks_the_device_and_is_announced(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    water = await registered(api)
    await ingest(api, readings(water.name, clock.now() - timedelta(hours=1), 1, float("nan"), 77, 1.1))
    assert [each.condition for each in announced_as(engine, DeviceConditionChanged)] == [
        DeviceCondition.DEVICE_CONDITION_IMPOSSIBLE,
        DeviceCondition.DEVICE_CONDITION_SOUND,
    ]
    assert not await alarms(api, water.name)
