"""When jobs run, and run again, and where."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, Engine, text

from onegrid_kit.clock import SystemClock
from onegrid_kit.jobs import Job, Schedule, run_job
from onegrid_kit.lease import Lease
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import eventually

from . import roles
from .calls import count

NOW = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
ALWAYS = timedelta(0)


class Worker(NamedTuple):
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def leads(self) -> bool:
        """Whether its newest message about it says so."""
        lines = [line for line in self.log.read_text().splitlines() if "jobs are run " in line]
        return bool(lines) and "jobs are run here" in lines[-1]


@contextmanager
def workers(database_url: str, broker: RabbitServer, folder: Path) -> Iterator[tuple[Worker, Worker]]:
    """Two, of which the first leads."""
    environ = roles.environment(database_url, broker.url)
    assert roles.run(environ, "migrate").returncode == 0
    with ExitStack() as stack:
        made = []
        for name in ("first", "second"):
            log = folder / name
            made.append(Worker(stack.enter_context(roles.running(environ, "worker", log=log)), log))
            eventually(lambda log=log: log.exists() and "jobs are run " in log.read_text())
        first, second = made
        assert first.leads
        assert not second.leads
        yield first, second


def wait_for_ticks(engine: Engine) -> None:
    """Wait until the job ran twice more."""
    before = count(engine, "tick")
    eventually(lambda: count(engine, "tick") >= before + 2)


def backend_of_tick(engine: Engine) -> int:
    """The PostgreSQL process of the transaction that is in the midst of the job; 0 if there is none."""
    held = text(
        "SELECT pid FROM pg_locks WHERE relation = 'tick'::regclass AND mode = 'ShareRowExclusiveLock' AND granted"
    )
    with engine.connect() as conn:
        return int(conn.execute(held).scalar_one_or_none() or 0)


def test_a_job_that_failed_is_tried_again_soon_and_not_after_its_interval(engine: Engine) -> None:
    runs: list[datetime] = []

    def fail_twice(_: Connection, now: datetime) -> None:
        runs.append(now)
        if len(runs) < 3:
            raise ConnectionError("the database is away")

    schedule = Schedule("test", engine, [Job("fail twice", timedelta(hours=6), fail_twice)], SystemClock())
    for second, times in ((0, 1), (0.5, 1), (1.5, 2), (2, 2), (4, 3), (60, 3), (21_599, 3), (21_605, 4)):
        schedule.run_due(1000.0 + second)
        assert len(runs) == times, second
    assert runs[0].tzinfo is UTC


def test_one_replica_runs_the_jobs_and_each_one_measures(engine: Engine) -> None:
    runs: list[str] = []

    def replica(name: str) -> Schedule:
        jobs = (
            Job("work", ALWAYS, lambda *_: runs.append(f"{name} works")),
            Job("measure", ALWAYS, lambda *_: runs.append(f"{name} measures"), in_each_replica=True),
        )
        return Schedule("test", engine, jobs, SystemClock())

    one, other = replica("one"), replica("other")
    for schedule in (one, other, one, other):
        schedule.run_due(1000.0)
    assert runs == ["one works", "one measures", "other measures"] * 2
    runs.clear()
    one.release()
    other.run_due(1000.0)
    one.run_due(1000.0)
    assert runs == ["other works", "other measures", "one measures"]


def test_the_lease_is_renewed_while_a_job_lasts(engine: Engine) -> None:
    lease = Lease(engine, "jobs")
    assert lease.acquire()

    def ends() -> datetime:
        with engine.connect() as conn:
            end: datetime = conn.execute(text("SELECT expire_time FROM lease")).scalar_one()
            return end

    def last(*_: object) -> None:
        at_first = ends()
        eventually(lambda: ends() > at_first)

    assert run_job("test", engine, Job("last", ALWAYS, last), NOW, lease)


@pytest.mark.parametrize("successor_leads", [True, False])
def test_a_job_is_undone_if_another_replica_has_led_meanwhile(engine: Engine, successor_leads: bool) -> None:
    lease, successor = Lease(engine, "jobs"), Lease(engine, "jobs")
    assert lease.acquire()

    def acquired() -> bool:
        with engine.begin() as conn:
            conn.execute(text("UPDATE lease SET expire_time = clock_timestamp()"))
        return successor.acquire()

    def lose(conn: Connection, _: datetime) -> None:
        conn.execute(text("INSERT INTO fault VALUES ('by the one that hung')"))
        eventually(acquired)
        if not successor_leads:
            successor.release()

    assert not run_job("test", engine, Job("lose", ALWAYS, lose), NOW, lease)
    assert count(engine, "fault") == 0
    assert not lease.held


def test_a_worker_that_hangs_between_jobs_is_replaced_and_stands_by_when_it_goes_on(
    engine: Engine, database_url: str, empty_broker: RabbitServer, tmp_path: Path
) -> None:
    with workers(database_url, empty_broker, tmp_path) as (first, second):
        wait_for_ticks(engine)
        first.process.send_signal(signal.SIGSTOP)
        eventually(lambda: second.leads)
        wait_for_ticks(engine)
        first.process.send_signal(signal.SIGCONT)
        eventually(lambda: not first.leads)
        assert second.leads
        wait_for_ticks(engine)


def test_a_worker_that_hangs_in_a_job_is_replaced_and_does_no_harm_when_it_goes_on(
    engine: Engine, database_url: str, empty_broker: RabbitServer, tmp_path: Path
) -> None:
    with workers(database_url, empty_broker, tmp_path) as (first, second):
        with engine.begin() as conn:
            conn.execute(text("INSERT INTO fault VALUES ('hang')"))
            conn.execute(text("LOCK TABLE tick"))
            conn.execute(text("TRUNCATE tick"))
        eventually(lambda: backend_of_tick(engine) != 0)
        hung = backend_of_tick(engine)
        first.process.send_signal(signal.SIGSTOP)
        with engine.begin() as conn:
            conn.execute(text("DELETE FROM fault"))
        eventually(lambda: count(engine, "tick") > 0)
        assert second.leads
        first.process.send_signal(signal.SIGCONT)
        eventually(lambda: "job failed" in first.log.read_text() and not first.leads)
        wait_for_ticks(engine)
        with engine.connect() as conn:
            backends = set(conn.execute(text("SELECT backend FROM tick")).scalars())
    assert hung not in backends


def test_a_worker_that_ends_lets_another_one_run_the_jobs_at_once(
    engine: Engine, database_url: str, empty_broker: RabbitServer, tmp_path: Path
) -> None:
    with workers(database_url, empty_broker, tmp_path) as (first, second):
        wait_for_ticks(engine)
        first.process.terminate()
        assert first.process.wait() == 0
        with engine.connect() as conn:
            lease = conn.execute(text("SELECT holder, expire_time <= clock_timestamp() AS free FROM lease")).one()
        assert lease.free or f"/{second.process.pid}/" in lease.holder
