"""Deadlines climb rung by rung: each rung once and in time, whatever fails, is stopped or killed meanwhile."""

from __future__ import annotations

import itertools
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import Connection, Engine, text

from onegrid_kit import ladder, tracing
from onegrid_kit.clock import SettableClock, SystemClock
from onegrid_kit.database import Database, sync_engine
from onegrid_kit.ladder import Climb, Climber, Ladder, Next, each
from onegrid_kit.testing.explaining import Explained
from onegrid_kit.testing.ladders import climb_due
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.sessions import IN_TRANSACTION, WAITS_FOR_LOCK, sessions
from onegrid_kit.testing.waiting import eventually

from . import roles
from .calls import CIPHER, TRACE, announce, count
from .carriers import Carrier
from .climbing import climbing
from .sample.ladders import AFTER, LADDERS, TOP
from .sample.main import SERVICE

NUMBERS = itertools.count()
KINDS = ("page", "page many")
LATE = timedelta(seconds=2)
"""How late a rung is at most while a replica lives."""


def a_climber(
    engine: Engine, clock: SettableClock, ladders: Sequence[Ladder] = LADDERS, *, retry_base_s: float = 0.0
) -> Climber:
    """One that tries at once again what failed, if not said otherwise."""
    return Climber("toy", engine, ladders, clock, retry_base_s=retry_base_s)


def a_subject(empty: str = "") -> str:
    """A new one; nobody stands on these rungs of its ladder."""
    return f"things-{next(NUMBERS)}/{empty}"


def start(engine: Engine, subject: str, due: datetime, *, kind: str = "page", rung: int = 1) -> bool:
    with engine.begin() as conn:
        return ladder.start(conn, kind, subject, due, rung=rung)


def stop(engine: Engine, subject: str, *, kind: str = "page") -> bool:
    with engine.begin() as conn:
        return ladder.stop(conn, kind, subject)


def reschedule(engine: Engine, subject: str, due: datetime, *, kind: str = "page", rung: int | None = None) -> bool:
    with engine.begin() as conn:
        return ladder.reschedule(conn, kind, subject, due, rung=rung)


def of(engine: Engine, subject: str, *, kind: str = "page") -> Climb | None:
    with engine.connect() as conn:
        return ladder.find(conn, kind, subject)


def effects(engine: Engine, subject: str) -> list[int]:
    """The rungs of the subject that were climbed, in order."""
    return [rung for rung, _ in effects_at(engine)[subject]]


def effects_at(engine: Engine) -> Mapping[str, list[tuple[int, datetime]]]:
    """The same of all subjects, with the moment of each."""
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT name, at FROM effect ORDER BY id")).all()
    found: dict[str, list[tuple[int, datetime]]] = {}
    for row in rows:
        subject, rung = row.name.rsplit(" ", 1)
        found.setdefault(subject, []).append((int(rung), row.at))
    return _Empty(found)


class _Empty(dict[str, list[tuple[int, datetime]]]):
    def __missing__(self, _: str) -> list[tuple[int, datetime]]:
        return []


def fault(engine: Engine, subject: str, *, there: bool = True) -> None:
    """Make rungs of this subject fail, or succeed again."""
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM fault WHERE said = :subject"), {"subject": subject})
        if there:
            conn.execute(text("INSERT INTO fault VALUES (:subject)"), {"subject": subject})


def value(name: str, kind: str = "page") -> float:
    """The metric's value for the toy's climbs."""
    return REGISTRY.get_sample_value(name, {"service": "toy", "kind": kind}) or 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_each_rung_is_climbed_when_it_is_due_and_the_last_one_ends_the_climb(
    engine: Engine, clock: SettableClock, kind: str
) -> None:
    climber, subject, begin = a_climber(engine, clock), a_subject(), clock.now()
    start(engine, subject, begin + AFTER, kind=kind)
    for rung in range(1, TOP + 1):
        assert not climber.climb()
        clock.set(begin + rung * AFTER - timedelta(microseconds=1))
        assert not climber.climb()
        stands = of(engine, subject, kind=kind)
        assert stands is not None
        assert (stands.rung, stands.due_time) == (rung, begin + rung * AFTER)
        clock.set(begin + rung * AFTER)
        assert climber.climb()
        assert effects(engine, subject) == list(range(1, rung + 1))
    assert of(engine, subject, kind=kind) is None
    assert not climber.climb()


