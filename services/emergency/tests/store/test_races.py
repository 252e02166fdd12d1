"""A reading that races a look for silent devices ends as if one had come after the other."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from typing import Final

import pytest
from sqlalchemy import Connection, Engine, text

from onegrid.emergency.v1.events_pb2 import DeviceConditionChanged
from onegrid.emergency.v1.sensors_pb2 import DeviceCondition, DeviceKind
from onegrid_emergency.commands.readings import look_at_due, take_readings
from onegrid_emergency.sensing.device import Configuration, Device
from onegrid_emergency.sensing.judging import Reading, State, follow
from onegrid_emergency.sensing.moments import milliseconds
from onegrid_emergency.store.devices import find_device, insert_device
from onegrid_emergency.store.readings import STORE_QUIET
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.events import announced_as, forget_announced
from onegrid_kit.testing.sessions import WAITS_FOR_LOCK, sessions

DISTRICT: Final = "210602"
DEVICE: Final = f"{DISTRICT}-water-1"
INTERVAL: Final = timedelta(seconds=10)
INTERLEAVINGS: Final = int(os.environ.get("ONEGRID_INTERLEAVINGS", "60"))
SILENT, SOUND = DeviceCondition.DEVICE_CONDITION_SILENT, DeviceCondition.DEVICE_CONDITION_SOUND
Outcome = tuple[float, bool, tuple[int, ...]]
QUIET: Final = text(STORE_QUIET.replace("$", ":p"))


def registered(conn: Connection, now: datetime) -> None:
    configuration = Configuration(
        display_name="水位计",
        kind=DeviceKind.DEVICE_KIND_WATER_LEVEL,
        place=DISTRICT,
        location=None,
        unit="m",
        owner="users/gateway",
        interval=INTERVAL,
        rules=None,
    )
    insert_device(conn, Device(district=DISTRICT, id=DEVICE, version=1, configuration=configuration, create_time=now))


def reading_steps(engine: Engine, reading: Reading, now: datetime) -> Iterator[None]:
    """What a process does with a reading: it judges by what it knows, stores that, and judges again under a lock if
    somebody was first.
    """
    with engine.connect() as conn:
        known = find_device(conn, DEVICE)
    assert known is not None
    yield
    state: State | None = None
    if not known.silent:
        state = follow(known.device.configuration.effective_rules, known.state, reading)
    if state is not None:
        with engine.begin() as conn:
            values = [DISTRICT, [DEVICE], [known.version], [state.time], [state.sequence], [state.value]]
            values += [[state.value_since], now, 1]
            if conn.execute(QUIET, {f"p{at}": value for at, value in enumerate(values, 1)}).one().count:
                return
        yield
    with engine.begin() as conn:
        take_readings(conn, DISTRICT, {DEVICE: [reading]}, now, "")


def looking_steps(engine: Engine, now: datetime) -> Iterator[None]:
    """Another process looks for devices that are due, and commits a moment later."""
    with engine.begin() as conn:
        look_at_due(conn, now, now - timedelta(days=1), 10)
        yield


def outcome(engine: Engine) -> Outcome:
    with engine.connect() as conn:
        known = find_device(conn, DEVICE)
    assert known is not None
    events = tuple(each.condition for each in announced_as(engine, DeviceConditionChanged))
    return known.state.value, known.silent, events


def prepared(engine: Engine, begin: datetime, *, silent: bool) -> None:
    """The device has sent a reading, and its time is up; it may have been found silent."""
    forget_announced(engine)
    with engine.begin() as conn:
        for table in ("device_state", "device"):
            conn.execute(text(f"DELETE FROM {table}"))
        registered(conn, begin)
        take_readings(conn, DISTRICT, {DEVICE: [Reading(milliseconds(begin), 1, 1.0)]}, begin, "")
        if silent:
            look_at_due(conn, begin + 4 * INTERVAL, begin - INTERVAL, 10)
    forget_announced(engine)


def in_order(engine: Engine, *sides: Iterator[None]) -> Outcome:
    for side in sides:
        for _ in side:
            pass
    return outcome(engine)


def waits_for_a_lock(engine: Engine, step: Future[str | None]) -> bool:
    """Once it has ended or waits for a lock, however slow the machine is: whether it waits."""
    while not step.done():
        if sessions(engine, WAITS_FOR_LOCK):
            return True
    return False


def interleaved(engine: Engine, random: Random, pool: ThreadPoolExecutor, *sides: Iterator[None]) -> Outcome:
    """Each takes its next step at random; one that waits for the other's lock goes on when it is released."""
    left = list(range(len(sides)))
    while left:
        which = random.choice(left)
        step = pool.submit(next, sides[which], "ended")
        if waits_for_a_lock(engine, step):
            # The other one must end first.
            left.remove(which)
            for other in left:
                for _ in sides[other]:
                    pass
            left.clear()
            step.result()
            for _ in sides[which]:
                pass
        elif step.result() == "ended":
            left.remove(which)
    return outcome(engine)


@pytest.mark.parametrize("silent", [False, True], ids=["due", "silent already"])
def test_a_reading_and_a_look_that_interleave_end_as_some_order_of_the_two(
    silent: bool, engine: Engine, clock: SettableClock
) -> None:
    begin = clock.now()
    now = begin + 4 * INTERVAL
    reading = Reading(milliseconds(begin + INTERVAL), 2, 2.0)

    def sides() -> tuple[Iterator[None], Iterator[None]]:
        prepared(engine, begin, silent=silent)
        return reading_steps(engine, reading, now), looking_steps(engine, now)

    read, look = sides()
    serial = {in_order(engine, read, look)}
    read, look = sides()
    serial.add(in_order(engine, look, read))
    assert all(value == 2.0 and not is_silent for value, is_silent, _ in serial)
    random = Random(20201111)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(INTERLEAVINGS):
            assert interleaved(engine, random, pool, *sides()) in serial
    assert threading.active_count() < 50
