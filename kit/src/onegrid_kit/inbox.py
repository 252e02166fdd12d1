"""Every event is handled once: an inbox row is written in the handler's own transaction, however often it is delivered.

A handler that fails loses nothing and blocks no other: its event is parked in `parked_event`, tried again with growing
pauses, and after the last try kept there until an operator replays it; but no longer than its contract lets personal
data be kept (`personal_data_retention`): a one-time code is not to be read there for ever.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from time import perf_counter

from google.protobuf.message import DecodeError
from opentelemetry.trace import SpanKind
from sqlalchemy import Connection, Engine, text

from onegrid_kit import metrics, tracing
from onegrid_kit.cipher import Cipher, cipher
from onegrid_kit.events import Envelope, Subscription, retention_of
from onegrid_kit.failures import lost
from onegrid_kit.logs import describe, log
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings

__all__ = ["Inbox", "Parked"]

_CLAIM = text("INSERT INTO inbox (handler, event_id) VALUES (:handler, :event_id) ON CONFLICT DO NOTHING RETURNING 1")
_CLAIM_MANY = text(
    """
    INSERT INTO inbox (handler, event_id)
    SELECT * FROM unnest(CAST(:handlers AS text[]), CAST(:event_ids AS uuid[]))
    ON CONFLICT DO NOTHING RETURNING handler, event_id
    """
)
_DONE = text("DELETE FROM parked_event WHERE handler = :handler AND event_id = :event_id")
_FAIL = text(
    """
    INSERT INTO parked_event AS parked
      (handler, event_id, type, subject, time, traceparent, body, attempts, last_error, next_attempt_at)
    VALUES (:handler, :event_id, :type, :subject, :time, :traceparent, :body, 1, :error,
            CASE WHEN :attempts > 1 THEN clock_timestamp() + :base END)
    ON CONFLICT (handler, event_id) DO UPDATE SET
      attempts = parked.attempts + 1,
      last_error = :error,
      next_attempt_at = CASE WHEN parked.attempts + 1 < :attempts
                             THEN clock_timestamp() + :base * power(2, parked.attempts) END
    RETURNING attempts, next_attempt_at IS NULL AS given_up
    """
)
_DUE = text(
    """
    SELECT handler, event_id AS id, type, subject, time, traceparent, body FROM parked_event
    WHERE next_attempt_at <= clock_timestamp()
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
    """
)
# Asked for all the time, and mostly for nothing.
_ANY_DUE = text("SELECT EXISTS (SELECT FROM parked_event WHERE next_attempt_at <= clock_timestamp())")
_LIST = text(
    """
    SELECT handler, event_id, type, subject, attempts, last_error, next_attempt_at IS NULL AS given_up FROM parked_event
    ORDER BY first_failed_at
    """
)
_REPLAY = text(
    """
    UPDATE parked_event SET next_attempt_at = clock_timestamp(), attempts = 0
    WHERE :all OR CAST(event_id AS text) = :event_id
    """
)
# By the time at which it was set aside, as other events tell the domain's time, which a demonstration sets.
_EXPIRE = text(
    """
    DELETE FROM parked_event WHERE (handler, event_id) IN (
      SELECT handler, event_id
      FROM parked_event JOIN unnest(CAST(:types AS text[]), CAST(:retentions AS interval[])) AS kept (type, retention)
        USING (type)
      WHERE first_failed_at + retention <= clock_timestamp()
      LIMIT 1000 FOR UPDATE OF parked_event SKIP LOCKED
    ) RETURNING handler
    """
)
_COUNT = text(
    """
    SELECT CASE WHEN next_attempt_at IS NULL THEN 'parked' ELSE 'retrying' END AS state, count(*) AS events,
           CAST(extract(epoch FROM clock_timestamp() - min(first_failed_at)) AS double precision) AS age
    FROM parked_event GROUP BY 1
    """
)


@dataclass(frozen=True, slots=True)
class Parked:
    """An event whose handler failed."""

    handler: str
    event_id: str
    type: str
    subject: str
    attempts: int
    last_error: str
    given_up: bool
    """Whether it waits for an operator."""


class Inbox:
    """Delivers events to one service's handlers, whatever carried them."""

    def __init__(
        self,
        service: str,
        engine: Engine,
        subscriptions: Iterable[Subscription],
        cipher: Cipher,
        *,
        attempts: int = 8,
        retry_base_s: float = 1.0,
    ) -> None:
        self._service = service
        self._engine = engine
        self._cipher = cipher
        self._by_type: dict[str, list[Subscription]] = {}
        self._by_name: dict[str, Subscription] = {}
        self._attempts = attempts
        self._base = timedelta(seconds=retry_base_s)
        for subscription in subscriptions:
            if subscription.name in self._by_name:
                raise TypeError(f"two handlers are called {subscription.name}")
            self._by_type.setdefault(subscription.type, []).append(subscription)
            self._by_name[subscription.name] = subscription
            for outcome in ("handled", "duplicate", "failed", "parked", "expired"):
                metrics.EVENTS_HANDLED.labels(service, subscription.name, outcome)
            metrics.HANDLER_RETRIES.labels(service, subscription.name)
        retentions = {type_: retention_of(same[0].message) for type_, same in self._by_type.items()}
        self._retentions = {type_: retention for type_, retention in retentions.items() if retention}
        self._age = metrics.EVENT_AGE.labels(service)
        self._seconds = {name: metrics.HANDLER_SECONDS.labels(service, name) for name in self._by_name}

    @classmethod
    def of(cls, service: Service, settings: ServiceSettings, engine: Engine) -> Inbox:
        """The inbox of a service, with its handlers."""
        return cls(
            service.name,
            engine,
            service.load_handlers(),
            cipher(settings.cipher, settings.cipher_keys),
            attempts=settings.handler_attempts,
            retry_base_s=settings.retry_base_s,
        )

    @property
    def types(self) -> frozenset[str]:
        """The events that are handled."""
        return frozenset(self._by_type)

    def deliver(self, envelopes: Sequence[Envelope]) -> None:
        """Hand events to their handlers, in this order. When this returns, each is handled or set aside.

        They share a transaction, as it costs the same for one and for many; if one of their handlers fails, each has
        its own. Raises only if the database is gone, and then all of them must be delivered again.
        """
        due = [(subscription, one) for one in envelopes for subscription in self._by_type.get(one.delivery.type, ())]
        if len(due) > 1:
            try:
                self._deliver_together(due)
            except Exception as error:
                if lost(error):
                    raise
                log.info("events are handled one by one", events=len(due), error=describe(error))
            else:
                return
        for subscription, one in due:
            self._deliver(subscription, one)

    def retry_due(self) -> int:
        """Try those again whose pause is over; how many there were."""
        tried = 0
        while tried < 1000 and self._any_due():
            # The row stays locked while its handler runs, so that replicas don't try the same event.
            with self._engine.begin() as conn:
                row = conn.execute(_DUE).one_or_none()
                if row is None:
                    break
                tried += 1
                self._retry(conn, row.handler, Envelope.of_row(row))
        return tried

    def measure(self) -> None:
        """Drop those that may not be kept any more, and export how many wait or were given up, and since when."""
        self._expire()
        self._gauge()

    def parked(self) -> Sequence[Parked]:
        """The events whose handlers failed, oldest first."""
        with self._engine.connect() as conn:
            return [
                Parked(r.handler, str(r.event_id), r.type, r.subject, r.attempts, r.last_error, r.given_up)
                for r in conn.execute(_LIST)
            ]

    def replay(self, event_id: str | None = None) -> int:
        """Let one event, or all of them, be tried again at once; how many there are."""
        with self._engine.begin() as conn:
            return conn.execute(_REPLAY, {"all": event_id is None, "event_id": event_id or ""}).rowcount

    def _deliver_together(self, due: Sequence[tuple[Subscription, Envelope]]) -> None:
        keys = [(subscription.name, uuid.UUID(one.delivery.id)) for subscription, one in due]
        with self._engine.begin() as conn:
            # In the same order everywhere, so that workers that were given the same events don't lock each other out.
            ordered = sorted(keys)
            rows = conn.execute(
                _CLAIM_MANY, {"handlers": [name for name, _ in ordered], "event_ids": [id_ for _, id_ in ordered]}
            )
            claimed = {(row.handler, row.event_id) for row in rows}
            outcomes, new = [], []
            for key, delivered in zip(keys, due, strict=True):
                outcomes.append("handled" if key in claimed else "duplicate")
                if key in claimed:
                    claimed.remove(key)
                    new.append(delivered)
            for together in _together(new):
                self._call(conn, together)
        for (name, _), outcome in zip(keys, outcomes, strict=True):
            self._count(name, outcome)

    def _deliver(self, subscription: Subscription, envelope: Envelope) -> None:
        try:
            with self._engine.begin() as conn:
                self._handle(conn, subscription, envelope)
        except Exception as error:
            if lost(error):
                raise
            with self._engine.begin() as conn:
                self._fail(conn, subscription.name, envelope, error)

    def _retry(self, conn: Connection, handler: str, envelope: Envelope) -> None:
        subscription = self._by_name.get(handler)
        if subscription is None:
            self._fail(conn, handler, envelope, LookupError(f"no handler is called {handler} any more"))
            return
        metrics.HANDLER_RETRIES.labels(self._service, handler).inc()
        try:
            with conn.begin_nested():
                self._handle(conn, subscription, envelope)
        except Exception as error:
            if lost(error):
                raise
            self._fail(conn, handler, envelope, error)
        else:
            conn.execute(_DONE, {"handler": handler, "event_id": uuid.UUID(envelope.delivery.id)})

    def _handle(self, conn: Connection, subscription: Subscription, envelope: Envelope) -> None:
        key = {"handler": subscription.name, "event_id": uuid.UUID(envelope.delivery.id)}
        if conn.execute(_CLAIM, key).one_or_none() is None:
            self._count(subscription.name, "duplicate")
            return
        self._call(conn, [(subscription, envelope)])
        self._count(subscription.name, "handled")

    def _call(self, conn: Connection, together: Sequence[tuple[Subscription, Envelope]]) -> None:
        now = time.time()
        for _, envelope in together:
            delivery = envelope.delivery
            self._age.observe(max(0.0, now - delivery.time.timestamp()), metrics.exemplar(delivery.traceparent))
        began = perf_counter()
        try:
            with contextlib.ExitStack() as spans:
                for subscription, envelope in together:
                    delivery, attributes = envelope.delivery, {"handler": subscription.name}
                    name = f"{delivery.type} handle"
                    spans.enter_context(tracing.span(name, SpanKind.CONSUMER, delivery.traceparent, attributes))
                events = [(each.message.FromString(envelope.body), envelope.delivery) for each, envelope in together]
                subscription = together[0][0]
                if len(events) > 1 and subscription.handle_many is not None:
                    subscription.handle_many(conn, events, self._cipher)
                else:
                    subscription.handle(conn, *events[0], self._cipher)
        finally:
            seconds = (perf_counter() - began) / len(together)
            for subscription, envelope in together:
                exemplar = metrics.exemplar(envelope.delivery.traceparent)
                self._seconds[subscription.name].observe(seconds, exemplar)

    def _fail(self, conn: Connection, handler: str, envelope: Envelope, error: Exception) -> None:
        delivery = envelope.delivery
        # Bytes that are no message today are none tomorrow.
        attempts = 1 if isinstance(error, DecodeError) else self._attempts
        row = conn.execute(
            _FAIL,
            {
                "handler": handler,
                "event_id": uuid.UUID(delivery.id),
                "type": delivery.type,
                "subject": delivery.subject,
                "time": delivery.time,
                "traceparent": delivery.traceparent,
                "body": envelope.body,
                # Beside the body, which holds more: an operator may know what a log may not.
                "error": f"{type(error).__name__}: {error}"[:2000],
                "attempts": attempts,
                "base": self._base,
            },
        ).one()
        self._count(handler, "parked" if row.given_up else "failed")
        log.warning(
            "handler failed",
            handler=handler,
            event_id=delivery.id,
            type=delivery.type,
            attempts=row.attempts,
            given_up=row.given_up,
            trace_id=delivery.traceparent[3:35],
            exc_info=error,
        )

    def _any_due(self) -> bool:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            return bool(conn.execute(_ANY_DUE).scalar_one())

    def _expire(self) -> None:
        values = {"types": list(self._retentions), "retentions": list(self._retentions.values())}
        with self._engine.begin() as conn:
            expired = Counter(conn.execute(_EXPIRE, values).scalars())
        for handler, events in expired.items():
            metrics.EVENTS_HANDLED.labels(self._service, handler, "expired").inc(events)
            log.error("parked events are dropped, as they may not be kept any longer", handler=handler, events=events)

    def _count(self, handler: str, outcome: str) -> None:
        metrics.EVENTS_HANDLED.labels(self._service, handler, outcome).inc()

    def _gauge(self) -> None:
        with self._engine.connect() as conn:
            found = {row.state: (row.events, row.age) for row in conn.execute(_COUNT)}
        for state in ("retrying", "parked"):
            events, age = found.get(state, (0, 0.0))
            metrics.EVENTS_PARKED.labels(self._service, state).set(events)
            metrics.PARKED_AGE.labels(self._service, state).set(age)


def _together(due: Sequence[tuple[Subscription, Envelope]]) -> Iterator[Sequence[tuple[Subscription, Envelope]]]:
    """Each by itself, in order, or with those behind it that a function handles together in their turn; then those that
    a function handles together after all others.
    """
    in_order: list[tuple[Subscription, Envelope]] = []
    last: dict[object, list[tuple[Subscription, Envelope]]] = {}
    for one in due:
        subscription = one[0]
        if subscription.handle_many is None or subscription.in_turn:
            in_order.append(one)
        else:
            last.setdefault(subscription.together, []).append(one)
    for together, following in groupby(in_order, key=lambda one: one[0].together):
        run = list(following)
        yield from [[one] for one in run] if together is None else [run]
    yield from last.values()
