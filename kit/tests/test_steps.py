"""Work in steps: each piece is done once, whatever fails, is stopped or killed meanwhile."""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import Connection, Engine, text

from onegrid_kit import housekeeping, steps, tracing
from onegrid_kit.clock import SystemClock
from onegrid_kit.database import Database, sync_engine
from onegrid_kit.steps import Progress, State, StepRunner, Steps, Work
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.sessions import IN_TRANSACTION, WAITS_FOR_LOCK, sessions
from onegrid_kit.testing.waiting import HANG_S, eventually

from . import roles
from .calls import CIPHER, TRACE, announce, count
from .carriers import Carrier
from .sample.steps import STEPS
from .stepping import stepping

NUMBERS = itertools.count()


def a_runner(engine: Engine, kinds: Sequence[Steps] = STEPS, *, retry_base_s: float = 0.0) -> StepRunner:
    """One that gives a step three attempts, by default without pauses."""
    return StepRunner("toy", engine, kinds, SystemClock(), attempts=3, retry_base_s=retry_base_s)


def start(engine: Engine, work_id: str = "", *, numbers: int = 6, size: int = 2, **given: Any) -> str:
    """Start to fill numbers, so many a step; the id."""
    work_id = work_id or f"work {next(NUMBERS)}"
    with engine.begin() as conn:
        assert steps.start(
            conn, "fill", work_id, subject="things/1", parameters={"numbers": numbers, "size": size}, **given
        )
    return work_id


def of(engine: Engine, work_id: str) -> Work:
    """The work as it stands."""
    with engine.connect() as conn:
        found = steps.find(conn, work_id)
    assert found is not None
    return found


def do(engine: Engine, act: Callable[[Connection, str], bool], work_id: str) -> bool:
    """Stop or resume, in a transaction."""
    with engine.begin() as conn:
        return act(conn, work_id)


def effects(engine: Engine, work_id: str) -> list[int]:
    """The numbers that the work has done, in their order."""
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT name FROM effect WHERE name LIKE :of"), {"of": f"{work_id} %"})
        return sorted(int(row.name.rsplit(" ", 1)[1]) for row in rows)


def fault(engine: Engine, work_id: str, *, there: bool = True) -> None:
    """Make steps of this work fail, or succeed again."""
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM fault WHERE said = :id"), {"id": work_id})
        if there:
            conn.execute(text("INSERT INTO fault VALUES (:id)"), {"id": work_id})


def value(name: str, **labels: str) -> float | None:
    """The metric's value for the toy's work."""
    return REGISTRY.get_sample_value(name, {"service": "toy", "kind": "fill", **labels})


def test_work_is_done_step_by_step_and_its_progress_can_be_read(engine: Engine) -> None:
    runner, work_id = a_runner(engine), start(engine, numbers=5, total=5)
    stands = []
    while True:
        work = of(engine, work_id)
        stands.append((work.state, work.done, work.total, dict(work.cursor), len(effects(engine, work_id))))
        if not runner.step():
            break
    assert stands == [
        (State.RUNNING, 0, 5, {}, 0),
        (State.RUNNING, 2, 5, {"last": 2}, 2),
        (State.RUNNING, 4, 5, {"last": 4}, 4),
        (State.DONE, 5, 5, {"last": 5}, 5),
    ]
    assert effects(engine, work_id) == [1, 2, 3, 4, 5]
    assert work.step_time is not None
    assert work.end_time is not None
    assert work.end_time >= work.step_time >= work.create_time


def test_work_starts_with_its_transaction_and_once(engine: Engine) -> None:
    with engine.connect() as conn:
        assert steps.start(conn, "fill", "undone", subject="things/1")
        conn.rollback()
        assert steps.find(conn, "undone") is None
        assert not a_runner(engine).step()
    work_id = start(engine)
    assert a_runner(engine).step()
    with engine.begin() as conn:
        assert not steps.start(conn, "fill", work_id, subject="things/2", parameters={"numbers": 1, "size": 1})
    work = of(engine, work_id)
    assert (work.subject, work.done, work.parameters) == ("things/1", 2, {"numbers": 6, "size": 2})


