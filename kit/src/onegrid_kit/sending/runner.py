"""Calls providers for what is due, and stores what the calls come to.

Many sendings are claimed in one transaction, prepared by the service, and their attempts recorded; once that is
committed, their calls run beside each other, and the outcomes of those that end at the same moment are stored together.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from time import perf_counter
from typing import Any, TypeVar

from opentelemetry.trace import SpanKind
from sqlalchemy import Connection, Engine

from onegrid_kit import metrics, tracing
from onegrid_kit.backoff import Backoff
from onegrid_kit.cipher import cipher
from onegrid_kit.clock import Clock
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.errors import Unavailable
from onegrid_kit.failures import is_conflict, lost
from onegrid_kit.logs import describe, log
from onegrid_kit.probes import Health
from onegrid_kit.sending import rounds
from onegrid_kit.sending.concluding import conclude, conclude_again
from onegrid_kit.sending.model import (
    AskedByAddress,
    Attempt,
    Conclusion,
    Context,
    Lane,
    LimitScope,
    Outcome,
    Outgoing,
    Result,
    Sender,
    State,
)
from onegrid_kit.sending.rounds import Call, Round
from onegrid_kit.sending.routing import Router, Upstream, candidates
from onegrid_kit.sending.rules import pause_s
from onegrid_kit.sending.store import claims, outcomes, sendings, unconcluded
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings

__all__ = ["NEEDS", "SendingRunner"]

T = TypeVar("T")

NEEDS = ("database",)
"""What its process lacks while it can't work."""

_TRIES = 4
_IDLE_S = (0.02, 0.2)
_PACE_S = 0.01
_PAUSE_S = (0.2, 5.0)
_MAINTAIN_S = 0.5
_MEASURE_S = 5.0
_OUTCOMES = 256


