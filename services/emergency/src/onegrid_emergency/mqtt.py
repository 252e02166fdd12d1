"""Readings that come by MQTT: RabbitMQ's plugin publishes them to `amq.topic`, and a quorum queue keeps them until they
are committed here. docs/sensors.md is for who connects a gateway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from onegrid.emergency.v1.sensors_pb2 import IngestReadingsRequest
from onegrid_emergency import metrics
from onegrid_emergency.ingesting import Batch, Ingestion
from onegrid_kit.backoff import Backoff
from onegrid_kit.errors import InvalidRequest, MalformedRequest, Unavailable
from onegrid_kit.logs import describe, log
from onegrid_kit.names import ResourceName
from onegrid_kit.rpc.validation import validate
from onegrid_kit.topology import connected

__all__ = ["QUEUE", "REFUSED", "QueuedReadings"]

QUEUE: Final = "onegrid.sensors"
REFUSED: Final = "onegrid.sensors.refused"
"""The exchange and queue of messages that are no readings; the newest are kept for an operator."""
_ARGUMENTS: Final[Mapping[str, Any]] = {"x-queue-type": "quorum", "x-dead-letter-exchange": REFUSED}
_REFUSED_ARGUMENTS: Final[Mapping[str, Any]] = {"x-queue-type": "quorum", "x-max-length": 10_000}
_EXCHANGE: Final = "amq.topic"
"""To which the plugin publishes, with dots for the slashes of the topic."""
_BINDING: Final = "onegrid.sensors.#"
_ROUTING_KEY: Final = re.compile(r"onegrid\.sensors\.(?P<district>[0-9]{6})\.(?P<user>[a-z0-9]{8,32})")
_USER: Final = ResourceName("users/{user}")
_UNDERWAY: Final = 32
_BEGIN_S: Final = 10
_PAUSE_S: Final = (0.1, 5.0)


class QueuedReadings:
    """Takes the queue's readings in one process; those of several share them."""

    def __init__(self, amqp_url: str, ingestion: Ingestion) -> None:
        self._amqp_url = amqp_url
        self._ingestion = ingestion
        self.consuming = False
        """Whether readings can arrive by it at this moment."""

    async def run(self) -> None:
        """Consume until cancelled. Raises ConnectionError or TimeoutError if the broker goes away; what was not
        acknowledged is delivered again.
        """
        lost = asyncio.Event()
        async with connected(self._amqp_url) as connection:
            underway: set[asyncio.Task[None]] = set()

            async def begin(message: AbstractIncomingMessage) -> None:
                # Begun in the order in which they came.
                task = asyncio.create_task(self._settle(message))
                underway.add(task)
                task.add_done_callback(underway.discard)

            try:
                # A broker that lost the queue's process does not answer.
                async with asyncio.timeout(_BEGIN_S):
                    channel = await connection.channel()
                    channel.close_callbacks.add(lambda *_: lost.set())
                    await channel.set_qos(prefetch_count=_UNDERWAY)
                    await (await _declare(channel)).consume(begin)
                self.consuming = True
                await lost.wait()
                raise ConnectionError("the broker closed the channel of the sensors' queue")
            finally:
                self.consuming = False
                for task in underway:
                    task.cancel()

    async def _settle(self, message: AbstractIncomingMessage) -> None:
        """Take a message's readings and acknowledge it then, so that none is lost: what is delivered twice is stale."""
        # What can't be acknowledged any more is delivered again.
        with suppress(AMQPError, ChannelInvalidStateError, ConnectionError):
            try:
                await self._take(_batch(message.routing_key or "", message.body))
            except Exception as error:
                bad = isinstance(error, InvalidRequest | MalformedRequest)
                log.warning(
                    "message of sensors refused",
                    topic=message.routing_key,
                    error=describe(error),
                    exc_info=None if bad else error,
                )
                metrics.SENSOR_MESSAGES.labels("emergency", "refused").inc()
                await message.reject(requeue=False)
            else:
                metrics.SENSOR_MESSAGES.labels("emergency", "taken").inc()
                await message.ack()

    async def _take(self, batch: Batch) -> None:
        backoff = Backoff(*_PAUSE_S)
        while True:
            try:
                await self._ingestion.take(batch)
                return
            except Unavailable:
                # The queue keeps what comes meanwhile.
                await asyncio.sleep(backoff.next_pause_s())


def _batch(routing_key: str, body: bytes) -> Batch:
    """The readings of a message. Its topic names their owner: the broker lets a gateway write to its own topic alone.
    Raises MalformedRequest or InvalidRequest.
    """
    topic = _ROUTING_KEY.fullmatch(routing_key)
    if topic is None:
        raise MalformedRequest(f"not a topic onegrid/sensors/{{district}}/{{user}}: {routing_key}")
    request = _request(body)
    if request.district not in ("", topic["district"]):
        raise MalformedRequest("its district is not that of its topic")
    request.district = topic["district"]
    validate(request, body)
    return Batch(request.district, _USER.name(topic["user"]), request.readings)


def _request(body: bytes) -> IngestReadingsRequest:
    """The message in JSON or in bytes: no message in bytes begins with a brace. Raises MalformedRequest."""
    request = IngestReadingsRequest()
    try:
        if body.lstrip().startswith(b"{"):
            json_format.Parse(body, request)
        else:
            request.MergeFromString(body)
    except (json_format.ParseError, DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest(f"not an IngestReadingsRequest: {error}") from None
    return request


async def _declare(channel: AbstractChannel) -> AbstractQueue:
    refused = await channel.declare_exchange(REFUSED, ExchangeType.FANOUT, durable=True)
    kept = await channel.declare_queue(REFUSED, durable=True, arguments=dict(_REFUSED_ARGUMENTS))
    await kept.bind(refused)
    queue = await channel.declare_queue(QUEUE, durable=True, arguments=dict(_ARGUMENTS))
    await queue.bind(_EXCHANGE, routing_key=_BINDING)
    return queue
