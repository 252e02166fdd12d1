"""The carrier of a single process: takes events from the outboxes to the same handlers, without a broker.

It is relay and worker in one thread a service, and calls the same inboxes; handlers see no difference.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from sqlalchemy import Engine

from onegrid_kit import metrics
from onegrid_kit.announcing import announce_to
from onegrid_kit.backoff import Backoff
from onegrid_kit.clock import Clock
from onegrid_kit.contracts import served_by, subscribers_of
from onegrid_kit.events import Envelope
from onegrid_kit.inbox import Inbox
from onegrid_kit.jobs import Schedule
from onegrid_kit.ladder import Climber
from onegrid_kit.lease import Lease
from onegrid_kit.logs import describe, log
from onegrid_kit.outbox import Outbox, measure
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.steps import StepRunner

__all__ = ["Member", "Pump"]

_BATCH = 50

_IDLE_S = (0.005, 0.1)
_PAUSE_S = (0.2, 5.0)
_TICK_S = 0.5
_MEASURE_S = 5.0


class Member:
    """A service that the pump carries for: its outbox, inbox, jobs, work and ladders."""

    def __init__(self, service: Service, settings: ServiceSettings, engine: Engine, clock: Clock) -> None:
        self.name = service.name
        self.engine = engine
        self.inbox = Inbox.of(service, settings, engine)
        self.schedule = Schedule(service.name, engine, service.load_jobs(settings), clock)
        self.steps = StepRunner.of(service, settings, engine, clock)
        self.climber = Climber.of(service, settings, engine, clock)
        self.current = service.load_current()


class Pump:
    """Carries events between services of this process, from start to stop."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[member], name=f"pump-{member.name}", daemon=True)
            for member in members
        ]

    def start(self) -> None:
        """Begin to carry."""
        for thread in self._threads:
            thread.start()
        for member in self._members:
            member.steps.start()
            member.climber.start()

    def stop(self) -> None:
        """Finish what is being handled, and end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=10)
        for member in self._members:
            member.steps.stop()
            member.climber.stop()

    def _run(self, member: Member) -> None:
        backoff = Backoff(*_PAUSE_S)
        while not self._stopping.is_set():
            try:
                self._carry(member)
            except Exception as error:
                pause = backoff.next_pause_s()
                log.warning("pump interrupted", member=member.name, error=describe(error), pause_s=pause)
                self._stopping.wait(pause)

    def _carry(self, member: Member) -> None:
        lease = Lease(member.engine, "relay")
        while not (self._stopping.is_set() or lease.acquire()):
            self._stopping.wait(0.5)
        leader = metrics.RELAY_LEADER.labels(member.name)
        leader.set(1)
        outbox = Outbox(member.name, member.engine)
        try:
            self._announce_to_new(member)
            idle = _IDLE_S[0]
            ticked = measured = 0.0
            while not self._stopping.is_set() and (not lease.due or lease.acquire()):
                pending = outbox.pending()
                for some in _batched(pending):
                    for other in self._members:
                        other.inbox.deliver([envelope for _, envelope in some])
                    outbox.forget(some)
                    if self._stopping.is_set():
                        return
                if time.monotonic() - measured > _MEASURE_S:
                    measured = time.monotonic()
                    # Before it tries again what may not be kept any more.
                    member.inbox.measure()
                    member.steps.measure()
                    member.climber.measure()
                    measure(member.name, member.engine)
                if time.monotonic() - ticked > _TICK_S:
                    ticked = time.monotonic()
                    member.schedule.run_due(ticked)
                    member.inbox.retry_due()
                idle = _IDLE_S[0] if pending else min(idle * 2, _IDLE_S[1])
                if not pending:
                    self._stopping.wait(idle)
        finally:
            leader.set(0)
            outbox.close()
            member.schedule.release()
            lease.release()

    def _announce_to_new(self, member: Member) -> None:
        names = frozenset(each.name for each in self._members)
        expected = {
            event_type: [name for name in who if served_by(name) in names]
            for event_type, who in subscribers_of(member.name).items()
        }
        with member.engine.begin() as conn:
            announce_to(conn, member.current, expected)


def _batched(pending: Sequence[tuple[int, Envelope]]) -> Iterator[Sequence[tuple[int, Envelope]]]:
    """As many at once as may share a transaction."""
    for start in range(0, len(pending), _BATCH):
        yield pending[start : start + _BATCH]
