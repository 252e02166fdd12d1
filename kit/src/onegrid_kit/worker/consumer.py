"""The nameko service: a consumer for the service's queue, a timer for its jobs, greenlets for its work and ladders."""

from __future__ import annotations

import signal
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import eventlet
from amqp.exceptions import AMQPError
from eventlet.event import Event
from kombu.entity import Exchange, Queue, binding
from kombu.message import Message
from kombu.serialization import register
from nameko.exceptions import ContainerBeingKilled
from nameko.messaging import Consumer, QueueConsumer
from nameko.runners import ServiceRunner
from nameko.timer import timer

from onegrid_kit import amqp, collector, logs, metrics, probes, tracing
from onegrid_kit.backoff import Backoff
from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.events import Envelope, source_of
from onegrid_kit.inbox import Inbox
from onegrid_kit.jobs import Schedule
from onegrid_kit.ladder import Climber
from onegrid_kit.logs import describe, log
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.steps import StepRunner

__all__ = ["run"]

_WORKERS = 50
_PAUSE_S = (0.2, 5.0)
_TICK_S = 1

# nameko makes the parts of a service itself: there is no way to hand them something of ours.
_health = probes.Health("broker", "database")

register("protobuf", lambda body: body, lambda body: body, content_type=amqp.CONTENT_TYPE, content_encoding="binary")


class _Queue(QueueConsumer):
    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        """Called by kombu for a new connection; its own pauses would grow to half a minute."""
        with self.create_connection() as connection:
            connection.ensure_connection(
                self.on_connection_error,
                interval_start=_PAUSE_S[0],
                interval_step=1,
                interval_max=_PAUSE_S[1],
                reraise_as_library_errors=False,
            )
            yield connection

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        """Called by kombu after each attempt to connect that failed; it has no other way to be told to give up."""
        if self.should_stop:
            raise exc
        super().on_connection_error(exc, interval)

    def unregister_provider(self, provider: Any) -> None:
        """Called by nameko in the end. kombu cancels the consumer when its loop ends; nameko would do so within a
        connection, and wait for one for as long as the broker is away or the queue is out of order.
        """
        self.should_stop = True
        super(QueueConsumer, self).unregister_provider(provider)

    @contextmanager
    def consumer_context(self, **options: Any) -> Iterator[Any]:
        """Called by kombu around the life of a connection that consumes."""
        with super().consumer_context(**options) as consuming:
            _health.set("broker", True)
            try:
                yield consuming
            finally:
                _health.set("broker", False)

    def on_decode_error(self, message: Message, error: Exception) -> None:
        """Called by kombu for what is no protobuf message; it would only be acknowledged, and lost."""
        _refuse(message, error)


class _Consumer(Consumer):
    """Passes a method the complete event, not its body alone."""

    queue_consumer = _Queue()

    def handle_message(self, body: bytes, message: Message) -> None:
        """Called by nameko for each message, in a greenlet of its own, in the order of their arrival."""
        try:
            envelope = amqp.envelope(message.headers, bytes(body))
        except (KeyError, ValueError, TypeError) as error:
            _refuse(message, error)
            return
        try:
            self.container.spawn_worker(
                self, (envelope,), {}, handle_result=lambda _, result, error: self._settle(message, result, error)
            )
        except ContainerBeingKilled:
            self.queue_consumer.requeue_message(message)

    def _settle(self, message: Message, result: Any, error: Any) -> tuple[Any, Any]:
        # If the broker went away meanwhile, it delivers the message again, and the inbox knows it.
        try:
            self.handle_message_processed(message, result, error)
        except (AMQPError, OSError) as away:
            log.info("acknowledgement lost", error=describe(away))
        return result, None


