"""Carries events from a service's outbox, in order, and forgets each once it has arrived.

One relay of a service is active at a time: it holds an advisory lock, and the others wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from opentelemetry.trace import SpanKind
from sqlalchemy import Engine

from onegrid_kit import amqp, tracing
from onegrid_kit.backoff import Backoff
from onegrid_kit.events import Envelope
from onegrid_kit.logs import describe, log
from onegrid_kit.outbox import Outbox, measure
from onegrid_kit.probes import Health
from onegrid_kit.topology import declare_exchange

__all__ = ["relay"]

_IDLE_S = (0.005, 0.2)
_PAUSE_S = (0.5, 5.0)
_CONFIRM_S = 30
_MEASURE_S = 5.0


async def relay(service: str, engine: Engine, amqp_url: str, stopping: asyncio.Event, health: Health) -> None:
    """Publish the service's events to RabbitMQ until told to stop; reconnects to what is lost."""
    measuring = asyncio.create_task(_measure_until(service, engine, stopping))
    await _publish(service, engine, amqp_url, stopping, health)
    await measuring


async def _measure_until(service: str, engine: Engine, stopping: asyncio.Event) -> None:
    """Whoever leads, and whether or not the broker is there: then above all somebody wants to know."""
    while not stopping.is_set():
        try:
            await asyncio.to_thread(measure, service, engine)
        except Exception as error:
            log.info("outbox not measured", error=describe(error))
        await _sleep(stopping, _MEASURE_S)


async def _publish(service: str, engine: Engine, amqp_url: str, stopping: asyncio.Event, health: Health) -> None:
    backoff = Backoff(*_PAUSE_S)
    while not stopping.is_set():
        try:
            await _publish_until(service, engine, amqp_url, stopping, health)
        except Exception as error:
            health.set("broker", False)
            health.set("database", False)
            health.beat()
            pause = backoff.next_pause_s()
            log.warning("relay interrupted", error=describe(error), pause_s=pause)
            await _sleep(stopping, pause)


async def _publish_until(service: str, engine: Engine, amqp_url: str, stopping: asyncio.Event, health: Health) -> None:
    connection = await aio_pika.connect(amqp_url, timeout=10)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await declare_exchange(channel, f"onegrid.{service}")
        health.set("broker", True)
        outbox = await asyncio.to_thread(Outbox, service, engine)
        health.set("database", True)
        try:
            while not stopping.is_set() and not await asyncio.to_thread(outbox.lead):
                _require_open(connection)
                health.beat()
                await _sleep(stopping, 1)
            log.info("relay leads", exchange=exchange.name)
            idle = _IDLE_S[0]
            while not stopping.is_set():
                _require_open(connection)
                health.beat()
                pending = await asyncio.to_thread(outbox.pending)
                if not pending:
                    await _sleep(stopping, idle)
                    idle = min(idle * 2, _IDLE_S[1])
                    continue
                idle = _IDLE_S[0]
                await asyncio.to_thread(outbox.forget, await _confirmed(exchange, pending))
        finally:
            await asyncio.to_thread(outbox.close)


def _require_open(connection: AbstractConnection) -> None:
    """An idle relay would notice only with its next event that the broker has gone."""
    if not connection.connected.is_set():
        raise ConnectionError("the broker closed the connection")


async def _confirmed(exchange: AbstractExchange, pending: Sequence[tuple[int, Envelope]]) -> list[tuple[int, Envelope]]:
    """Publish them all at once and wait for the broker's word on each. Those that have arrived; raises if none has.

    One of a subject goes only behind the word on the one before, so that no failure brings them out of order.
    """
    last: dict[str, asyncio.Task[None]] = {}
    tasks = []
    for _, envelope in pending:
        subject = envelope.delivery.subject
        last[subject] = asyncio.create_task(_publish_one(exchange, envelope, last.get(subject)))
        tasks.append(last[subject])
    results = await asyncio.gather(*tasks, return_exceptions=True)
    carried = [one for one, result in zip(pending, results, strict=True) if result is None]
    if not carried:
        raise next(result for result in results if result is not None)
    return carried


async def _publish_one(exchange: AbstractExchange, envelope: Envelope, before: asyncio.Task[None] | None) -> None:
    if before is not None:
        await before
    delivery = envelope.delivery
    with tracing.span(f"{delivery.type} publish", SpanKind.PRODUCER, delivery.traceparent):
        message = aio_pika.Message(
            envelope.body,
            content_type=amqp.CONTENT_TYPE,
            message_id=delivery.id,
            headers=dict(amqp.headers(delivery, tracing.current_traceparent())),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        # An event that nobody takes goes to the alternate exchange: the broker need not return it.
        await exchange.publish(message, routing_key=delivery.type, mandatory=False, timeout=_CONFIRM_S)


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
