"""Readings by MQTT: through a real RabbitMQ with its plugin, from a real client, into a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import amqp
import pytest
import pytest_asyncio
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from prometheus_client import REGISTRY

from onegrid.emergency.v1.sensors_pb2 import Device, IngestReadingsRequest
from onegrid_emergency.ingesting import Batch, Ingested, Ingestion
from onegrid_emergency.listening import Listening
from onegrid_emergency.mqtt import QUEUE, REFUSED, QueuedReadings
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import HANG_S

from .devices import alarms, device, eventually, readings, registered
from .people import DISTRICT

GATEWAY, PASSWORD = "gateway0001", "secret"
TOPIC = f"onegrid/sensors/{DISTRICT}/{GATEWAY}"


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitServer]:
    with RabbitServer(mqtt=True) as server:
        for command in (
            ("add_user", GATEWAY, PASSWORD),
            (
                "set_permissions",
                GATEWAY,
                "^mqtt-subscription-",
                "^(amq\\.topic|mqtt-subscription-.*)$",
                "^mqtt-subscription-",
            ),
            ("set_topic_permissions", GATEWAY, "amq.topic", "^onegrid\\.sensors\\.[0-9]{6}\\.{username}$", "^$"),
        ):
            server.control(*command)
        yield server


@pytest.fixture(autouse=True)
def no_queues(broker: RabbitServer) -> None:
    with amqp.Connection(broker.url.removeprefix("amqp://guest:guest@").rstrip("/")) as connection:
        for queue in (QUEUE, REFUSED):
            connection.channel().queue_delete(queue)


@pytest_asyncio.fixture
async def water(api: Serving) -> Device:
    return await registered(api, owner=f"users/{GATEWAY}")


def waiting(broker: RabbitServer, queue: str) -> int:
    """How many messages a queue has ready."""
    with amqp.Connection(broker.url.removeprefix("amqp://guest:guest@").rstrip("/")) as connection:
        return int(connection.channel().queue_declare(queue, passive=True).message_count)


def publish(broker: RabbitServer, payload: bytes, topic: str = TOPIC) -> bool:
    """Publish with QoS 1; whether the broker has acknowledged it."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=GATEWAY, protocol=MQTTProtocolVersion.MQTTv311)
    client.username_pw_set(GATEWAY, PASSWORD)
    ended: list[bool] = []
    client.on_disconnect = lambda *_: ended.append(True)
    client.connect("127.0.0.1", broker.mqtt_port)
    try:
        sent = client.publish(topic, payload, qos=1)
        while not (sent.is_published() or ended):
            client.loop(timeout=0.2)
        return bool(sent.is_published())
    finally:
        client.disconnect()


def in_json(of: Device, *values: float, clock: SettableClock, first: int = 1) -> bytes:
    rows = readings(of.name, clock.now(), *values, first=first)
    made = [{"device": e.device, "timeMs": e.time_ms, "sequence": e.sequence, "value": e.value} for e in rows]
    return json.dumps({"readings": made}).encode()


@asynccontextmanager
async def consuming(broker: RabbitServer, ingestion: Any) -> AsyncIterator[QueuedReadings]:
    """A consumer, ended as by a kill: what it has not acknowledged is delivered again."""
    queued = QueuedReadings(broker.url, ingestion)

    async def keep() -> None:
        # As a Runtime does: a broker that has just started knows its queue before it can read it.
        while True:
            with suppress(Exception):
                await queued.run()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(keep())
    try:
        async with asyncio.timeout(HANG_S):
            while not queued.consuming:  # noqa: ASYNC110 - what changes is in another task
                await asyncio.sleep(0.01)
        yield queued
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def ingestion_of(api: Serving, clock: SettableClock) -> Ingestion:
    return Ingestion(api.runtime.db, clock)


def counted(outcome: str) -> float:
    found = REGISTRY.get_sample_value("onegrid_sensor_messages_total", {"service": "emergency", "outcome": outcome})
    return found or 0


