"""Carries events from a service's outbox, in order, and forgets each once it has arrived.

One relay of a service is active at a time: it holds an advisory lock, and the others wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from opentelemetry.trace import SpanKind
from sqlalchemy import Engine, text

from onegrid_kit import amqp, metrics, tracing
from onegrid_kit.events import Delivery, Envelope, source_of
from onegrid_kit.logs import describe, log
from onegrid_kit.probes import Health

__all__ = ["Outbox", "declare_topology", "measure", "relay"]

_BATCH = 500
_IDLE_S = (0.005, 0.2)
_PAUSE_S = (0.5, 5.0)
_CONFIRM_S = 30
_LOCK = 0x0E61D0B
_MEASURE_S = 5.0
_PENDING = text(
    """
    SELECT number, id, type, subject, time, traceparent, body,
           CAST(extract(epoch FROM clock_timestamp() - created_at) AS double precision) AS age
    FROM outbox ORDER BY number LIMIT :most
    """
)
_FORGET = text("DELETE FROM outbox WHERE number = ANY(CAST(:numbers AS bigint[]))")
_MEASURE = text(
    """
    SELECT count(*) AS depth, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS age,
           (SELECT sum(block) FROM audit_head) AS blocks
    FROM outbox
    """
)


class Outbox:
    """The outbox as a carrier sees it; it holds one connection, and with it the lock."""

    def __init__(self, service: str, engine: Engine) -> None:
        self._service = service
        self._conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._leader = metrics.RELAY_LEADER.labels(service)
        self._leader.set(0)
        self._carry = metrics.CARRY_SECONDS.labels(service)
        self._stored: dict[int, float] = {}

    def lead(self) -> bool:
        """Whether this is the active carrier now."""
        leads = bool(self._conn.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}).scalar_one())
        self._leader.set(leads)
        return leads

    def pending(self) -> list[tuple[int, Envelope]]:
        """The oldest events, by their numbers."""
        rows = self._conn.execute(_PENDING, {"most": _BATCH}).all()
        now = time.monotonic()
        self._stored = {row.number: now - row.age for row in rows}
        return [
            (
                row.number,
                Envelope(
                    Delivery(
                        id=str(row.id),
                        type=row.type,
                        subject=row.subject,
                        time=row.time,
                        traceparent=row.traceparent,
                    ),
                    bytes(row.body),
                ),
            )
            for row in rows
        ]

    def forget(self, carried: Sequence[tuple[int, Envelope]]) -> None:
        """These have arrived."""
        if carried:
            self._conn.execute(_FORGET, {"numbers": [number for number, _ in carried]})
            now = time.monotonic()
            for number, envelope in carried:
                metrics.EVENTS_CARRIED.labels(self._service, envelope.delivery.type).inc()
                self._carry.observe(
                    max(0.0, now - self._stored[number]), metrics.exemplar(envelope.delivery.traceparent)
                )

    def close(self) -> None:
        """Let another one lead."""
        self._leader.set(0)
        # A pooled connection would keep the lock.
        self._conn.invalidate()
        self._conn.close()


def measure(service: str, engine: Engine) -> None:
    """Tell how many events wait in the outbox and how long, and how long the audit trail is."""
    with engine.connect() as conn:
        row = conn.execute(_MEASURE).one()
    metrics.OUTBOX_DEPTH.labels(service).set(row.depth)
    metrics.OUTBOX_AGE.labels(service).set(row.age)
    metrics.AUDIT_BLOCKS.labels(service).set(row.blocks)


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
    pause = _PAUSE_S[0]
    while not stopping.is_set():
        began = time.monotonic()
        try:
            await _publish_until(service, engine, amqp_url, stopping, health)
        except Exception as error:
            health.set("broker", False)
            health.set("database", False)
            health.beat()
            if time.monotonic() - began > _PAUSE_S[1]:
                pause = _PAUSE_S[0]
            log.warning("relay interrupted", error=describe(error), pause_s=pause)
            await _sleep(stopping, pause)
            pause = min(pause * 2, _PAUSE_S[1])


async def _publish_until(service: str, engine: Engine, amqp_url: str, stopping: asyncio.Event, health: Health) -> None:
    connection = await aio_pika.connect(amqp_url, timeout=10)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await _declare_exchange(channel, f"onegrid.{service}")
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


async def declare_topology(amqp_url: str, consumer: str, types: Sequence[str]) -> None:
    """Declare a consumer's queue, and the exchanges that it listens to, so that no event is published before it."""
    async with await aio_pika.connect(amqp_url, timeout=10) as connection:
        channel = await connection.channel()
        await _declare_exchange(channel, f"onegrid.{consumer}")
        queue = await channel.declare_queue(f"onegrid.{consumer}", durable=True, arguments=dict(amqp.QUEUE_ARGUMENTS))
        for event_type in types:
            exchange = await _declare_exchange(channel, source_of(event_type))
            await queue.bind(exchange, routing_key=event_type)


async def _declare_exchange(channel: aio_pika.abc.AbstractChannel, name: str) -> AbstractExchange:
    unrouted = await channel.declare_exchange(amqp.UNROUTED, aio_pika.ExchangeType.FANOUT, durable=True)
    queue = await channel.declare_queue(amqp.UNROUTED, durable=True, arguments=dict(amqp.UNROUTED_ARGUMENTS))
    await queue.bind(unrouted)
    return await channel.declare_exchange(
        name, aio_pika.ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": amqp.UNROUTED}
    )


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
