"""The metric of alarms counts what was committed, once."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import REGISTRY
from sqlalchemy import Engine

from onegrid.emergency.v1.sensors_pb2 import DeviceRules
from onegrid_emergency.commands.readings import take_readings
from onegrid_emergency.sensing.device import DEVICE
from onegrid_emergency.sensing.judging import Reading
from onegrid_emergency.sensing.moments import milliseconds
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving

from .devices import alarms, configuration, ingest, readings, registered
from .people import COMMANDER, DISTRICT


def counted() -> tuple[float, float]:
    name = "onegrid_sensor_alarms_total"
    raised, cleared = (
        REGISTRY.get_sample_value(name, {"service": "emergency", "step": step}) or 0 for step in ("raised", "cleared")
    )
    return raised, cleared


def since(before: tuple[float, float]) -> tuple[float, float]:
    now = counted()
    return now[0] - before[0], now[1] - before[1]


async def test_what_is_undone_is_not_counted(api: Serving, engine: Engine, clock: SettableClock) -> None:
    water = await registered(api)
    before = counted()
    with engine.connect() as conn:
        arrivals = {DEVICE.id(water.name): [Reading(milliseconds(clock.now()), 1, 3.2)]}
        take_readings(conn, DISTRICT, arrivals, clock.now(), "")
        conn.rollback()
    assert not await alarms(api, water.name)
    assert since(before) == (0, 0)


async def test_what_readings_raise_and_clear_is_counted(api: Serving, clock: SettableClock) -> None:
    water = await registered(api)
    before = counted()
    await ingest(api, readings(water.name, clock.now() - timedelta(hours=1), 1, 3.2, 4.2, 3.4))
    assert since(before) == (2, 1)


async def test_what_is_cleared_with_its_threshold_or_device_is_counted(api: Serving, clock: SettableClock) -> None:
    water, river = await registered(api), await registered(api, "water-2")
    for each in (water, river):
        await ingest(api, readings(each.name, clock.now() - timedelta(hours=1), 1, 3.2))
    before = counted()
    await api.call(COMMANDER, "UpdateDevice", name=water.name, configuration=configuration(rules=DeviceRules()))
    assert since(before) == (0, 1)
    for _ in range(2):
        await api.call(COMMANDER, "RetireDevice", name=river.name)
    assert since(before) == (0, 2)