def test_a_climb_starts_with_its_transaction_and_once(engine: Engine, clock: SettableClock) -> None:
    climber, subject, now = a_climber(engine, clock), a_subject(), clock.now()
    with engine.connect() as conn:
        assert ladder.start(conn, "page", subject, now)
        conn.rollback()
    assert not climber.climb()
    assert start(engine, subject, now)
    assert not start(engine, subject, now, rung=2)
    # Another kind's is another one.
    assert start(engine, subject, now, kind="page many", rung=3)
    assert climber.climb()
    assert effects(engine, subject) == [1, 3]
    # What has ended may start again.
    assert start(engine, subject, now, kind="page many", rung=3)


def test_many_climbs_start_anew_together(engine: Engine, clock: SettableClock) -> None:
    climbing, new, other = a_subject(), a_subject(), a_subject()
    now = clock.now()
    for subject in (climbing, other):
        start(engine, subject, now + AFTER, rung=3)
    with engine.begin() as conn:
        ladder.restart(conn, "page", [climbing, new], now)
        ladder.restart(conn, "page", [], now)
    for subject in (climbing, new):
        stands = of(engine, subject)
        assert stands is not None
        assert (stands.rung, stands.due_time) == (1, now)
    stands = of(engine, other)
    assert stands is not None
    assert (stands.rung, stands.due_time) == (3, now + AFTER)


async def test_an_api_s_command_starts_reschedules_and_stops_climbs(
    database_url: str, engine: Engine, clock: SettableClock
) -> None:
    """The same functions over the api's driver."""
    database, subject, now = Database("toy", database_url, CIPHER), a_subject(), clock.now()
    assert await database.write(lambda conn: ladder.start(conn, "page", subject, now, rung=2))
    assert not await database.write(lambda conn: ladder.start(conn, "page", subject, now))
    assert await database.write(lambda conn: ladder.reschedule(conn, "page", subject, now + AFTER))
    assert await database.read(lambda conn: ladder.find(conn, "page", subject)) == of(engine, subject)
    assert [each.subject for each in await database.read(lambda conn: ladder.due(conn, now + AFTER))] == [subject]
    assert await database.write(lambda conn: ladder.stop(conn, "page", subject))
    assert not await database.write(lambda conn: ladder.stop(conn, "page", subject))
    assert not await database.write(lambda conn: ladder.reschedule(conn, "page", subject, now, rung=1))
    await database.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("empty", "climbed"), [("1", [2]), ("12", [3]), ("123", []), ("3", [1]), ("23", [1])])