async def test_an_api_s_command_starts_stops_and_resumes_work(database_url: str, engine: Engine) -> None:
    """The same functions over the api's driver."""
    database = Database("toy", database_url, CIPHER)
    given = {"parameters": {"numbers": 3, "size": 2, "deep": [{"name": "中山路"}, None]}, "total": 3, "urgent": True}
    assert await database.write(lambda conn: steps.start(conn, "fill", "a", subject="things/1", **given))
    assert not await database.write(lambda conn: steps.start(conn, "fill", "a", subject="things/1", **given))
    assert a_runner(engine).step()
    work = await database.read(lambda conn: steps.find(conn, "a"))
    assert work == of(engine, "a")
    assert (work.parameters, work.cursor, work.done, work.total) == (given["parameters"], {"last": 2}, 2, 3)
    assert await database.write(lambda conn: steps.stop(conn, "a"))
    assert not a_runner(engine).step()
    assert await database.write(lambda conn: steps.resume(conn, "a"))
    assert a_runner(engine).step()
    assert await database.read(steps.unfinished) == []
    await database.close()


def test_big_works_share_fairly_and_urgent_work_is_next(engine: Engine) -> None:
    runner = a_runner(engine)
    first, second = start(engine), start(engine)
    order = []

    def step() -> None:
        before = {each: of(engine, each).done for each in works}
        assert runner.step()
        order.extend(each for each in works if of(engine, each).done > before[each])

    works = [first, second]
    for _ in range(3):
        step()
    works.append(urgent := start(engine, numbers=3, urgent=True))
    for _ in range(5):
        step()
    assert order == [first, second, first, urgent, urgent, second, first, second]
    assert not runner.step()


def test_a_failed_step_is_undone_and_tried_again_until_the_work_has_failed(engine: Engine) -> None:
    runner, work_id = a_runner(engine), start(engine)
    assert runner.step()
    fault(engine, work_id)
    for attempts, state in ((1, State.RUNNING), (2, State.RUNNING), (3, State.FAILED)):
        assert runner.step()
        work = of(engine, work_id)
        assert (work.attempts, work.state, work.done, work.error) == (attempts, state, 2, f"Faulty: {work_id}")
    assert not runner.step()
    assert effects(engine, work_id) == [1, 2]
    fault(engine, work_id, there=False)
    assert do(engine, steps.resume, work_id)
    while runner.step():
        pass
    work = of(engine, work_id)
    assert (work.state, work.attempts, work.error) == (State.DONE, 0, "")
    assert effects(engine, work_id) == [1, 2, 3, 4, 5, 6]


def test_failed_steps_are_tried_again_after_growing_pauses_and_others_go_on(engine: Engine) -> None:
    runner, work_id = a_runner(engine, retry_base_s=3600), start(engine)
    pause = text("SELECT retry_time - clock_timestamp() FROM stepped_work WHERE id = :id")
    fault(engine, work_id)
    for hours in (1, 2):
        assert runner.step()
        with engine.connect() as conn:
            waits = conn.execute(pause, {"id": work_id}).scalar_one()
        assert hours - 0.5 < waits.total_seconds() / 3600 <= hours
        with engine.begin() as conn:
            conn.execute(text("UPDATE stepped_work SET retry_time = clock_timestamp() WHERE attempts < 2"))
    other = start(engine)
    while runner.step():
        pass
    assert of(engine, other).state is State.DONE
    fault(engine, work_id, there=False)
    # Nobody has to wait for the pause.
    assert do(engine, steps.resume, work_id)
    while runner.step():
        pass
    assert of(engine, work_id).state is State.DONE