class SendingRunner:
    """Sends what a service has enqueued; replicas share the work. It lives in one event loop."""

    def __init__(
        self,
        service: str,
        engine: Engine,
        sender: Sender,
        settings: ServiceSettings,
        clock: Clock,
        health: Health | None = None,
    ) -> None:
        """Raises SettingsError if providers are set wrongly."""
        self._service = service
        self._engine = engine
        self._sender = sender
        self._settings = settings
        self._cipher = cipher(settings.cipher, settings.cipher_keys)
        self._clock = clock
        self._health = health or Health(*NEEDS)
        self._upstreams = [Upstream(provider) for provider in sender.providers(settings)]
        self._by_name = {upstream.provider.name: upstream for upstream in self._upstreams}
        if len(self._by_name) < len(self._upstreams):
            raise TypeError("two providers have the same name")
        self._outcomes: Coalescer[outcomes.Finished, None] = Coalescer(
            f"{service}_outcomes", self._flush, most=_OUTCOMES, pace_s=_PACE_S
        )
        self._calls: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._idle_s = _IDLE_S[0]
        self._unserved: set[str] = set()
        self._measured: set[tuple[str, str]] = set()
        self._measured_at = -math.inf
        for upstream in self._upstreams:
            metrics.SENDING_CALL_SECONDS.labels(service, upstream.provider.name)
            for outcome in (Outcome.ACCEPTED, Outcome.RETRYABLE, Outcome.FAILED, Outcome.UNKNOWN):
                metrics.SENDING_ATTEMPTS.labels(service, upstream.provider.name, outcome.lower())
            for scope in LimitScope:
                metrics.SENDINGS_DEFERRED.labels(service, upstream.provider.name, scope.lower())
            metrics.SENDINGS_DROPPED.labels(service, upstream.provider.channel, State.EXPIRED)
        for part in ("prepare", "concluded"):
            metrics.SENDING_FAULTS.labels(service, part)

    @classmethod
    def of(
        cls, service: Service, settings: ServiceSettings, engine: Engine, clock: Clock, health: Health | None = None
    ) -> SendingRunner | None:
        """The runner of a service that sends. Raises SettingsError."""
        sender = service.load_sender()
        return None if sender is None else cls(service.name, engine, sender, settings, clock, health)

    async def run(self, stopping: asyncio.Event, grace_s: float) -> None:
        """Send until `stopping` is set; then begin no more calls, and let those that run end within the grace."""
        log.info("sender sends", providers=sorted(self._by_name))
        try:
            await asyncio.gather(self._keep(self._claim_once, stopping), self._keep(self._maintain_once, stopping))
            if self._calls:
                log.info("sender drains", calls=len(self._calls))
                await asyncio.wait(self._calls, timeout=grace_s)
        finally:
            # What nobody waits for any more has an unknown outcome, which is stored if the database answers.
            for task in self._calls:
                task.cancel()
            if self._calls:
                await asyncio.wait(self._calls, timeout=_PAUSE_S[1])
            for upstream in self._upstreams:
                with contextlib.suppress(Exception):
                    await upstream.provider.close()

    def measure(self, conn: Connection) -> None:
        """Export what waits, and what nobody has resolved."""
        waiting, unresolved = sendings.measure(conn, self._clock.now())
        self._unserved = {channel for channel, _ in waiting} - {each.provider.channel for each in self._upstreams}
        self._measured |= {
            *waiting,
            *((upstream.provider.channel, lane.name.lower()) for upstream in self._upstreams for lane in Lane),
        }
        for channel, lane in self._measured:
            count, late_s = waiting.get((channel, lane), (0, 0.0))
            metrics.SENDINGS_WAITING.labels(self._service, channel, lane).set(count)
            metrics.SENDINGS_LATE.labels(self._service, channel, lane).set(late_s)
        for state in (State.FAILED, State.UNKNOWN):
            metrics.SENDINGS_UNRESOLVED.labels(self._service, state.lower()).set(unresolved.get(state, 0))
        metrics.SENDINGS_UNRESOLVED.labels(self._service, "unconcluded").set(unconcluded.count(conn))

    async def _keep(self, once: Callable[[], Awaitable[float]], stopping: asyncio.Event) -> None:
        """Do it again and again, through losses of the database."""
        backoff = Backoff(*_PAUSE_S)
        while not stopping.is_set():
            try:
                wait_s = await once()
                self._health.set("database", True)
                backoff.reset()
            except Exception as error:
                self._health.set("database", False)
                wait_s = backoff.next_pause_s()
                away = isinstance(error, Unavailable)
                log.warning(
                    "sender interrupted", error=describe(error), pause_s=wait_s, exc_info=None if away else error
                )
            self._health.beat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), wait_s)

    # Claims

    async def _claim_once(self) -> float:
        """Begin what is due and has room; how long to wait before the next time."""
        router = Router(self._upstreams)
        wanted = router.wanted()
        if not wanted:
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), _IDLE_S[1])
            return 0.0
        try:
            done = await self._in_transaction(lambda conn: self._take(conn, router, wanted, one_by_one=False))
        except Unavailable:
            raise
        except Exception as error:
            # By the service's fault, or the sending's: it must not keep others from being sent.
            metrics.SENDING_FAULTS.labels(self._service, "prepare").inc()
            log.error("sendings not prepared", exc_info=error)
            done = await self._in_transaction(lambda conn: self._take(conn, router, wanted, one_by_one=True))
        for call in done.calls:
            self._begin(call)
        self._count(done)
        self._idle_s = _IDLE_S[0] if done.claimed else min(self._idle_s * 2, _IDLE_S[1])
        return _PACE_S if done.claimed else self._idle_s

    def _take(self, conn: Connection, router: Router, wanted: Sequence[claims.Claim], *, one_by_one: bool) -> Round:
        return rounds.take(conn, self._sender, router, wanted, self._context(), self._conclude, one_by_one=one_by_one)

    def _count(self, done: Round) -> None:
        for outgoing, code in done.dropped:
            metrics.SENDINGS_DROPPED.labels(self._service, outgoing.channel, code).inc()
        for each in done.ended:
            if each.sending.state is State.EXPIRED:
                metrics.SENDINGS_DROPPED.labels(self._service, each.sending.channel, State.EXPIRED).inc()
        for upstream, outgoing, scope, wait_s in done.limited:
            metrics.SENDINGS_DEFERRED.labels(self._service, upstream.provider.name, scope.lower()).inc()
            if scope is LimitScope.PROVIDER:
                for lane in Lane:
                    if lane >= outgoing.lane:
                        upstream.full_until[lane] = time.monotonic() + wait_s
        for outgoing, error in done.unprepared:
            log.warning("sending not prepared", sending=outgoing.id, kind=outgoing.kind, error=describe(error))

    # Calls

    def _begin(self, call: Call) -> None:
        call.upstream.running += 1
        self._spawn(self._call(call))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, call: Call) -> None:
        try:
            result = await self._result_of(call)
        finally:
            call.upstream.running -= 1
            self._freed.set()
        call.upstream.learn(result)
        metrics.SENDING_ATTEMPTS.labels(self._service, call.upstream.provider.name, result.outcome.lower()).inc()
        await self._store(outcomes.Finished(call.outgoing.id, call.attempt.number, result))

    async def _result_of(self, call: Call) -> Result:
        name = call.upstream.provider.name
        began = perf_counter()
        try:
            with tracing.span(
                f"{call.outgoing.channel} send", SpanKind.CLIENT, call.outgoing.traceparent, {"provider": name}
            ):
                async with asyncio.timeout(self._sender.call_s):
                    return await call.upstream.provider.send(call.outgoing, call.message, call.attempt)
        except TimeoutError:
            return Result.unknown("NO_ANSWER")
        except asyncio.CancelledError:
            return Result.unknown("INTERRUPTED")
        except Exception as error:
            log.exception("provider failed", provider=name, sending=call.outgoing.id, error=describe(error))
            return Result.unknown("PROVIDER_FAILED")
        finally:
            metrics.SENDING_CALL_SECONDS.labels(self._service, name).observe(perf_counter() - began)

    # Outcomes

    async def _store(self, finished: outcomes.Finished) -> None:
        """Until it is stored: what is known must not become UNKNOWN because the database is away for a while."""
        backoff = Backoff(*_PAUSE_S)
        while True:
            try:
                await self._outcomes.submit(finished)
                return
            except Unavailable:
                await asyncio.sleep(backoff.next_pause_s())
            except Exception as error:
                if is_conflict(error):
                    await asyncio.sleep(backoff.next_pause_s())
                    continue
                # What becomes of it is not known any more: it is UNKNOWN at its deadline.
                log.error("outcome not stored", sending=finished.sending, exc_info=error)
                return

    async def _flush(self, finished: Sequence[outcomes.Finished]) -> Sequence[None]:
        await self._in_transaction(lambda conn: self._finish(conn, finished))
        return [None] * len(finished)

    def _finish(self, conn: Connection, finished: Sequence[outcomes.Finished]) -> None:
        context = self._context()
        self._conclude(conn, outcomes.finish(conn, finished, context.now, self._retry_s), context)

    def _conclude(self, conn: Connection, learned: Sequence[Conclusion], context: Context) -> None:
        conclude(conn, self._service, self._sender, learned, context)

    def _retry_s(self, outgoing: Outgoing, result: Result) -> float | None:
        if outgoing.tries >= self._sender.attempts:
            return None
        providers = len(candidates(self._upstreams, outgoing.channel, outgoing.district)) or 1
        if outgoing.tries % providers:
            # Another provider is next, and it has not failed yet.
            return 0.0
        return self._pause_s(math.ceil(outgoing.tries / providers), result.retry_after_s)

    def _pause_s(self, tries: int, at_least_s: float | None = None) -> float:
        return pause_s(tries, self._sender.retry_base_s, self._sender.retry_most_s, at_least_s)

    # What is left over

    async def _maintain_once(self) -> float:
        """Learn what calls of others have left open, and what receipts and providers say of it."""
        failed = None
        for part in (
            self._end_overdue,
            self._receive_early,
            self._conclude_again,
            self._ask_unknown,
            self._measure,
            self._turn_away,
        ):
            try:
                await part()
            except Unavailable:
                raise
            except Exception as error:
                # None of them keeps another from its turn.
                failed = failed or error
        if failed is not None:
            raise failed
        return _MAINTAIN_S

    async def _end_overdue(self) -> None:
        def end(conn: Connection) -> Sequence[Attempt]:
            attempts = outcomes.overdue(conn)
            unknown = Result.unknown("NO_OUTCOME")
            self._finish(conn, [outcomes.Finished(each.sending, each.number, unknown) for each in attempts])
            return attempts

        for attempt in await self._in_transaction(end):
            log.warning("attempt without outcome", sending=attempt.sending, provider=attempt.provider)
            metrics.SENDING_ATTEMPTS.labels(self._service, attempt.provider, Outcome.UNKNOWN.lower()).inc()

    async def _receive_early(self) -> None:
        def receive(conn: Connection) -> None:
            context = self._context()
            self._conclude(conn, outcomes.receive_early(conn, context.now), context)

        await self._in_transaction(receive)

    async def _conclude_again(self) -> None:
        await self._in_transaction(lambda conn: conclude_again(conn, self._service, self._sender, self._context()))

    async def _ask_unknown(self) -> None:
        names = list(self._by_name)
        for attempt, address in await self._in_transaction(lambda conn: outcomes.to_ask(conn, names)):
            self._spawn(self._ask(attempt, address))

    async def _turn_away(self) -> None:
        """End what waits in channels that no provider here serves."""
        if self._unserved:
            self._count(
                await self._in_transaction(
                    lambda conn: rounds.turn_away(conn, self._unserved, self._context(), self._conclude)
                )
            )

    async def _measure(self) -> None:
        if time.monotonic() - self._measured_at > _MEASURE_S:
            self._measured_at = time.monotonic()
            await self._in_transaction(self.measure)

    async def _ask(self, attempt: Attempt, sealed_address: bytes | None) -> None:
        provider = self._by_name[attempt.provider].provider
        try:
            async with asyncio.timeout(self._sender.call_s):
                if isinstance(provider, AskedByAddress) and sealed_address is not None:
                    address = self._cipher.decrypt(sealed_address, rounds.SEALED_FOR)
                    result = await provider.ask_by_address(attempt, address)
                else:
                    result = await provider.ask(attempt)
        except Exception as error:
            log.info("provider not asked", provider=attempt.provider, error=describe(error))
            return
        if result is not None:
            await self._store(outcomes.Finished(attempt.sending, attempt.number, result))

    def _context(self) -> Context:
        return Context(self._settings, self._cipher, self._clock.now())

    async def _in_transaction(self, do: Callable[[Connection], T]) -> T:
        """In a thread. Raises Unavailable if the database is away."""

        def run() -> T:
            with self._engine.begin() as conn:
                return do(conn)

        for attempt in range(_TRIES):
            try:
                return await asyncio.to_thread(run)
            except Exception as error:
                if lost(error):
                    raise Unavailable("the database does not answer just now") from error
                if not is_conflict(error) or attempt == _TRIES - 1:
                    raise
            await asyncio.sleep(0.01 * 2**attempt)
        raise AssertionError