def test_a_rung_where_nobody_stands_is_skipped_at_once(
    engine: Engine, clock: SettableClock, kind: str, empty: str, climbed: list[int]
) -> None:
    subject = a_subject(empty)
    start(engine, subject, clock.now(), kind=kind)
    assert a_climber(engine, clock).climb()
    assert effects(engine, subject) == climbed
    for _ in range(TOP):
        clock.set(clock.now() + AFTER)
        climb_due(SERVICE, engine, clock)
    assert effects(engine, subject) == [rung for rung in range(1, TOP + 1) if str(rung) not in empty]
    assert of(engine, subject, kind=kind) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_rung_that_fails_is_undone_and_set_aside_and_the_others_are_climbed(
    engine: Engine, clock: SettableClock, kind: str
) -> None:
    climber, due = a_climber(engine, clock, retry_base_s=3600), clock.now()
    subjects = [a_subject() for _ in range(5)]
    for number, subject in enumerate(subjects):
        start(engine, subject, due - number * AFTER, kind=kind)
    failing = subjects[2]
    fault(engine, failing)
    failures = value("onegrid_ladder_failures_total", kind)
    with engine.connect() as conn:
        before = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    assert climber.climb()
    assert [effects(engine, subject) for subject in subjects] == [[1], [1], [], [1], [1]]
    stands = of(engine, failing, kind=kind)
    assert stands is not None
    assert (stands.rung, stands.attempts, stands.error) == (1, 1, f"Faulty: {failing}")
    assert value("onegrid_ladder_failures_total", kind) == failures + 1
    pause = text("SELECT retry_time, clock_timestamp() AS now FROM climb WHERE subject = :subject")
    with engine.connect() as conn:
        # The pauses grow to a minute.
        row = conn.execute(pause, {"subject": failing}).one()
    assert before + timedelta(minutes=1) <= row.retry_time <= row.now + timedelta(minutes=1)
    assert not climber.climb()
    # Nobody has to wait for the pause.
    fault(engine, failing, there=False)
    with engine.begin() as conn:
        assert ladder.retry(conn, kind, failing)
        assert not ladder.retry(conn, kind, subjects[0])
    assert climber.climb()
    assert effects(engine, failing) == [1]