def test_a_step_that_leaves_its_transaction_broken_or_no_json_has_failed(engine: Engine) -> None:
    def swallow(conn: Connection, _: Work, __: datetime) -> Progress:
        try:
            conn.execute(text("SELECT 1 / 0"))
        except Exception:
            return Progress({}, 1, finished=True)
        raise AssertionError

    kinds = [Steps("swallow", swallow), Steps("odd", lambda *_: Progress({"at": object()}, 1, finished=True))]
    runner = a_runner(engine, kinds)
    for kind, error in (("swallow", "InFailedSqlTransaction"), ("odd", "not JSON serializable")):
        with engine.begin() as conn:
            steps.start(conn, kind, kind, subject="things/1")
        assert runner.step()
        with engine.begin() as conn:
            steps.stop(conn, kind)
        assert error in of(engine, kind).error


def test_work_stops_between_two_steps_and_goes_on_where_it_stopped(engine: Engine) -> None:
    work_id = start(engine, numbers=1000, size=1)
    runner = a_runner(engine)
    runner.start()
    try:
        eventually(lambda: of(engine, work_id).done > 5)
        assert do(engine, steps.stop, work_id)
        stopped = of(engine, work_id)
        assert stopped.state is State.STOPPED
        assert 5 < stopped.done < 1000
        assert effects(engine, work_id) == list(range(1, stopped.done + 1))
        # Another one comes and goes, and this one has not moved.
        other = start(engine)
        eventually(lambda: of(engine, other).state is State.DONE)
        assert of(engine, work_id) == stopped
        assert do(engine, steps.resume, work_id)
        eventually(lambda: of(engine, work_id).state is State.DONE)
    finally:
        runner.stop()
    assert effects(engine, work_id) == list(range(1, 1001))
    assert not do(engine, steps.stop, work_id)
    assert not do(engine, steps.resume, work_id)
    assert not do(engine, steps.stop, "no such work")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(st.sampled_from(["step", "step", "step", "break", "mend", "stop", "resume", "start"]), max_size=25),
    numbers=st.integers(1, 12),
    size=st.integers(1, 5),
)
def test_in_whatever_order_it_is_stepped_stopped_resumed_and_fails_each_number_is_done_once(
    engine: Engine, acts: list[str], numbers: int, size: int
) -> None:
    runner, work_id = a_runner(engine), start(engine, numbers=numbers, size=size)
    state, broken, done, failures = State.RUNNING, False, 0, 0
    for act in acts:
        match act:
            case "step":
                assert runner.step() is (state is State.RUNNING)
                if state is State.RUNNING and broken:
                    failures += 1
                    state = State.FAILED if failures == 3 else state
                elif state is State.RUNNING:
                    done, failures = min(done + size, numbers), 0
                    state = State.DONE if done == numbers else state
            case "break" | "mend":
                broken = act == "break"
                fault(engine, work_id, there=broken)
            case "stop":
                assert do(engine, steps.stop, work_id) is (state in (State.RUNNING, State.FAILED))
                state = State.DONE if state is State.DONE else State.STOPPED
            case "resume":
                resumed = state in (State.STOPPED, State.FAILED) or failures > 0
                assert do(engine, steps.resume, work_id) is resumed
                failures = 0 if resumed else failures
                state = State.DONE if state is State.DONE else State.RUNNING
            case "start":
                with engine.begin() as conn:
                    assert not steps.start(conn, "fill", work_id, subject="things/2")
        work = of(engine, work_id)
        assert (work.state, work.done, work.attempts) == (state, done, failures)
        assert effects(engine, work_id) == list(range(1, done + 1))
    fault(engine, work_id, there=False)
    do(engine, steps.resume, work_id)
    while runner.step():
        pass
    assert of(engine, work_id).state is State.DONE
    assert effects(engine, work_id) == list(range(1, numbers + 1))


