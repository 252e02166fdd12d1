"""Timed jobs, each in one replica at a time."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from onegrid_kit import metrics
from onegrid_kit.backoff import Backoff
from onegrid_kit.clock import Clock
from onegrid_kit.logs import log

__all__ = ["Job", "Schedule", "run_job"]

_RETRY_S = (1.0, 60.0)


@dataclass(frozen=True, slots=True)
class Job:
    """Something done again and again, in one replica at a time."""

    name: str
    every: timedelta
    run: Callable[[Connection, datetime], None]
    """Called with a transaction and the domain's time."""


def run_job(service: str, engine: Engine, job: Job, now: datetime) -> bool:
    """Run the job in a transaction, unless another replica is at it; False if it failed, which is logged and counted.

    A replica that hangs in the middle keeps the job for a minute: then PostgreSQL ends its idle transaction.
    """
    key = zlib.crc32(f"{service} {job.name}".encode())
    try:
        with engine.begin() as conn:
            if conn.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": key}).scalar_one():
                job.run(conn, now)
    except Exception:
        metrics.JOB_RUNS.labels(service, job.name, "failed").inc()
        log.exception("job failed", job=job.name)
        return False
    metrics.JOB_RUNS.labels(service, job.name, "done").inc()
    metrics.JOB_SUCCESS.labels(service, job.name).set(time.time())
    return True


class Schedule:
    """Runs jobs as they fall due, for a loop that asks it now and then. All are due at first.

    One that failed is tried again soon, with growing pauses, not only after its interval.
    """

    def __init__(self, service: str, engine: Engine, jobs: Sequence[Job], clock: Clock) -> None:
        self._service = service
        self._engine = engine
        self._clock = clock
        self._due = dict.fromkeys(jobs, 0.0)
        self._backoff = {job: Backoff(*_RETRY_S) for job in jobs}
        for job in jobs:
            metrics.JOB_INTERVAL.labels(service, job.name).set(job.every.total_seconds())
            metrics.JOB_SUCCESS.labels(service, job.name).set(time.time())
            for outcome in ("done", "failed"):
                metrics.JOB_RUNS.labels(service, job.name, outcome)

    def run_due(self, monotonic: float) -> None:
        """Run what is due at this moment of the machine's monotonic clock, in seconds."""
        for job, due in self._due.items():
            if monotonic >= due:
                wait_s = job.every.total_seconds()
                if run_job(self._service, self._engine, job, self._clock.now()):
                    self._backoff[job].reset()
                else:
                    wait_s = min(wait_s, self._backoff[job].next_pause_s())
                self._due[job] = monotonic + wait_s
