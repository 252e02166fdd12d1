"""Carries events from a service's outbox, in order, and forgets each once it has arrived.

One relay of a service is active at a time: it holds a lease, and the others stand by. One that was stopped and goes on
may publish for a moment beside its successor. That only doubles events, which inboxes know: both publish those of a
subject in order and from the oldest on, so the first copy of each comes behind the first copy of the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import PublishError
from opentelemetry.trace import SpanKind
from sqlalchemy import Engine

from onegrid_kit import amqp, metrics, tracing
from onegrid_kit.announcing import Current, announce_to
from onegrid_kit.backoff import Backoff
from onegrid_kit.events import Envelope, source_of
from onegrid_kit.lease import Lease
from onegrid_kit.logs import describe, log
from onegrid_kit.outbox import Outbox, measure
from onegrid_kit.probes import Health
from onegrid_kit.subscribers import Subscribers
from onegrid_kit.topology import connected, declare_publisher

__all__ = ["relay"]

_IDLE_S = (0.005, 0.2)
_PAUSE_S = (0.5, 5.0)
_ANSWER_S = 30
_MEASURE_S = 5.0
_CHECK_S = 10.0


async def relay(
    service: str,
    engine: Engine,
    amqp_url: str,
    absent: Collection[str],
    stopping: asyncio.Event,
    health: Health,
    current: Sequence[Current] = (),
) -> None:
    """Publish the service's events to RabbitMQ until `stopping` is set; reconnects after losses.

    `absent`: services that this installation leaves out, though the contracts name them as subscribers. `current`: what
    is announced to those that come later.
    """
    measuring = asyncio.create_task(_measure_until(service, engine, stopping))
    carrier = _Carrier(service, engine, amqp_url, Subscribers(service, absent), stopping, health, current)
    await carrier.run()
    await measuring


async def _measure_until(service: str, engine: Engine, stopping: asyncio.Event) -> None:
    """Measure on every relay, leader or not, and also while the broker is away, when it matters most."""
    while not stopping.is_set():
        try:
            await asyncio.to_thread(measure, service, engine)
        except Exception as error:
            log.info("outbox not measured", error=describe(error))
        await _sleep(stopping, _MEASURE_S)


class _Carrier:
    """Leads or stands by."""

    def __init__(
        self,
        service: str,
        engine: Engine,
        amqp_url: str,
        subscribers: Subscribers,
        stopping: asyncio.Event,
        health: Health,
        current: Sequence[Current],
    ) -> None:
        self._service = service
        self._current = current
        self._engine = engine
        self._amqp_url = amqp_url
        self._subscribers = subscribers
        self._stopping = stopping
        self._health = health
        self._lease = Lease(engine, "relay")
        self._backoff = Backoff(*_PAUSE_S)
        self._leader = metrics.RELAY_LEADER.labels(service)
        self._leader.set(0)

    async def run(self) -> None:
        """Run until stopped, through losses of broker and database."""
        while not self._stopping.is_set():
            try:
                await self._connect_and_carry()
            except Exception as error:
                self._health.set("broker", False)
                self._health.set("database", False)
                self._health.beat()
                pause = self._backoff.next_pause_s()
                log.warning("relay interrupted", error=describe(error), pause_s=pause)
                await _sleep(self._stopping, pause)

    async def _connect_and_carry(self) -> None:
        async with connected(self._amqp_url) as connection:
            async with asyncio.timeout(_ANSWER_S):
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                exchanges = await declare_publisher(channel, self._service, self._subscribers.types)
            self._health.set("broker", True)
            try:
                while not self._stopping.is_set():
                    await self._stand_by(connection)
                    await self._lead(connection, exchanges)
            finally:
                self._leader.set(0)
                # At once, not when it expires; without the database it expires.
                with contextlib.suppress(Exception):
                    await asyncio.to_thread(self._lease.release)

    async def _stand_by(self, connection: AbstractConnection) -> None:
        """Until this relay leads."""
        stands_by = False
        while not self._stopping.is_set() and not await asyncio.to_thread(self._lease.acquire):
            self._health.set("database", True)
            if not stands_by:
                log.info("relay stands by", leader=await asyncio.to_thread(self._lease.holder))
                stands_by = True
            _require_open(connection)
            self._health.beat()
            self._backoff.reset()
            await _sleep(self._stopping, self._lease.renew_s)

    async def _lead(self, connection: AbstractConnection, exchanges: Mapping[str, AbstractExchange]) -> None:
        """Carry events for as long as the lease is renewed."""
        self._health.set("database", True)
        self._leader.set(1)
        log.info("relay leads", exchanges=list(exchanges))
        outbox = await asyncio.to_thread(Outbox, self._service, self._engine)
        ended = asyncio.Event()
        renewing = asyncio.create_task(self._renew_until(ended))
        try:
            await self._carry(connection, exchanges, outbox)
        finally:
            self._leader.set(0)
            # Not cancelled: a renewal that is on its way would undo the release.
            ended.set()
            await renewing
            await asyncio.to_thread(outbox.close)
        if not self._stopping.is_set():
            log.warning("relay leads no longer: its lease was not renewed in time")

    async def _renew_until(self, ended: asyncio.Event) -> None:
        """A task of its own, so that a slow confirmation by the broker does not cost the lease."""
        while True:
            await _sleep(ended, self._lease.renew_s)
            if ended.is_set():
                return
            try:
                await asyncio.to_thread(self._lease.renew)
            except Exception as error:
                log.info("lease not renewed", lease="relay", error=describe(error))

    async def _carry(
        self, connection: AbstractConnection, exchanges: Mapping[str, AbstractExchange], outbox: Outbox
    ) -> None:
        idle, checked = _IDLE_S[0], None
        # One that was stopped for longer than its lease must not go on where it stood: another one leads by now.
        while self._lease.held and not self._stopping.is_set():
            _require_open(connection)
            self._health.beat()
            now = time.monotonic()
            if checked is None or now - checked > _CHECK_S:
                async with asyncio.timeout(_ANSWER_S):
                    await self._subscribers.check(connection)
                await asyncio.to_thread(self._announce_to_new)
                checked = now
            pending = await asyncio.to_thread(outbox.pending, self._subscribers.held)
            carried = await self._confirmed(exchanges, pending) if self._lease.held else []
            await asyncio.to_thread(outbox.forget, carried)
            self._backoff.reset()
            if carried:
                idle = _IDLE_S[0]
            else:
                await _sleep(self._stopping, idle)
                idle = min(idle * 2, _IDLE_S[1])

    def _announce_to_new(self) -> None:
        """Not before their queues are there, so that they miss nothing of what changes meanwhile."""
        if self._current:
            with self._engine.begin() as conn:
                announce_to(conn, self._current, self._subscribers.expected, self._subscribers.missing)

    async def _confirmed(
        self, exchanges: Mapping[str, AbstractExchange], pending: Sequence[tuple[int, Envelope]]
    ) -> list[tuple[int, Envelope]]:
        """Publish them all at once, wait for the confirmations, and return those that arrived. Raises if all failed.

        An event is published only after the one before of its subject is confirmed, so that failures keep the order.
        """
        last: dict[str, asyncio.Task[None]] = {}
        tasks = []
        for _, envelope in pending:
            subject = envelope.delivery.subject
            exchange = exchanges[source_of(envelope.delivery.type)]
            last[subject] = asyncio.create_task(self._publish(exchange, envelope, last.get(subject)))
            tasks.append(last[subject])
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for event_type in {result.event_type for result in results if isinstance(result, _Returned)}:
            self._subscribers.returned(event_type)
        carried = [one for one, result in zip(pending, results, strict=True) if result is None]
        failures = [result for result in results if not (result is None or isinstance(result, _Returned))]
        if failures and not carried:
            raise failures[0]
        return carried

    async def _publish(self, exchange: AbstractExchange, envelope: Envelope, before: asyncio.Task[None] | None) -> None:
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
            expected = self._subscribers.expects(delivery.type)
            try:
                await exchange.publish(message, routing_key=delivery.type, mandatory=expected, timeout=_ANSWER_S)
            except PublishError:
                raise _Returned(delivery.type) from None


class _Returned(Exception):
    """No queue took an event of this type that has subscribers."""

    def __init__(self, event_type: str) -> None:
        super().__init__(event_type)
        self.event_type = event_type


def _require_open(connection: AbstractConnection) -> None:
    """An idle relay would notice only with its next event that the broker has gone."""
    if not connection.connected.is_set():
        raise ConnectionError("the broker closed the connection")


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