async def test_a_reading_by_mqtt_raises_an_alarm(
    api: Serving, broker: RabbitServer, water: Device, clock: SettableClock
) -> None:
    taken = counted("taken")
    async with consuming(broker, ingestion_of(api, clock)):
        in_bytes = IngestReadingsRequest(readings=readings(water.name, clock.now(), 1.0)).SerializeToString()
        assert await asyncio.to_thread(publish, broker, in_bytes)
        assert await asyncio.to_thread(publish, broker, in_json(water, 1.0, 3.1, clock=clock))
        await eventually(lambda: alarms(api, water.name))
        await eventually(lambda: _is(lambda: counted("taken") == taken + 2))
    assert (waiting(broker, QUEUE), waiting(broker, REFUSED)) == (0, 0)


async def _is(happens: Any) -> bool:
    return bool(happens())


async def test_what_was_committed_and_not_acknowledged_is_delivered_again_and_changes_nothing(
    api: Serving, broker: RabbitServer, water: Device, clock: SettableClock
) -> None:
    committed = asyncio.Event()

    class KilledAfterCommit:
        async def take(self, batch: Batch) -> Ingested:
            await ingestion_of(api, clock).take(batch)
            committed.set()
            await asyncio.Event().wait()
            raise AssertionError("it is killed before")

    again: list[Ingested] = []

    class Recording:
        async def take(self, batch: Batch) -> Ingested:
            again.append(await ingestion_of(api, clock).take(batch))
            return again[-1]

    async with consuming(broker, KilledAfterCommit()):
        assert await asyncio.to_thread(publish, broker, in_json(water, 1.0, 3.1, clock=clock))
        await asyncio.wait_for(committed.wait(), HANG_S)
    before = await alarms(api, water.name)
    async with consuming(broker, Recording()):
        await eventually(lambda: _is(lambda: again))
    assert [(each.taken, each.stale) for each in again] == [(0, 2)]
    assert await alarms(api, water.name) == before
    assert waiting(broker, QUEUE) == 0


async def test_readings_wait_in_the_queue_until_somebody_takes_them(
    api: Serving, broker: RabbitServer, water: Device, clock: SettableClock
) -> None:
    async with consuming(broker, ingestion_of(api, clock)):
        pass
    assert await asyncio.to_thread(publish, broker, in_json(water, 1.5, clock=clock))
    assert waiting(broker, QUEUE) == 1
    async with consuming(broker, ingestion_of(api, clock)):
        await eventually(lambda: _has_value(api, water, 1.5))


async def _has_value(api: Serving, of: Device, value: float) -> bool:
    return bool((await device(api, of.name)).last_value == value)


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"\xff\xfe",
        b'{"readings": [], "district": "110101"}',
        b'{"readings": [{"device": "' + b"x" * 100 + b'"}]}',
        b'{"what": 1}',
    ],
    ids=["no JSON", "no message", "another district", "breaks a rule", "an unknown field"],
)
async def test_what_is_no_reading_is_set_aside_and_keeps_nothing_else_from_being_taken(
    api: Serving, broker: RabbitServer, water: Device, clock: SettableClock, payload: bytes
) -> None:
    refused = counted("refused")
    async with consuming(broker, ingestion_of(api, clock)):
        assert await asyncio.to_thread(publish, broker, payload)
        assert await asyncio.to_thread(publish, broker, in_json(water, 2.0, clock=clock))
        await eventually(lambda: _has_value(api, water, 2.0))
        await eventually(lambda: _is(lambda: waiting(broker, REFUSED) == 1))
    assert counted("refused") == refused + 1


async def test_a_gateway_writes_its_own_topic_alone(api: Serving, broker: RabbitServer, clock: SettableClock) -> None:
    async with consuming(broker, ingestion_of(api, clock)):
        for topic in (f"onegrid/sensors/{DISTRICT}/gateway0002", "onegrid/sensors", "other"):
            assert not await asyncio.to_thread(publish, broker, b"{}", topic)
    assert waiting(broker, QUEUE) == 0


async def test_no_sensor_is_silent_while_readings_can_not_arrive_by_mqtt(
    api: Serving, broker: RabbitServer, water: Device, clock: SettableClock
) -> None:
    queued = QueuedReadings(broker.url, ingestion_of(api, clock))
    listening = Listening(api.runtime.db, clock, "mqtt", lambda: queued.consuming)
    await ingestion_of(api, clock).take(Batch(DISTRICT, f"users/{GATEWAY}", readings(water.name, clock.now(), 1.0)))
    condition = (await device(api, water.name)).condition
    await listening.look()
    clock.set(clock.now() + timedelta(hours=1))
    await listening.look()
    assert (await device(api, water.name)).condition == condition
