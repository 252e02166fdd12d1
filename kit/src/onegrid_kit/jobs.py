"""Timed jobs, each in one replica at a time."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, text

from onegrid_kit import metrics
from onegrid_kit.clock import Clock
from onegrid_kit.events import Job
from onegrid_kit.logs import log

__all__ = ["Schedule", "run_job"]


def run_job(service: str, engine: Engine, job: Job, now: datetime) -> None:
    """Run the job in a transaction, unless another replica is at it. A failure is logged and counted."""
    key = zlib.crc32(f"{service} {job.name}".encode())
    try:
        with engine.begin() as conn:
            if conn.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": key}).scalar_one():
                job.run(conn, now)
    except Exception:
        metrics.JOB_RUNS.labels(service, job.name, "failed").inc()
        log.exception("job failed", job=job.name)
    else:
        metrics.JOB_RUNS.labels(service, job.name, "done").inc()
        metrics.JOB_SUCCESS.labels(service, job.name).set(time.time())


class Schedule:
    """Runs jobs as they fall due, for a loop that asks it now and then. All are due at first."""

    def __init__(self, service: str, engine: Engine, jobs: Sequence[Job], clock: Clock) -> None:
        self._service = service
        self._engine = engine
        self._clock = clock
        self._due = dict.fromkeys(jobs, 0.0)
        for job in jobs:
            metrics.JOB_INTERVAL.labels(service, job.name).set(job.every.total_seconds())
            metrics.JOB_SUCCESS.labels(service, job.name).set(time.time())
            for outcome in ("done", "failed"):
                metrics.JOB_RUNS.labels(service, job.name, outcome)

    def run_due(self, monotonic: float) -> None:
        """Run what is due at this moment of the machine's monotonic clock, in seconds."""
        for job, due in self._due.items():
            if monotonic >= due:
                self._due[job] = monotonic + job.every.total_seconds()
                run_job(self._service, self._engine, job, self._clock.now())