class Gate:
    """A kind of work whose steps wait until they are let through."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.open = Event()
        self.kinds = [Steps("gate", self._pass)]

    def _pass(self, _: Connection, work: Work, __: datetime) -> Progress:
        self.inside.append(work.id)
        assert self.open.wait(HANG_S)
        return Progress({}, 1, finished=work.done == 1)


def test_two_runners_share_two_works_and_never_one(engine: Engine) -> None:
    gate = Gate()
    for each in ("a", "b"):
        with engine.begin() as conn:
            steps.start(conn, "gate", each, subject="things/1")
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(a_runner(engine, gate.kinds).step) for _ in range(2)]
        eventually(lambda: len(gate.inside) == 2)
        # A third one finds nothing to do while both are at it.
        assert not a_runner(engine, gate.kinds).step()
        gate.open.set()
        assert all(each.result() for each in running)
    assert sorted(gate.inside) == ["a", "b"]
    assert of(engine, "a").done == of(engine, "b").done == 1


def test_a_stop_waits_for_the_step_that_is_being_taken_and_no_other_is(engine: Engine) -> None:
    gate = Gate()
    with engine.begin() as conn:
        steps.start(conn, "gate", "a", subject="things/1")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(a_runner(engine, gate.kinds).step)
        eventually(lambda: len(gate.inside) == 1)
        stopping = pool.submit(do, engine, steps.stop, "a")
        eventually(lambda: sessions(engine, WAITS_FOR_LOCK) == 1)
        gate.open.set()
        assert running.result()
        assert stopping.result()
    assert (of(engine, "a").state, of(engine, "a").done) == (State.STOPPED, 1)
    assert not a_runner(engine, gate.kinds).step()


def test_whichever_runners_are_killed_whenever_each_number_is_done_once(database_url: str, engine: Engine) -> None:
    chance = random.Random(1)
    works = [start(engine, numbers=1_000_000, size=3) for _ in range(2)]
    with ExitStack() as stack:
        runners = [stack.enter_context(stepping(database_url)) for _ in range(2)]
        for kills in range(24):
            done = sum(of(engine, each).done for each in works)
            more = chance.randint(1, 300)
            eventually(lambda done=done, more=more: sum(of(engine, each).done for each in works) >= done + more)
            runners[kills % 2].send_signal(signal.SIGKILL)
            assert runners[kills % 2].wait() == -signal.SIGKILL
            runners[kills % 2] = stack.enter_context(stepping(database_url))
        with engine.begin() as conn:
            conn.execute(
                text("UPDATE stepped_work SET parameters = parameters || jsonb_build_object('numbers', done + 500)")
            )
        eventually(lambda: all(of(engine, each).state is State.DONE for each in works))
    for each in works:
        work = of(engine, each)
        assert effects(engine, each) == list(range(1, work.done + 1))
        assert (work.done, work.error) == (work.parameters["numbers"], "")


def test_a_runner_that_hangs_in_a_step_is_replaced_and_does_nothing_twice(database_url: str, engine: Engine) -> None:
    work_id = start(engine, numbers=1_000_000, size=1)
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO pause VALUES (0.02)"))
    with stepping(database_url) as first:
        eventually(lambda: of(engine, work_id).done > 0)
        while True:
            first.send_signal(signal.SIGSTOP)
            # It is in a transaction that nobody ends for now, wherever that is.
            if sessions(engine, IN_TRANSACTION) == 1:
                break
            first.send_signal(signal.SIGCONT)
        with stepping(database_url):
            done = of(engine, work_id).done
            eventually(lambda: of(engine, work_id).done > done + 10)
            first.send_signal(signal.SIGCONT)
            done = of(engine, work_id).done
            eventually(lambda: of(engine, work_id).done > done + 10)
            assert do(engine, steps.stop, work_id)
            assert effects(engine, work_id) == list(range(1, of(engine, work_id).done + 1))


def test_a_step_that_hangs_each_time_fails(engine: Engine, database_url: str) -> None:
    impatient = sync_engine(database_url, statement_timeout_ms=50)
    work_id = start(engine)
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO pause VALUES (30)"))
    runner = a_runner(impatient)
    for _ in range(3):
        assert runner.step()
    assert not runner.step()
    assert of(engine, work_id).state is State.FAILED
    assert "statement timeout" in of(engine, work_id).error
    impatient.dispose()


def test_a_step_whose_session_ends_in_the_middle_has_failed(engine: Engine) -> None:
    def idle(conn: Connection, _: Work, __: datetime) -> Progress:
        conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 1"))
        Event().wait(0.05)
        conn.execute(text("SELECT 1"))
        raise AssertionError

    runner = a_runner(engine, [Steps("idle", idle)])
    with engine.begin() as conn:
        steps.start(conn, "idle", "a", subject="things/1")
    for _ in range(3):
        assert runner.step()
    assert of(engine, "a").state is State.FAILED


def test_a_failure_of_a_step_that_another_runner_has_taken_meanwhile_does_not_count(engine: Engine) -> None:
    def lose(conn: Connection, work: Work, _: datetime) -> Progress:
        ended = {"pid": conn.execute(text("SELECT pg_backend_pid()")).scalar_one()}
        with engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 60000)"), ended)
        assert a_runner(engine, [Steps("lose", lambda *_: Progress({"by": "another"}, 1, finished=False))]).step()
        conn.execute(text("SELECT 1"))
        raise AssertionError

    with engine.begin() as conn:
        steps.start(conn, "lose", "a", subject="things/1")
    assert a_runner(engine, [Steps("lose", lose)]).step()
    work = of(engine, "a")
    assert (work.done, work.cursor, work.attempts, work.error) == (1, {"by": "another"}, 0, "")


def test_work_goes_on_when_the_database_is_back(own_postgres: TestPostgres, own_database_url: str) -> None:
    engine, own = sync_engine(own_database_url), sync_engine(own_database_url)
    work_id = start(engine, numbers=1_000_000, size=1)
    runner = a_runner(own)
    runner.start()
    for _ in range(2):
        eventually(lambda: of(engine, work_id).done > 20)
        own_postgres.server.kill()
        own_postgres.server.start()
        engine.dispose()
        done = of(engine, work_id).done
        eventually(lambda done=done: of(engine, work_id).done > done + 20)
    assert do(engine, steps.stop, work_id)
    assert effects(engine, work_id) == list(range(1, of(engine, work_id).done + 1))
    runner.stop()
    for each in (engine, own):
        each.dispose()


def test_work_and_its_failures_are_measured(engine: Engine) -> None:
    runner = a_runner(engine)
    running, failed, stopped = start(engine), start(engine), start(engine)
    assert value("onegrid_steps_total", outcome="failed") is not None
    before = {outcome: value("onegrid_steps_total", outcome=outcome) or 0 for outcome in ("done", "failed")}
    rows = value("onegrid_stepped_work_rows_total") or 0
    fault(engine, failed)
    do(engine, steps.stop, stopped)
    for _ in range(4):
        assert runner.step()
    with engine.begin() as conn:
        conn.execute(
            text("UPDATE stepped_work SET step_time = now() - interval '90 seconds' WHERE id = :id"), {"id": running}
        )
    runner.measure()
    assert [value("onegrid_stepped_work", state=each) for each in ("running", "stopped", "failed")] == [1, 1, 1]
    assert 90 <= (value("onegrid_stepped_work_idle_seconds") or 0) < 90 + HANG_S
    assert value("onegrid_steps_total", outcome="done") == before["done"] + 1
    assert value("onegrid_steps_total", outcome="failed") == before["failed"] + 3
    assert value("onegrid_stepped_work_rows_total") == rows + 2
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM stepped_work"))
    runner.measure()
    assert value("onegrid_stepped_work", state="failed") == value("onegrid_stepped_work_idle_seconds") == 0


def test_steps_belong_to_the_trace_that_started_the_work(engine: Engine) -> None:
    traces = []

    def note(*_: object) -> Progress:
        traces.append(tracing.current_trace_id())
        return Progress({}, 1, finished=True)

    tracing.enter(f"00-{TRACE}-00f067aa0ba902b7-00")
    with engine.begin() as conn:
        steps.start(conn, "note", "a", subject="things/1")
    tracing.enter("")
    assert a_runner(engine, [Steps("note", note)]).step()
    assert traces == [TRACE]


def test_done_and_stopped_work_is_forgotten_after_a_month_and_failed_work_is_not(engine: Engine) -> None:
    works = {state: start(engine) for state in State}
    with engine.begin() as conn:
        for state, work_id in works.items():
            conn.execute(
                text("UPDATE stepped_work SET state = :state, end_time = now() - interval '29 days' WHERE id = :id"),
                {"state": state, "id": work_id},
            )
        housekeeping.forget_work(conn, datetime.now(UTC))
        assert len(steps.unfinished(conn)) == 3
        conn.execute(text("UPDATE stepped_work SET end_time = end_time - interval '2 days'"))
        housekeeping.forget_work(conn, datetime.now(UTC))
        assert {work.state for work in steps.unfinished(conn)} == {State.RUNNING, State.FAILED}
        assert steps.find(conn, works[State.DONE]) is None


def test_two_kinds_of_work_need_two_names(engine: Engine) -> None:
    with pytest.raises(TypeError, match="same name"):
        a_runner(engine, [*STEPS, *STEPS])


def test_operators_list_stop_and_resume_work(database_url: str, engine: Engine) -> None:
    environ = roles.environment(database_url)
    work_id = start(engine, total=6)
    fault(engine, work_id)
    runner = a_runner(engine)
    while runner.step():
        pass
    listed = f"{work_id}\t%s\t0/6\t3\tfill\tthings/1\tFaulty: {work_id}\n"
    assert roles.run(environ, "steps", "list").stdout == listed % "FAILED"
    assert roles.run(environ, "steps", "stop", work_id).returncode == 0
    assert roles.run(environ, "steps", "list").stdout == listed % "STOPPED"
    assert roles.run(environ, "steps", "resume", work_id).returncode == 0
    fault(engine, work_id, there=False)
    while runner.step():
        pass
    assert roles.run(environ, "steps", "list").stdout == ""
    for verb in ("stop", "resume"):
        refused = roles.run(environ, "steps", verb, work_id)
        assert (refused.returncode, "`steps list` shows" in refused.stdout) == (1, True)
    assert roles.run(environ, "steps").returncode == 2


def test_work_gets_on_beside_events_and_jobs(carrier: Carrier, engine: Engine) -> None:
    large = start(engine, numbers=1_000_000, size=10)
    eventually(lambda: of(engine, large).done > 0)
    for number in range(20):
        with engine.begin() as conn:
            announce(conn, "users/a", [str(number)])
    eventually(lambda: count(engine, "note") == 20)
    ticks = count(engine, "tick")
    eventually(lambda: count(engine, "tick") > ticks + 1)
    urgent = start(engine, urgent=True)
    eventually(lambda: of(engine, urgent).state is State.DONE)
    fault(engine, large)
    eventually(lambda: of(engine, large).state is State.FAILED)
    fault(engine, large, there=False)
    done = of(engine, large).done
    assert done < 1_000_000
    assert do(engine, steps.resume, large)
    eventually(lambda: of(engine, large).done > done)


def test_a_killed_worker_s_work_is_another_s(database_url: str, engine: Engine, empty_broker: RabbitServer) -> None:
    environ = roles.environment(database_url, empty_broker.url)
    work_id = start(engine, numbers=1_000_000, size=3)
    for _ in range(3):
        done = of(engine, work_id).done
        with roles.running(environ, "worker") as worker:
            eventually(lambda done=done: of(engine, work_id).done > done + 30)
            worker.kill()
    with roles.running(environ, "worker"):
        done = of(engine, work_id).done
        eventually(lambda: of(engine, work_id).done > done)
    # It was stopped in order, and the transaction with it.
    assert effects(engine, work_id) == list(range(1, of(engine, work_id).done + 1))
