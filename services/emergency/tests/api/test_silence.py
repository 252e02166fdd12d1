"""Devices that send nothing are found silent, and a restart alarms nobody."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, text

from onegrid.emergency.v1.events_pb2 import DeviceConditionChanged
from onegrid.emergency.v1.sensors_pb2 import DeviceCondition
from onegrid_emergency.main import SERVICE
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving, serving
from onegrid_kit.testing.events import announced_as

from .devices import device, eventually, ingest, readings, registered
from .people import COMMANDER

SILENT, SOUND = DeviceCondition.DEVICE_CONDITION_SILENT, DeviceCondition.DEVICE_CONDITION_SOUND


async def looked(api: Serving, clock: SettableClock) -> None:
    """Wait until devices have been looked at since now."""

    async def has_beaten() -> bool:
        last = text("SELECT max(beat_time) FROM receiver")
        beat = await api.runtime.db.read(lambda conn: conn.execute(last).scalar())
        return bool(beat == clock.now())

    clock.set(clock.now() + timedelta(milliseconds=1))
    await eventually(has_beaten)
    clock.set(clock.now() + timedelta(milliseconds=1))
    await eventually(has_beaten)


async def passes(api: Serving, clock: SettableClock, seconds: int) -> None:
    """Let time pass without a pause."""
    for _ in range(seconds // 4):
        clock.set(clock.now() + timedelta(seconds=4))
        await looked(api, clock)


async def test_a_device_is_silent_after_its_intervals_and_is_heard_again(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    water = await registered(api, interval={"seconds": 10})
    await ingest(api, readings(water.name, clock.now(), 1))
    await passes(api, clock, 28)
    assert (await device(api, water.name)).condition == SOUND
    await passes(api, clock, 4)
    assert (await device(api, water.name)).condition == SILENT
    assert [each.condition for each in announced_as(engine, DeviceConditionChanged)] == [SILENT]
    await ingest(api, readings(water.name, clock.now(), 1, first=2))
    assert (await device(api, water.name)).condition == SOUND
    await passes(api, clock, 32)
    assert [each.condition for each in announced_as(engine, DeviceConditionChanged)] == [SILENT, SOUND, SILENT]


async def test_a_device_that_never_sent_anything_is_silent_as_well_and_one_that_is_retired_is_not(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    never = await registered(api, interval={"seconds": 10})
    retired = await registered(api, "water-2", interval={"seconds": 10})
    await api.call(COMMANDER, "RetireDevice", name=retired.name)
    await passes(api, clock, 32)
    assert (await device(api, never.name)).condition == SILENT
    assert [each.device for each in announced_as(engine, DeviceConditionChanged)] == [never.name]


async def test_readings_put_silence_off_without_another_write(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    water = await registered(api, interval={"seconds": 10})
    await ingest(api, readings(water.name, clock.now(), 1))

    def due() -> object:
        with engine.connect() as conn:
            return conn.execute(text("SELECT due_time FROM device_state")).scalar_one()

    before = due()
    for number in range(2, 8):
        await passes(api, clock, 8)
        await ingest(api, readings(water.name, clock.now(), 1 + number / 100, first=number))
        if number == 3:
            assert due() == before
    assert not announced_as(engine, DeviceConditionChanged)


async def test_after_downtime_silence_counts_from_readiness(
    database_url: str, engine: Engine, clock: SettableClock
) -> None:
    async with serving(SERVICE, database_url, clock=clock) as api:
        water = await registered(api, interval={"seconds": 10})
        await ingest(api, readings(water.name, clock.now(), 1))
        await looked(api, clock)
    clock.set(clock.now() + timedelta(hours=3))
    async with serving(SERVICE, database_url, clock=clock) as api:
        await looked(api, clock)
        await passes(api, clock, 28)
        assert (await device(api, water.name)).condition == SOUND
        assert not announced_as(engine, DeviceConditionChanged)
        await passes(api, clock, 4)
        assert (await device(api, water.name)).condition == SILENT