class _Batches:
    """What waits at the same moment is delivered together, in the order of its arrival."""

    def __init__(self, deliver: Callable[[Sequence[Envelope]], None]) -> None:
        self._deliver = deliver
        self._waiting: list[tuple[Envelope, Event]] = []
        self._busy = False

    def submit(self, envelope: Envelope) -> None:
        """Return once the event is delivered; raises what delivering it raised."""
        done = Event()
        self._waiting.append((envelope, done))
        if not self._busy:
            self._busy = True
            # Not by this event's own greenlet: its acknowledgement must not wait for those that keep coming.
            eventlet.spawn(self._work)
        done.wait()

    def _work(self) -> None:
        try:
            while self._waiting:
                self._deliver_waiting()
        finally:
            self._busy = False

    def _deliver_waiting(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            self._deliver([envelope for envelope, _ in batch])
        except Exception as error:
            for _, done in batch:
                done.send_exception(error)
        else:
            for _, done in batch:
                done.send()


def run(service: Service, settings: ServiceSettings) -> int:
    """Consume until SIGTERM or SIGINT; the exit code."""
    logs.configure(service.name, settings.log_level)
    tracing.configure(service.name, settings)
    probes.serve(settings.metrics_port, _health, service.name, "worker")
    # For events, for a job, for the lease of those who run jobs; for work that is done in steps, and for ladders, if
    # there are such.
    engine = sync_engine(settings.database_url, pool=3 + bool(service.load_steps()) + bool(service.load_ladders()))
    metrics.observe_pool(service.name, "worker", engine.pool)
    inbox = Inbox.of(service, settings, engine)
    schedule = Schedule(service.name, engine, service.load_jobs(settings), SystemClock())
    steps = StepRunner.of(service, settings, engine, SystemClock())
    climber = Climber.of(service, settings, engine, SystemClock())
    stop = Event()
    runner = ServiceRunner(
        {
            **_broker(settings.amqp_url),
            "max_workers": _WORKERS,
            "ACCEPT": ["protobuf"],
            "serializer": "protobuf",
            "HEARTBEAT": 10,
        }
    )
    runner.add_service(_nameko_service(service.name, inbox, schedule, [steps, climber], stop))
    if "grpc" in sys.modules:
        raise RuntimeError("a worker must not load grpc, which hangs in it; one of its handlers or jobs imports it")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: eventlet.spawn_after(0, _set_stopped, stop))
    collector.spare()
    # Starting waits for the broker, which may not be there yet; stopping does not.
    steps.start()
    climber.start()
    living = eventlet.spawn(_live, runner, inbox, service.name)
    living.link(lambda _: _set_stopped(stop))
    stop.wait()
    steps.stop()
    climber.stop()
    if living.dead:
        log.error("worker ended by itself")
        return 1
    if any(container.started for container in runner.containers):
        runner.stop()
    schedule.release()
    log.info("worker stopped")
    return 0


def _broker(url: str) -> dict[str, Any]:
    """nameko's settings for the broker's URL. kombu takes certificates by other words than the roles that use aiormq,
    and would verify none by itself.
    """
    parts = urlsplit(url)
    if parts.scheme != "amqps":
        return {"AMQP_URI": url}
    query = dict(parse_qsl(parts.query))
    verified = {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": parts.hostname,
        "ca_certs": query.pop("cafile", None),
        "certfile": query.pop("certfile", None),
        "keyfile": query.pop("keyfile", None),
    }
    return {"AMQP_URI": parts._replace(query=urlencode(query)).geturl(), "AMQP_SSL": verified}


def _live(runner: ServiceRunner, inbox: Inbox, name: str) -> None:
    runner.start()
    log.info("worker consumes", queue=f"onegrid.{name}", types=sorted(inbox.types))
    runner.wait()


def _set_stopped(stop: Event) -> None:
    if not stop.ready():
        stop.send()


def _refuse(message: Message, error: Exception) -> None:
    """Reject a message that is no event: it goes to the queue of unroutable messages, where operators look."""
    log.error("message is no event", error=describe(error), headers=sorted(message.headers))
    message.reject()


def _nameko_service(
    name: str, inbox: Inbox, schedule: Schedule, measured: Sequence[StepRunner | Climber], stop: Event
) -> type:
    exchanges = {
        source: Exchange(source, type="topic", durable=True, arguments={"alternate-exchange": amqp.UNROUTED})
        for source in {source_of(event_type) for event_type in inbox.types}
    }
    queue = Queue(
        f"onegrid.{name}",
        durable=True,
        queue_arguments=dict(amqp.QUEUE_ARGUMENTS),
        bindings=[binding(exchanges[source_of(event)], routing_key=event) for event in sorted(inbox.types)],
    )

    def deliver(envelopes: Sequence[Envelope]) -> None:
        backoff = Backoff(*_PAUSE_S)
        while True:
            try:
                inbox.deliver(envelopes)
                return
            except Exception as error:
                _health.set("database", False)
                # The database is away. The events are kept here, neither acknowledged nor sent round in circles through
                # the broker, which would count that as failures of theirs.
                log.warning("delivery waits for the database", error=describe(error))
                if stop.ready():
                    raise
                eventlet.sleep(backoff.next_pause_s())

    batches = _Batches(deliver)

    def handle(_: object, envelope: Envelope) -> None:
        batches.submit(envelope)

    def tick(_: object) -> None:
        try:
            schedule.run_due(time.monotonic())
            # Before it tries again what may not be kept any more.
            for each in (inbox, *measured):
                each.measure()
            inbox.retry_due()
            _health.set("database", True)
        except Exception as error:
            _health.set("database", False)
            log.warning("tick failed", error=describe(error))

    return type(
        "Worker",
        (),
        {
            "name": name,
            "handle": _Consumer.decorator(queue, requeue_on_error=True)(handle),
            "tick": timer(interval=_TICK_S)(tick),
        },
    )
