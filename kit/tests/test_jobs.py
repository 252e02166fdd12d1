"""When jobs run, and run again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from onegrid_kit.clock import SystemClock
from onegrid_kit.jobs import Job, Schedule


def test_a_job_that_failed_is_tried_again_soon_and_not_after_its_interval(engine: Engine) -> None:
    runs: list[datetime] = []

    def fail_twice(_: Connection, now: datetime) -> None:
        runs.append(now)
        if len(runs) < 3:
            raise ConnectionError("the database is away")

    schedule = Schedule("test", engine, [Job("fail twice", timedelta(hours=6), fail_twice)], SystemClock())
    for second, count in ((0, 1), (0.5, 1), (1.5, 2), (2, 2), (4, 3), (60, 3), (21_599, 3), (21_605, 4)):
        schedule.run_due(1000.0 + second)
        assert len(runs) == count, second
    assert runs[0].tzinfo is UTC
