"""The nameko service: one consumer for the service's queue, timers for its jobs."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

import eventlet
from kombu import Exchange, Queue, binding
from kombu.message import Message
from kombu.serialization import register
from nameko.exceptions import ContainerBeingKilled
from nameko.messaging import Consumer
from nameko.runners import ServiceRunner
from nameko.timer import timer

from onegrid_kit import amqp, logs, metrics, tracing
from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.events import Envelope, source_of
from onegrid_kit.inbox import Inbox
from onegrid_kit.jobs import Schedule
from onegrid_kit.logs import log
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings

__all__ = ["run"]

_WORKERS = 10
_PAUSE_S = 1.0

register("protobuf", lambda body: body, lambda body: body, content_type=amqp.CONTENT_TYPE, content_encoding="binary")


class EventConsumer(Consumer):  # type: ignore[misc]
    """Hands a method the whole event, not its body alone."""

    def handle_message(self, body: bytes, message: Message) -> None:
        """Called by nameko for each message, in a greenlet of its own."""
        try:
            envelope = amqp.envelope(message.headers, bytes(body))
        except (KeyError, ValueError):
            # Not one of ours, and it never will be: the broker's dead letters are the place for it.
            log.error("message is no event", headers=sorted(message.headers))
            message.reject()
            return
        try:
            self.container.spawn_worker(
                self, (envelope,), {}, handle_result=lambda ctx, result, error: self._settle(message, result, error)
            )
        except ContainerBeingKilled:
            self.queue_consumer.requeue_message(message)

    def _settle(self, message: Message, result: Any, error: Any) -> tuple[Any, Any]:
        self.handle_message_processed(message, result, error)
        return result, None


def run(service: Service, settings: ServiceSettings) -> int:
    """Consume until SIGTERM or SIGINT."""
    logs.configure(service.name, settings.log_level)
    tracing.configure(service.name, settings.otlp_endpoint)
    metrics.serve(settings.metrics_port)
    engine = sync_engine(settings.database_url, pool=_WORKERS + 2)
    inbox = Inbox(
        service.name,
        engine,
        service.load_handlers(),
        attempts=settings.handler_attempts,
        retry_base_s=settings.retry_base_s,
    )
    schedule = Schedule(service.name, engine, service.load_jobs(), SystemClock())
    runner = ServiceRunner(
        {
            "AMQP_URI": settings.amqp_url,
            "max_workers": _WORKERS,
            "ACCEPT": ["protobuf"],
            "serializer": "protobuf",
            "HEARTBEAT": 10,
        }
    )
    runner.add_service(_nameko_service(service.name, inbox, schedule))
    loaded = [name for name in sys.modules if name == "grpc"]
    if loaded:
        raise RuntimeError("a worker must not load grpc; something in its handlers imports it")
    stop = eventlet.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.spawn_after(0, lambda: stop.ready() or stop.send()))
    runner.start()
    log.info("worker consumes", queue=f"onegrid.{service.name}", types=sorted(inbox.types))
    waiter = eventlet.spawn(runner.wait)
    waiter.link(lambda _: stop.ready() or stop.send())
    stop.wait()
    if waiter.dead:
        log.error("worker ended by itself")
        return 1
    runner.stop()
    log.info("worker stopped")
    return 0


def _nameko_service(name: str, inbox: Inbox, schedule: Schedule) -> type:
    exchanges = {
        source_of(event_type): Exchange(
            source_of(event_type),
            type="topic",
            durable=True,
            arguments={"alternate-exchange": amqp.UNROUTED},
        )
        for event_type in inbox.types
    }
    queue = Queue(
        f"onegrid.{name}",
        durable=True,
        queue_arguments=amqp.queue_arguments(),
        bindings=[binding(exchanges[source_of(event)], routing_key=event) for event in sorted(inbox.types)],
    )

    def handle(_: object, envelope: Envelope) -> None:
        try:
            inbox.deliver(envelope)
        except Exception as error:
            # The database is away: the event goes back to the queue, without haste.
            log.warning("delivery postponed", error=f"{type(error).__name__}: {error}")
            eventlet.sleep(_PAUSE_S)
            raise

    def tick(_: object) -> None:
        try:
            schedule.run_due(time.monotonic())
            inbox.retry_due()
        except Exception as error:
            log.warning("tick failed", error=f"{type(error).__name__}: {error}")

    return type(
        "Worker",
        (),
        {
            "name": name,
            "handle": EventConsumer.decorator(queue, requeue_on_error=True)(handle),
            "tick": timer(interval=1)(tick),
        },
    )
