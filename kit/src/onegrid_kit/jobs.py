"""Timed jobs: in the one replica that leads, or in each.

The leader holds a lease. One that hangs in the middle of a job loses it; PostgreSQL ends its transaction, whose locks
would keep its successor from the job, and what it still does when it goes on is not committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from onegrid_kit import metrics
from onegrid_kit.backoff import Backoff
from onegrid_kit.clock import Clock
from onegrid_kit.lease import Lease
from onegrid_kit.logs import log

__all__ = ["Job", "Schedule", "run_job"]

_RETRY_S = (1.0, 60.0)
# Longer than the lease: a job that is only slow is not ended between two statements.
_END_IF_IDLE = text("SET LOCAL idle_in_transaction_session_timeout = '10s'")


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again."""

    name: str
    every: timedelta
    run: Callable[[Connection, datetime], None]
    """Called with a transaction and the domain's time."""
    in_each_replica: bool = False
    """Run beside each other, not by the leader alone: for measuring, since each replica has metrics of its own."""


def run_job(service: str, engine: Engine, job: Job, now: datetime, lease: Lease | None = None) -> bool:
    """Run the job in a transaction; False if it failed, which is logged and counted.

    With a lease, the transaction is committed only if the lease was not lost meanwhile.
    """
    try:
        with _fenced(engine, lease) if lease else engine.begin() as conn:
            job.run(conn, now)
    except Exception:
        metrics.JOB_RUNS.labels(service, job.name, "failed").inc()
        log.exception("job failed", job=job.name)
        return False
    metrics.JOB_RUNS.labels(service, job.name, "done").inc()
    metrics.JOB_SUCCESS.labels(service, job.name).set(time.time())
    return True


@contextmanager
def _fenced(engine: Engine, lease: Lease) -> Iterator[Connection]:
    with lease.renewed(), engine.begin() as conn:
        conn.execute(_END_IF_IDLE)
        yield conn
        lease.require(conn)


class Schedule:
    """Runs jobs as they fall due, for a loop that asks it now and then. All are due at first.

    One that failed is tried again soon, with growing pauses, not only after its interval. The jobs of a replica that
    stands by remain due, so that it runs them as soon as it leads.
    """

    def __init__(self, service: str, engine: Engine, jobs: Sequence[Job], clock: Clock) -> None:
        self._service = service
        self._engine = engine
        self._clock = clock
        self._lease = Lease(engine, "jobs")
        self._leads: bool | None = None
        self._due = dict.fromkeys(jobs, 0.0)
        self._backoff = {job: Backoff(*_RETRY_S) for job in jobs}
        for job in jobs:
            metrics.JOB_INTERVAL.labels(service, job.name).set(job.every.total_seconds())
            metrics.JOB_SUCCESS.labels(service, job.name).set(time.time())
            for outcome in ("done", "failed"):
                metrics.JOB_RUNS.labels(service, job.name, outcome)

    def run_due(self, monotonic: float) -> None:
        """Run what is due at this moment of the machine's monotonic clock, in seconds.

        Raises if the database does not answer who leads.
        """
        self._acquire()
        for job, due in self._due.items():
            if monotonic >= due and (job.in_each_replica or self._lease.held):
                wait_s = job.every.total_seconds()
                lease = None if job.in_each_replica else self._lease
                if run_job(self._service, self._engine, job, self._clock.now(), lease):
                    self._backoff[job].reset()
                else:
                    wait_s = min(wait_s, self._backoff[job].next_pause_s())
                self._due[job] = monotonic + wait_s

    def release(self) -> None:
        """Let another replica lead at once, not when the lease expires; without the database it expires."""
        if self._lease.held:
            with suppress(Exception):
                self._lease.release()

    def _acquire(self) -> None:
        if not self._lease.due:
            return
        leads = self._lease.acquire()
        if leads != self._leads:
            log.info("jobs are run here" if leads else "jobs are run elsewhere", leader=self._lease.holder())
        self._leads = leads