def test_what_fails_for_long_is_tried_apart_from_what_does_not(engine: Engine, clock: SettableClock) -> None:
    climber, failing = a_climber(engine, clock), a_subject()
    fault(engine, failing)
    together: list[list[str]] = []

    def note(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
        together.append([climb.subject for climb in climbs])
        return LADDERS[1].run(conn, climbs, now)

    climber = a_climber(engine, clock, [Ladder("page many", note)])
    start(engine, failing, clock.now(), kind="page many")
    assert climber.climb()
    others = [a_subject() for _ in range(3)]
    for subject in others:
        start(engine, subject, clock.now(), kind="page many")
    together.clear()
    assert climber.climb()
    assert sorted(map(sorted, together)) == sorted([sorted(others), [failing]])


def test_a_ladder_is_given_as_many_at_once_as_it_says(engine: Engine, clock: SettableClock) -> None:
    together: list[int] = []

    def note(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
        together.append(len(climbs))
        return LADDERS[1].run(conn, climbs, now)

    climber = a_climber(engine, clock, [Ladder("page many", note, together=2)])
    for _ in range(5):
        start(engine, a_subject(), clock.now(), kind="page many")
    while sum(together) < 5:
        assert climber.climb()
    assert together == [2, 2, 1]


def test_a_rung_that_hangs_is_ended_and_set_aside(engine: Engine, clock: SettableClock) -> None:
    subject = a_subject()
    start(engine, subject, clock.now())
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO pause VALUES (600)"))
    assert a_climber(engine, clock).climb()
    stands = of(engine, subject)
    assert stands is not None
    assert (effects(engine, subject), stands.attempts) == ([], 1)
    assert "statement timeout" in stands.error


def test_a_rung_whose_session_ends_in_the_middle_is_set_aside(engine: Engine, clock: SettableClock) -> None:
    def idle(conn: Connection, _: Climb, __: datetime) -> Next | None:
        conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 1"))
        threading.Event().wait(0.05)
        conn.execute(text("SELECT 1"))
        raise AssertionError

    subject = a_subject()
    start(engine, subject, clock.now(), kind="idle")
    assert a_climber(engine, clock, [Ladder("idle", each(idle))]).climb()
    stands = of(engine, subject, kind="idle")
    assert stands is not None
    assert stands.attempts == 1


def test_too_few_answers_are_a_failure(engine: Engine, clock: SettableClock) -> None:
    subject = a_subject()
    start(engine, subject, clock.now(), kind="silent")
    assert a_climber(engine, clock, [Ladder("silent", lambda *_: [])]).climb()
    stands = of(engine, subject, kind="silent")
    assert stands is not None
    assert "ValueError" in stands.error


def test_rungs_that_never_end_let_others_have_their_turn(engine: Engine, clock: SettableClock) -> None:
    subject, other = a_subject(), a_subject()
    start(engine, subject, clock.now(), kind="endless")
    start(engine, other, clock.now())
    endless = Ladder("endless", each(lambda _, __, now: Next(now)))
    assert a_climber(engine, clock, [endless, *LADDERS]).climb()
    stands = of(engine, subject, kind="endless")
    assert stands is not None
    assert stands.rung > 2
    assert effects(engine, other) == [1]


class Held:
    """A ladder whose function locks a row that a command holds."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ladders = [Ladder("hold", each(self._hold))]
        with engine.begin() as conn:
            conn.execute(text("INSERT INTO pause VALUES (0)"))

    @contextmanager
    def command(self) -> Iterator[Connection]:
        """One that has locked the row."""
        with self.engine.begin() as conn:
            conn.execute(text("SELECT * FROM pause FOR UPDATE"))
            yield conn

    def waits(self) -> bool:
        """Whether somebody waits for it."""
        return sessions(self.engine, WAITS_FOR_LOCK) > 0

    def _hold(self, conn: Connection, climb: Climb, _: datetime) -> Next | None:
        conn.execute(text("INSERT INTO effect (name) VALUES (:name)"), {"name": f"{climb.subject} {climb.rung}"})
        conn.execute(text("SELECT * FROM pause FOR UPDATE"))
        return None


@pytest.mark.parametrize("ends", ["stop", "reschedule"])
def test_a_command_ends_a_climb_that_waits_for_it_without_waiting_in_turn(
    engine: Engine, clock: SettableClock, ends: str
) -> None:
    held, subject = Held(engine), a_subject()
    start(engine, subject, clock.now(), kind="hold")
    with ThreadPoolExecutor() as pool:
        with held.command() as conn:
            climbing = pool.submit(a_climber(engine, clock, held.ladders).climb)
            eventually(held.waits)
            if ends == "stop":
                assert ladder.stop(conn, "hold", subject)
            else:
                assert ladder.reschedule(conn, "hold", subject, clock.now() + AFTER)
        climbing.result()
    assert effects(engine, subject) == []
    stands = of(engine, subject, kind="hold")
    assert (stands and (stands.due_time, stands.attempts)) == (None if ends == "stop" else (clock.now() + AFTER, 0))


def test_a_stop_that_is_not_committed_yet_is_not_waited_for(engine: Engine, clock: SettableClock) -> None:
    climber, subject, other = a_climber(engine, clock), a_subject(), a_subject()
    start(engine, subject, clock.now())
    start(engine, other, clock.now())
    with engine.connect() as conn:
        assert ladder.stop(conn, "page", subject)
        climber.climb()
        assert (effects(engine, subject), effects(engine, other)) == ([], [1])
        conn.rollback()
    # It was not stopped after all.
    climber.climb()
    assert effects(engine, subject) == [1]


class Gate:
    """A ladder whose function waits until it is let through."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.open = threading.Event()
        self.ladders = [Ladder("gate", self._pass)]

    def _pass(self, conn: Connection, climbs: Sequence[Climb], _: datetime) -> Sequence[None]:
        self.inside += [climb.subject for climb in climbs]
        while not self.open.wait(0.1):
            conn.execute(text("SELECT 1"))
        return [None] * len(climbs)


def test_two_replicas_share_what_is_due_and_never_one(engine: Engine, clock: SettableClock) -> None:
    gate = Gate()
    subjects = [a_subject() for _ in range(70)]
    with engine.begin() as conn:
        for subject in subjects:
            ladder.start(conn, "gate", subject, clock.now())
    with ThreadPoolExecutor() as pool:
        first = pool.submit(a_climber(engine, clock, gate.ladders).climb)
        eventually(lambda: len(gate.inside) == 50)
        second = pool.submit(a_climber(engine, clock, gate.ladders).climb)
        eventually(lambda: len(gate.inside) == 70)
        # A third one finds nothing to do while both are at it.
        assert not a_climber(engine, clock, gate.ladders).climb()
        gate.open.set()
        assert first.result()
        assert second.result()
    assert sorted(gate.inside) == sorted(subjects)
    assert count(engine, "climb") == 0


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    kind=st.sampled_from(KINDS),
    empty=st.sampled_from(["", "1", "2", "13", "123"]),
    acts=st.lists(
        st.sampled_from(["climb", "climb", "pass", "pass", "start", "stop", "later", "again", "break", "mend", "kill"]),
        max_size=25,
    ),
)
def test_in_whatever_order_it_is_started_stopped_rescheduled_fails_and_is_killed_a_model_says_what_is_climbed(
    engine: Engine, clock: SettableClock, kind: str, empty: str, acts: list[str]
) -> None:
    climber, subject, broken = a_climber(engine, clock), a_subject(empty), False
    stands: tuple[int, datetime] | None = None
    climbed: list[int] = []
    for act in acts:
        now = clock.now()
        match act:
            case "pass":
                clock.set(now + AFTER / 2)
            case "start":
                assert start(engine, subject, now, kind=kind) is (stands is None)
                stands = stands or (1, now)
            case "stop":
                assert stop(engine, subject, kind=kind) is (stands is not None)
                stands = None
            case "later":
                assert reschedule(engine, subject, now + AFTER, kind=kind) is (stands is not None)
                stands = stands and (stands[0], now + AFTER)
            case "again":
                assert reschedule(engine, subject, now, kind=kind, rung=1) is (stands is not None)
                stands = stands and (1, now)
            case "break" | "mend":
                broken = act == "break"
                fault(engine, subject, there=broken)
            case "kill":
                kill_in_the_middle(engine, clock, kind)
            case "climb":
                is_due = stands is not None and stands[1] <= now
                assert climber.climb() is is_due
                while stands is not None and stands[1] <= now and not broken:
                    rung = stands[0]
                    manned = str(rung) not in empty
                    climbed += [rung] * manned
                    stands = None if rung == TOP else (rung + 1, now + AFTER if manned else now)
        found = of(engine, subject, kind=kind)
        assert (found and (found.rung, found.due_time)) == stands
        assert effects(engine, subject) == climbed
    fault(engine, subject, there=False)
    stop(engine, subject, kind=kind)


def kill_in_the_middle(engine: Engine, clock: SettableClock, kind: str) -> None:
    """Climb by a process that ends after it has done what belongs to the rung and before it commits."""

    class Killed(BaseException):
        pass

    def die(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
        {each.name: each for each in LADDERS}[kind].run(conn, climbs, now)
        raise Killed

    with suppress(Killed):
        a_climber(engine, clock, [Ladder(kind, die)]).climb()


class Stalls:
    """How long at most, as busy as the machine is, the statements of some rungs take that should take milliseconds."""

    def __init__(self, database_url: str) -> None:
        self.longest = timedelta()
        self._engine = sync_engine(database_url)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Stalls:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        before = time.monotonic()
        while not self._ended.wait(0.02):
            with self._engine.begin() as conn:
                for _ in range(20):
                    conn.execute(text("SELECT pg_logical_emit_message(true, 'stall', '')"))
            now = time.monotonic()
            self.longest = max(self.longest, timedelta(seconds=now - before))
            before = now


class Started:
    """Starts climbs of both kinds all the time, and knows when their first rung is due."""

    def __init__(self, database_url: str) -> None:
        self.due: dict[str, datetime] = {}
        self._engine = sync_engine(database_url)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._chance = random.Random(2)

    def __enter__(self) -> Started:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while not self._ended.wait(0.05):
            due = SystemClock().now() + self._chance.random() * AFTER
            subject = a_subject()
            self.due[subject] = due
            start(self._engine, subject, due, kind=self._chance.choice(KINDS))


def assert_climbed_once_and_in_time(engine: Engine, due: Mapping[str, datetime], longest: timedelta) -> None:
    """Each rung of each climb once, in order; and at most two seconds late, beside what the machine takes away."""
    at = effects_at(engine)
    assert set(at) == set(due)
    late: list[timedelta] = []
    for subject, rungs in at.items():
        assert [rung for rung, _ in rungs] == list(range(1, TOP + 1)), subject
        moments = [moment for _, moment in rungs]
        wanted = [due[subject], *(moment + AFTER for moment in moments)]
        late += [moment - when for moment, when in zip(moments, wanted, strict=False)]
    assert max(late) <= LATE + longest, (max(late), longest)


def test_whichever_climbers_are_killed_whenever_each_rung_is_climbed_once_and_in_time(
    database_url: str, engine: Engine
) -> None:
    chance = random.Random(1)
    with ExitStack() as stack:
        climbers = [stack.enter_context(climbing(database_url)) for _ in range(2)]
        with Stalls(database_url) as stalls, Started(database_url) as started:
            for kills in range(16):
                climbed = count(engine, "effect")
                more = chance.randint(1, 40)
                eventually(lambda climbed=climbed, more=more: count(engine, "effect") >= climbed + more)
                climbers[kills % 2].send_signal(signal.SIGKILL)
                climbers[kills % 2] = stack.enter_context(climbing(database_url))
        eventually(lambda: count(engine, "climb") == 0)
    assert_climbed_once_and_in_time(engine, started.due, stalls.longest)


def test_a_climber_that_hangs_in_a_rung_is_replaced_and_climbs_none_twice(database_url: str, engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO pause VALUES (0.002)"))
    with climbing(database_url) as first, Started(database_url) as started:
        while True:
            first.send_signal(signal.SIGSTOP)
            # It is in a transaction that nobody ends for now, wherever that is.
            if sessions(engine, IN_TRANSACTION) == 1:
                break
            first.send_signal(signal.SIGCONT)
        hung = set(started.due)
        with climbing(database_url):
            eventually(lambda: all(len(effects_at(engine)[subject]) == TOP for subject in hung))
            first.send_signal(signal.SIGCONT)
            started.__exit__()
            eventually(lambda: count(engine, "climb") == 0)
    assert {rung for rungs in effects_at(engine).values() for rung in Counter(rungs).values()} == {1}


def test_rungs_are_climbed_when_the_database_is_back(own_postgres: TestPostgres, own_database_url: str) -> None:
    engine, own = sync_engine(own_database_url), sync_engine(own_database_url)
    climber = Climber("toy", own, LADDERS, SystemClock())
    climber.start()
    for _ in range(2):
        subject = a_subject()
        start(engine, subject, SystemClock().now())
        eventually(lambda subject=subject: len(effects(engine, subject)) > 0)
        own_postgres.server.kill()
        own_postgres.server.start()
        engine.dispose()
        eventually(lambda subject=subject: effects(engine, subject) == [1, 2, 3])
    climber.stop()
    for one in (engine, own):
        one.dispose()


def test_lateness_is_measured(engine: Engine, clock: SettableClock) -> None:
    climber, subject, failing = a_climber(engine, clock), a_subject(), a_subject()
    climbs, late = (value(f"onegrid_ladder_late_seconds_{what}") for what in ("count", "sum"))
    start(engine, subject, clock.now())
    start(engine, failing, clock.now())
    fault(engine, failing)
    clock.set(clock.now() + timedelta(seconds=5))
    climber.measure()
    assert value("onegrid_ladder_oldest_due_seconds") == 5
    climber.climb()
    assert value("onegrid_ladder_late_seconds_count") == climbs + 1
    assert value("onegrid_ladder_late_seconds_sum") == late + 5
    climber.measure()
    assert value("onegrid_ladder_oldest_due_seconds") == 5
    stop(engine, failing)
    climber.measure()
    assert value("onegrid_ladder_oldest_due_seconds") == 0


def test_a_rung_belongs_to_the_trace_that_started_its_climb(engine: Engine, clock: SettableClock) -> None:
    traces = []

    def note(*_: object) -> None:
        traces.append(tracing.current_trace_id())

    tracing.enter(f"00-{TRACE}-00f067aa0ba902b7-00")
    start(engine, a_subject(), clock.now(), kind="note")
    tracing.enter("")
    assert a_climber(engine, clock, [Ladder("note", each(note))]).climb()
    assert traces == [TRACE]


def test_two_ladders_need_two_names(engine: Engine, clock: SettableClock) -> None:
    with pytest.raises(TypeError, match="same name"):
        a_climber(engine, clock, [*LADDERS, *LADDERS])


def test_what_is_not_due_is_not_read(engine: Engine) -> None:
    now = SystemClock().now()
    with engine.begin() as conn:
        conn.execute(
            text(
                """
                INSERT INTO climb (kind, subject, rung, due_time)
                SELECT 'page', 'things/' || number, 1, :now + interval '1 day' FROM generate_series(1, 20000) AS number
                """
            ),
            {"now": now},
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE climb"))
    start(engine, a_subject(), now)
    explained, climber = Explained(engine), Climber("toy", engine, LADDERS, SystemClock())
    work = explained.work(lambda _: climber.climb())
    assert work.statements > 3
    assert work.rows <= 2
    climber.measure()
    explained.close()


def test_operators_list_what_is_late_and_try_it_again(database_url: str, engine: Engine) -> None:
    environ = roles.environment(database_url)
    clock, failing = SettableClock(), a_subject()
    due = clock.now()
    start(engine, failing, due, rung=TOP)
    start(engine, a_subject(), due + timedelta(days=1))
    fault(engine, failing)
    assert a_climber(engine, clock, retry_base_s=3600).climb()
    listed = f"page\t{failing}\t{TOP}\t{due:%Y-%m-%dT%H:%M:%SZ}\t1\tFaulty: {failing}\n"
    assert roles.run(environ, "ladder", "list").stdout == listed
    assert not a_climber(engine, clock).climb()
    assert roles.run(environ, "ladder", "retry", "page", failing).returncode == 0
    fault(engine, failing, there=False)
    assert a_climber(engine, clock).climb()
    assert roles.run(environ, "ladder", "list").stdout == ""
    refused = roles.run(environ, "ladder", "retry", "page", failing)
    assert (refused.returncode, "`ladder list` shows" in refused.stdout) == (1, True)
    assert roles.run(environ, "ladder").returncode == 2


def test_rungs_are_climbed_beside_events_jobs_and_work(carrier: Carrier, engine: Engine) -> None:
    subject = a_subject()
    start(engine, subject, SystemClock().now())
    with engine.begin() as conn:
        announce(conn, "users/a", ["b"])
    eventually(lambda: effects(engine, subject) == [1, 2, 3])
    eventually(lambda: count(engine, "note") == 1)
    eventually(lambda: count(engine, "tick") > 1)


def test_a_killed_worker_s_climbs_are_another_s(database_url: str, engine: Engine, empty_broker: RabbitServer) -> None:
    environ = roles.environment(database_url, empty_broker.url)
    assert roles.run(environ, "migrate").returncode == 0
    with roles.running(environ, "worker"), Stalls(database_url) as stalls:
        eventually_climbs(engine)
        with Started(database_url) as started:
            for _ in range(2):
                with roles.running(environ, "worker") as worker:
                    climbed = count(engine, "effect")
                    eventually(lambda climbed=climbed: count(engine, "effect") > climbed + 30)
                    worker.kill()
        eventually(lambda: count(engine, "climb") == 0)
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM effect WHERE name LIKE 'ready%'"))
    assert_climbed_once_and_in_time(engine, started.due, stalls.longest)


def eventually_climbs(engine: Engine) -> None:
    """Return once somebody climbs."""
    start(engine, "ready", SystemClock().now(), rung=TOP)
    eventually(lambda: effects(engine, "ready") == [TOP])
