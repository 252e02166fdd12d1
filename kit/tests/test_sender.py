"""The sender: each attempt is one call, no transaction waits for a stranger, and what a call came to is not lost."""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Connection, Engine, text
from structlog.testing import capture_logs

from onegrid_kit import sending
from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.probes import Health
from onegrid_kit.sending import (
    Attempt,
    Conclusion,
    Context,
    Defer,
    Drop,
    Lane,
    Limit,
    LimitScope,
    Outcome,
    Outgoing,
    Prepared,
    Receipt,
    Result,
    Send,
    Sender,
    Sending,
    State,
    routing,
)
from onegrid_kit.sending.runner import NEEDS, SendingRunner
from onegrid_kit.sending.store import claims, outcomes, unconcluded
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.sessions import IN_TRANSACTION, sessions
from onegrid_kit.testing.waiting import eventually, eventually_async

from . import roles
from .calls import count
from .providers import FakeProvider

NUMBERS = itertools.count()
CLOCK = SystemClock()


def send_all(_: Connection, sendings: Sequence[Outgoing], __: Context) -> list[Prepared]:
    """Each to its recipient."""
    return [Send(each.recipient, dict(each.parameters)) for each in sendings]


@asynccontextmanager
async def sending_by(
    url: str, *providers: FakeProvider, grace_s: float = 60.0, **given: Any
) -> AsyncIterator[SendingRunner]:
    """A runner with these providers, until it has drained."""
    sender = Sender(**{"providers": lambda _: providers, "prepare": send_all, "retry_base_s": 0.05, **given})
    settings = ServiceSettings(database_url=url, page_token_key="k" * 32, cipher_keys=f"a:{'0' * 64}")
    engine = sync_engine(url, pool=3, by_key=True)
    sends = SendingRunner("toy", engine, sender, settings, CLOCK, Health(*NEEDS))
    stopping = asyncio.Event()
    running = asyncio.create_task(sends.run(stopping, grace_s))
    try:
        yield sends
    finally:
        stopping.set()
        await running
        engine.dispose()


def enqueue(engine: Engine, *sending_ids: str, **given: Any) -> None:
    """Enqueue them by mail."""
    with engine.begin() as conn:
        sendings = [
            Sending(id=each, **{"channel": "MAIL", "recipient": f"users/{each}", **given}) for each in sending_ids
        ]
        sending.enqueue(conn, sendings, CLOCK.now())


def of(engine: Engine, sending_id: str) -> Outgoing:
    with engine.connect() as conn:
        found = sending.find(conn, sending_id)
    assert found is not None
    return found


def attempts_of(engine: Engine, sending_id: str) -> Sequence[Attempt]:
    with engine.connect() as conn:
        return sending.attempts_of(conn, sending_id)


def states(engine: Engine) -> Counter[str]:
    """How many sendings there are in each state."""
    with engine.connect() as conn:
        return Counter(
            {row.state: row.n for row in conn.execute(text("SELECT state, count(*) AS n FROM sending GROUP BY 1"))}
        )


async def ends(engine: Engine, sending_id: str, state: State) -> Outgoing:
    """It, once it is in this state."""

    async def there() -> bool:
        return of(engine, sending_id).state is state

    await eventually_async(there, lambda: of(engine, sending_id))
    return of(engine, sending_id)


async def all_end(engine: Engine, expected: dict[str, int]) -> None:
    """All sendings are in these states."""

    async def there() -> bool:
        return states(engine) == expected

    await eventually_async(there, lambda: states(engine))


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"service": "toy", **labels}) or 0.0


async def test_an_attempt_is_committed_and_no_transaction_is_open_while_a_provider_is_called(
    database_url: str, engine: Engine
) -> None:
    stored = []

    async def none_is_open() -> bool:
        return sessions(engine, IN_TRANSACTION) == 0

    async def look(outgoing: Outgoing, message: Send, attempt: Attempt) -> Result:
        stored.append((attempts_of(engine, outgoing.id), attempt))
        # That of the call would stay open; what is maintained beside it opens and ends others.
        await eventually_async(none_is_open)
        assert (message.address, message.content) == ("users/a", {"of": "mail"})
        return Result.accepted("its id")

    provider = FakeProvider(answer=look)
    enqueue(engine, "a", parameters={"of": "mail"})
    async with sending_by(database_url, provider):
        found = await ends(engine, "a", State.ACCEPTED)
    assert [found for found, _ in stored] == [[attempt] for _, attempt in stored]
    assert (provider.calls, provider.closed) == ({"a": 1}, True)
    assert (found.attempts, found.last_provider, found.end_time is not None) == (1, "first", True)
    (attempt,) = attempts_of(engine, "a")
    assert (attempt.outcome, attempt.provider_id, [str(attempt.key)]) == (Outcome.ACCEPTED, "its id", provider.keys)


async def test_replicas_call_each_sending_once(database_url: str, engine: Engine) -> None:
    provider = FakeProvider()
    names = [f"s{number}" for number in range(300)]
    enqueue(engine, *names)
    async with sending_by(database_url, provider), sending_by(database_url, provider):
        await all_end(engine, {State.ACCEPTED: 300})
    assert provider.calls == dict.fromkeys(names, 1)
    # Each of the two keeps to what it may have running.
    assert provider.most_running <= 2 * provider.concurrency


async def test_a_call_that_hangs_or_breaks_is_unknown_and_neither_repeated_nor_given_to_another(
    database_url: str, engine: Engine
) -> None:
    async def hang_or_break(outgoing: Outgoing, _: Send, __: Attempt) -> Result:
        if outgoing.id == "breaks":
            raise ConnectionResetError("after DATA")
        if outgoing.id == "says so":
            return Result.unknown("DATA_CUT")
        await asyncio.sleep(3600)
        raise AssertionError

    first, second = FakeProvider(answer=hang_or_break), FakeProvider("second")
    enqueue(engine, "hangs", "breaks", "says so")
    with capture_logs():
        async with sending_by(database_url, first, second, call_s=0.2):
            await all_end(engine, {State.UNKNOWN: 3})
            await asyncio.sleep(0.3)
    assert {each: of(engine, each).last_code for each in ("hangs", "breaks", "says so")} == {
        "hangs": "NO_ANSWER", "breaks": "PROVIDER_FAILED", "says so": "DATA_CUT"
    }  # fmt: skip
    assert (first.calls.total(), second.calls.total()) == (3, 0)


async def test_what_failed_for_the_time_being_is_tried_again_by_the_next_provider_and_a_refusal_is_not(
    database_url: str, engine: Engine
) -> None:
    async def busy(outgoing: Outgoing, _: Send, __: Attempt) -> Result:
        return (
            Result.failed("550", address_refused=True)
            if outgoing.id == "refused"
            else Result.failed("421", temporary=True)
        )

    async def busy_once(outgoing: Outgoing, _: Send, __: Attempt) -> Result:
        again = second.calls[outgoing.id] > 1 and outgoing.id != "never"
        return Result.accepted() if again else Result.failed("450", temporary=True)

    first, second = FakeProvider(answer=busy), FakeProvider("second", answer=busy_once)
    enqueue(engine, "refused", "late", "never")
    heard: list[Conclusion] = []
    async with sending_by(
        database_url, first, second, attempts=5, concluded=lambda _, conclusions, __: heard.extend(conclusions)
    ):
        await all_end(engine, {State.FAILED: 2, State.ACCEPTED: 1})
    assert [each.provider for each in attempts_of(engine, "late")] == ["first", "second"] * 2
    assert [each.provider for each in attempts_of(engine, "never")] == ["first", "second", "first", "second", "first"]
    assert (first.calls["refused"], second.calls["refused"]) == (1, 0)
    assert [each.sending.id for each in heard if each.address_refused] == ["refused"]
    last = {each.sending.id: each.sending for each in heard}
    assert last == {each: of(engine, each) for each in ("refused", "late", "never")}


async def test_a_provider_that_is_away_rests_and_another_takes_over(database_url: str, engine: Engine) -> None:
    async def away(*_: object) -> Result:
        return Result.failed("CONNECTION_REFUSED", provider_away=True)

    first, second = FakeProvider(answer=away), FakeProvider("second")
    enqueue(engine, "a")
    async with sending_by(database_url, first, second):
        await ends(engine, "a", State.ACCEPTED)
        enqueue(engine, *[f"s{number}" for number in range(50)])
        await all_end(engine, {State.ACCEPTED: 51})
    # One call found out that it is away; while it rests nobody asks it.
    assert first.calls.total() == 1


async def test_while_the_only_provider_is_away_sendings_keep_their_tries(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "_RESTS_S", (0.5, 0.5))
    is_away = True

    async def away(*_: object) -> Result:
        return Result.failed("CONNECTION_REFUSED", provider_away=True) if is_away else Result.accepted()

    provider = FakeProvider(answer=away, concurrency=4)
    enqueue(engine, *[f"s{number}" for number in range(50)])
    async with sending_by(database_url, provider):
        begun = time.monotonic()
        await eventually_async(lambda: _is(provider.calls.total() >= 5))
        rests = (time.monotonic() - begun) / 0.5
        assert provider.calls.total() <= 3 + rests + 1
        is_away = False
        await all_end(engine, {State.ACCEPTED: 50})


async def _is(what: bool) -> bool:
    return what


async def test_a_service_decides_when_a_sending_is_due(database_url: str, engine: Engine) -> None:
    asked: Counter[str] = Counter()

    def prepare(conn: Connection, sendings: Sequence[Outgoing], context: Context) -> list[Prepared]:
        answers: list[Prepared] = []
        for each in sendings:
            asked[each.id] += 1
            if each.id == "withdrawn":
                answers.append(Drop("WITHDRAWN"))
            elif each.id == "quiet" and asked["quiet"] == 1:
                answers.append(Defer(context.now + timedelta(seconds=0.1), "QUIET_HOURS"))
            else:
                conn.execute(text("INSERT INTO effect (name) VALUES (:name)"), {"name": each.id})
                answers.append(Send("", context.cipher.encrypt("", "test") and ""))
        return answers

    enqueue(engine, "withdrawn", "quiet", "plain")
    enqueue(engine, "too late", expire_time=CLOCK.now() - timedelta(seconds=1))
    dropped = value("onegrid_sendings_dropped_total", channel="MAIL", code="WITHDRAWN")
    provider = FakeProvider()
    async with sending_by(database_url, provider, prepare=prepare):
        await all_end(engine, {State.ACCEPTED: 2, State.DROPPED: 1, State.EXPIRED: 1})
    assert (asked, provider.calls) == ({"withdrawn": 1, "quiet": 2, "plain": 1}, {"quiet": 1, "plain": 1})
    assert (of(engine, "withdrawn").last_code, count(engine, "effect")) == ("WITHDRAWN", 2)
    assert value("onegrid_sendings_dropped_total", channel="MAIL", code="WITHDRAWN") == dropped + 1


async def test_one_that_can_not_be_prepared_keeps_no_other_from_being_sent(database_url: str, engine: Engine) -> None:
    def prepare(conn: Connection, sendings: Sequence[Outgoing], context: Context) -> list[Prepared]:
        if any(each.id == "poison" for each in sendings):
            conn.execute(text("SELECT 1 / 0"))
        return send_all(conn, sendings, context)

    enqueue(engine, "before", "poison", "behind")
    provider = FakeProvider()
    with capture_logs() as logged:
        async with sending_by(database_url, provider, prepare=prepare, attempts=3):
            await all_end(engine, {State.ACCEPTED: 2, State.FAILED: 1})
    assert {(each["event"], each.get("sending")) for each in logged} >= {("sending not prepared", "poison")}
    found = of(engine, "poison")
    assert (found.last_code, found.attempts, found.tries) == ("PREPARATION_FAILED", 0, 2)
    assert provider.calls == {"before": 1, "behind": 1}


async def test_an_outcome_is_stored_even_if_the_service_fails_to_hear_it(database_url: str, engine: Engine) -> None:
    def concluded(conn: Connection, conclusions: Sequence[Conclusion], _: Context) -> None:
        if any(each.sending.id == "poison" for each in conclusions):
            raise RuntimeError("no")
        for each in conclusions:
            conn.execute(text("INSERT INTO effect (name) VALUES (:name)"), {"name": each.sending.id})

    faults = value("onegrid_sending_faults_total", part="concluded")
    enqueue(engine, "a", "poison", "b")
    with capture_logs() as logged:
        async with sending_by(database_url, FakeProvider(), concluded=concluded, retry_base_s=60.0):
            await all_end(engine, {State.ACCEPTED: 3})
    assert ("outcome not concluded", "poison") in {(each["event"], each.get("sending")) for each in logged}
    with engine.connect() as conn:
        assert set(conn.execute(text("SELECT name FROM effect")).scalars()) == {"a", "b"}
        assert [(each.sending.id, each.error) for each in sending.unconcluded(conn)] == [("poison", "RuntimeError")]
    assert value("onegrid_sending_faults_total", part="concluded") > faults


async def test_what_the_service_fails_to_hear_stops_nothing_else_and_is_heard_once_it_can_be(
    database_url: str, engine: Engine
) -> None:
    def concluded(conn: Connection, conclusions: Sequence[Conclusion], _: Context) -> None:
        for each in conclusions:
            conn.execute(text("INSERT INTO effect (name) VALUES (:name)"), {"name": f"{each.sending.id} {each.code}"})
            if broken and each.sending.id.startswith("poison"):
                conn.execute(text("SELECT 1 / 0"))

    broken = True
    with engine.begin() as conn:
        names = ["poison overdue", "overdue", "poison early", "early"]
        sending.enqueue(conn, [Sending(id=each, channel="MAIL") for each in names], CLOCK.now())
        due, _ = claims.claim(conn, [claims.Claim("MAIL", Lane.NORMAL, 10)], CLOCK.now())
        claims.begin(conn, [(each, "first") for each in due], lasts_s=0)
    with engine.begin() as conn:
        accepted = [outcomes.Finished(each, 1, Result.accepted(each)) for each in names if "early" in each]
        sending.receive(conn, [Receipt("first", each, Outcome.READ) for each in names if "early" in each], CLOCK.now())
        outcomes.finish(conn, accepted, CLOCK.now(), lambda *_: None)
    past = CLOCK.now() - timedelta(seconds=1)
    enqueue(engine, "poison expired", "expired", expire_time=past)
    enqueue(engine, "sent")
    with capture_logs():
        async with sending_by(database_url, FakeProvider(), concluded=concluded, retry_most_s=0.1) as sends:
            await all_end(engine, {State.UNKNOWN: 2, State.READ: 2, State.EXPIRED: 2, State.ACCEPTED: 1})
            with engine.connect() as conn:
                sends.measure(conn)
                assert len(sending.unconcluded(conn)) == 3
            assert value("onegrid_sendings_unresolved", state="unconcluded") == 3
            broken = False
            await eventually_async(lambda: _is(count(engine, "unconcluded") == 0))
    with engine.connect() as conn:
        heard = sorted(conn.execute(text("SELECT name FROM effect")).scalars())
    learned = ["early ", "expired ", "overdue NO_OUTCOME"]
    assert heard == sorted(["sent ", *learned, *(f"poison {each}" for each in learned)])


async def test_bulk_never_takes_all_of_a_provider_and_urgent_ones_overtake_200_000(
    database_url: str, engine: Engine
) -> None:
    with engine.begin() as conn:
        conn.execute(
            text(
                """
                INSERT INTO sending (id, district, kind, channel, recipient, subject, batch, lane, parameters, due_time,
                                     create_time, traceparent)
                SELECT 'bulk ' || number, '', '', 'MAIL', '', '', '', 3, '{}', clock_timestamp(), clock_timestamp(), ''
                FROM generate_series(1, 200000) AS number
                """
            )
        )
    called: set[str] = set()

    async def take_time(outgoing: Outgoing, _: Send, __: Attempt) -> Result:
        called.add(outgoing.id)
        # All that bulk may have hangs until the end.
        if outgoing.lane is Lane.BULK:
            await ended.wait()
        return Result.accepted()

    ended = asyncio.Event()
    provider = FakeProvider(answer=take_time, concurrency=16)
    async with sending_by(database_url, provider):
        await eventually_async(lambda: _is(provider.running == 12))
        for number in range(50):
            name = f"urgent {number}"
            enqueue(engine, name, lane=Lane.URGENT)
            await eventually_async(lambda name=name: _is(name in called))  # type: ignore[misc]
            assert provider.running <= 13
        ended.set()


async def test_what_exceeds_a_limit_waits_and_is_not_lost(database_url: str, engine: Engine) -> None:
    limits = [Limit(4, 3600.0), Limit(1, 0.5, LimitScope.ADDRESS)]

    def prepare(_: Connection, sendings: Sequence[Outgoing], __: Context) -> list[Prepared]:
        return [Send("", "", address_key=each.recipient) for each in sendings]

    enqueue(engine, *[f"s{number}" for number in range(3)], recipient="users/a")
    enqueue(engine, *[f"t{number}" for number in range(7)], lane=Lane.URGENT)
    provider, other = FakeProvider(limits=limits), FakeProvider(limits=limits)
    deferred = value("onegrid_sendings_deferred_total", provider="first", scope="provider")
    async with (
        sending_by(database_url, provider, prepare=prepare),
        sending_by(database_url, other, prepare=prepare),
    ):
        await all_end(engine, {State.ACCEPTED: 4, State.WAITING: 6})
        await asyncio.sleep(1.0)
    assert provider.calls.total() + other.calls.total() == 4
    assert value("onegrid_sendings_deferred_total", provider="first", scope="provider") > deferred
    assert {of(engine, f"s{number}").attempts for number in range(3)} == {0}
    assert {of(engine, f"s{number}").last_code for number in range(3)} <= {"PROVIDER_LIMIT", "ADDRESS_LIMIT", ""}


async def test_a_district_s_own_provider_sends_for_it_alone(database_url: str, engine: Engine) -> None:
    async def hang(*_: object) -> Result:
        await ended.wait()
        return Result.accepted()

    ended = asyncio.Event()
    own = FakeProvider("own", districts=["441900"], answer=hang, concurrency=2)
    general = FakeProvider("general", districts=["441901"])
    enqueue(engine, *[f"s{number}" for number in range(60)], district="441900")
    enqueue(engine, "elsewhere", district="441901")
    async with sending_by(database_url, own, general):
        # However many wait before it for a provider that hangs.
        await ends(engine, "elsewhere", State.ACCEPTED)
        ended.set()
        own.answer = general.answer
        await all_end(engine, {State.ACCEPTED: 61})
    assert (general.calls.total(), own.calls.total()) == (1, 60)


@pytest.mark.parametrize("channel", ["MAIL", "PIGEON"])
async def test_what_no_provider_serves_waits_for_one_for_a_while_and_ends(
    channel: str, database_url: str, engine: Engine
) -> None:
    own = FakeProvider("own", districts=["441900"])
    now = CLOCK.now()
    enqueue(engine, "nobody's", "soon served", channel=channel, district="441901")
    enqueue(engine, "a code", channel=channel, district="441901", expire_time=now + timedelta(minutes=5))
    enqueue(engine, "old", channel=channel, district="441901", expire_time=now - timedelta(seconds=1))
    heard: list[tuple[str, State]] = []

    async def wait(*codes: str) -> None:
        """They are put off for that reason."""
        await eventually_async(lambda: _is({of(engine, each).last_code for each in codes} == {"NO_PROVIDER"}))

    async with sending_by(
        database_url,
        own,
        concluded=lambda _, conclusions, __: heard.extend(
            (each.sending.id, each.sending.state) for each in conclusions
        ),
    ):
        await wait("nobody's", "soon served", "a code")
        assert of(engine, "a code").due_time == of(engine, "a code").expire_time
        assert (of(engine, "nobody's").due_time or now) > now + timedelta(minutes=5)
        with engine.begin() as conn:
            conn.execute(
                text(
                    """
                    UPDATE sending SET due_time = now(), expire_time = expire_time - interval '1 hour'
                    WHERE id IN ('nobody''s', 'a code')
                    """
                )
            )
        await ends(engine, "nobody's", State.FAILED)
        await ends(engine, "a code", State.EXPIRED)
    assert {each: of(engine, each).last_code for each in ("nobody's", "a code")} == {
        "nobody's": "NO_PROVIDER",
        "a code": "NO_PROVIDER",
    }
    assert sorted(heard) == [("a code", State.EXPIRED), ("nobody's", State.FAILED), ("old", State.EXPIRED)]
    async with sending_by(database_url, FakeProvider("new", channel)):
        with engine.begin() as conn:
            conn.execute(text("UPDATE sending SET due_time = now() WHERE id = 'soon served'"))
            assert sending.replay(conn, "nobody's", CLOCK.now())
        await ends(engine, "nobody's", State.ACCEPTED)
        await ends(engine, "soon served", State.ACCEPTED)


async def test_draining_lets_calls_end_and_begins_none(database_url: str, engine: Engine) -> None:
    async def take_time(*_: object) -> Result:
        await ended.wait()
        return Result.accepted()

    ended = asyncio.Event()
    provider = FakeProvider(answer=take_time, concurrency=4)
    enqueue(engine, *[f"s{number}" for number in range(20)])
    async with sending_by(database_url, provider):
        await eventually_async(lambda: _is(provider.running == 3))
        asyncio.get_running_loop().call_later(0.3, ended.set)
    assert states(engine) == {State.ACCEPTED: 3, State.WAITING: 17}
    ended.clear()
    # Longer than it may take.
    async with sending_by(database_url, provider, grace_s=0.1):
        await eventually_async(lambda: _is(provider.running == 3))
    assert states(engine) == {State.ACCEPTED: 3, State.UNKNOWN: 3, State.WAITING: 14}
    assert provider.calls.total() == 6


async def test_a_provider_is_asked_what_became_of_an_unknown_attempt(database_url: str, engine: Engine) -> None:
    async def break_off(*_: object) -> Result:
        return Result.unknown("DATA_CUT") if provider.calls.total() < 3 else Result.accepted()

    answers = {"taken": Result.accepted("id"), "not taken": Result.failed("NEVER_CAME", temporary=True)}
    provider = FakeProvider(answer=break_off, knows=lambda attempt: answers[attempt.sending])
    enqueue(engine, "taken")
    async with sending_by(database_url, provider):
        await ends(engine, "taken", State.ACCEPTED)
        enqueue(engine, "not taken")
        await ends(engine, "not taken", State.ACCEPTED)
    assert provider.calls == {"taken": 1, "not taken": 2}
    assert [each.outcome for each in attempts_of(engine, "not taken")] == [Outcome.RETRYABLE, Outcome.ACCEPTED]


class AskedProvider(FakeProvider):
    """It says what became of an attempt to who names the address."""

    async def ask_by_address(self, attempt: Attempt, address: str) -> Result | None:
        return Result.accepted(f"{attempt.sending} to {address}")


async def test_a_provider_that_is_asked_by_address_is_and_the_address_is_kept_sealed_until_then(
    database_url: str, engine: Engine
) -> None:
    kept: list[bytes] = []

    async def break_off(outgoing: Outgoing, _: Send, __: Attempt) -> Result:
        with engine.connect() as conn:
            kept.extend(conn.execute(text("SELECT sealed_address FROM attempt")).scalars())
        return Result.unknown("DATA_CUT")

    enqueue(engine, "a", recipient="a@example.org")
    async with sending_by(database_url, AskedProvider(answer=break_off)):
        await ends(engine, "a", State.ACCEPTED)
    assert [each.provider_id for each in attempts_of(engine, "a")] == ["a to a@example.org"]
    assert b"example" not in kept[0]
    with engine.connect() as conn:
        assert conn.execute(text("SELECT sealed_address FROM attempt")).scalars().all() == [None]


async def test_receipts_that_come_before_the_outcome_count(database_url: str, engine: Engine) -> None:
    async def deliver_at_once(outgoing: Outgoing, _: Send, attempt: Attempt) -> Result:
        with engine.begin() as conn:
            assert sending.receive(conn, [Receipt("first", str(attempt.key), Outcome.DELIVERED)], CLOCK.now()) == []
        return Result.accepted(str(attempt.key))

    heard: list[State] = []
    enqueue(engine, "a")
    async with sending_by(
        database_url,
        FakeProvider(answer=deliver_at_once),
        concluded=lambda _, conclusions, __: heard.extend(each.sending.state for each in conclusions),
    ):
        await ends(engine, "a", State.DELIVERED)
    assert heard == [State.ACCEPTED, State.DELIVERED]


async def test_what_waits_and_what_nobody_has_resolved_is_measured(database_url: str, engine: Engine) -> None:
    async def cut(*_: object) -> Result:
        return Result.unknown("DATA_CUT")

    enqueue(engine, "later", lane=Lane.URGENT, due_time=CLOCK.now() + timedelta(hours=1))
    enqueue(engine, "late", channel="SMS", lane=Lane.CRITICAL, due_time=CLOCK.now() - timedelta(hours=1))
    enqueue(engine, "cut")
    before = value("onegrid_sending_attempts_total", provider="first", outcome="unknown")
    busy = FakeProvider("busy", "SMS", concurrency=0)
    async with sending_by(database_url, FakeProvider(answer=cut), busy) as sender:
        await ends(engine, "cut", State.UNKNOWN)
        with engine.connect() as conn:
            sender.measure(conn)
    assert value("onegrid_sendings_waiting", channel="MAIL", lane="urgent") == 1
    assert value("onegrid_sendings_oldest_due_seconds", channel="MAIL", lane="urgent") == 0
    assert value("onegrid_sendings_oldest_due_seconds", channel="SMS", lane="critical") >= 3600
    assert value("onegrid_sendings_unresolved", state="unknown") == 1
    assert value("onegrid_sending_attempts_total", provider="first", outcome="unknown") == before + 1
    assert value("onegrid_sending_call_seconds_count", provider="first") > 0


async def test_outcomes_survive_a_database_that_is_away(own_postgres: TestPostgres, own_database_url: str) -> None:
    engine = sync_engine(own_database_url)

    async def stop_the_database(*_: object) -> Result:
        own_postgres.server.kill()
        return Result.accepted("id")

    provider = FakeProvider(answer=stop_the_database)
    enqueue(engine, "a")
    async with sending_by(own_database_url, provider):
        await eventually_async(lambda: _is(provider.calls.total() == 1 and not provider.running))
        await asyncio.sleep(0.3)
        own_postgres.server.start()
        engine.dispose()
        await ends(engine, "a", State.ACCEPTED)
    assert provider.calls == {"a": 1}
    engine.dispose()


@contextmanager
def sending_process(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The sample's sender as a process, killed in the end."""
    process = roles.start(roles.environment(database_url), "sender")
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def effects(engine: Engine) -> dict[str, list[str]]:
    """The keys that the outside system was called with, by sending."""
    found = defaultdict(list)
    with engine.connect() as conn:
        for name in conn.execute(text("SELECT name FROM effect")).scalars():
            sending_id, key = name.split(" ")
            found[sending_id].append(key)
    return found


def test_a_sender_that_is_killed_at_any_moment_repeats_no_call(database_url: str, engine: Engine) -> None:
    names = [f"s{number}" for number in range(600)]
    enqueue(engine, *names, channel="EFFECT", parameters={"takes_s": 0.05})
    randomly = random.Random(11)
    for _ in range(4):
        with sending_process(database_url):
            done = count(engine, "effect")
            eventually(lambda done=done: count(engine, "effect") > done)  # type: ignore[misc]
            time.sleep(randomly.uniform(0.0, 0.4))
    with sending_process(database_url):
        eventually(lambda: not {State.WAITING, State.SENDING} & set(states(engine)), lambda: states(engine))
    called = effects(engine)
    assert set(states(engine)) == {State.ACCEPTED, State.UNKNOWN}
    for name in names:
        keys = [str(each.key) for each in attempts_of(engine, name)]
        # What is unknown may have been called or not; nothing was called twice, or without an attempt.
        assert len(keys) == 1
        assert called[name] in ([keys[0]], []) if of(engine, name).state is State.UNKNOWN else [keys[0]]


def test_the_role_is_ready_drains_on_sigterm_and_operators_decide_on_what_is_left(
    database_url: str, engine: Engine
) -> None:
    port = free_port()
    environ = roles.environment(database_url, METRICS_PORT=str(port), DRAIN_GRACE_S="30")
    enqueue(engine, "a", "b", channel="EFFECT", parameters={"takes_s": 1.0})
    with roles.running(environ, "sender"):
        eventually(lambda: roles.probe(port, "ready") == 200)
        assert roles.probe(port, "live") == 200
        eventually(lambda: count(engine, "effect") == 2)
    assert states(engine) == {State.ACCEPTED: 2}
    enqueue(engine, "c", "d", batch="articles/1")
    assert roles.run(environ, "sendings", "stop", "articles/1").stdout == "2 were waiting, and are not sent\n"
    assert states(engine) == {State.ACCEPTED: 2, State.STOPPED: 2}
    assert roles.run(environ, "sendings", "resume", "articles/1").stdout == "2 to be sent\n"
    with engine.begin() as conn:
        due, _ = claims.claim(conn, [claims.Claim("MAIL", Lane.NORMAL, 10)], CLOCK.now())
        begun = claims.begin(conn, [(each, "first") for each in due], lasts_s=60)
        finished = [outcomes.Finished(each, 1, Result.unknown("DATA_CUT")) for each in begun]
        learned = outcomes.finish(conn, finished, CLOCK.now(), lambda *_: None)
        unconcluded.set_aside(conn, learned[0], "RuntimeError", pause_s=60)
    listed = roles.run(environ, "sendings", "list").stdout.splitlines()
    assert [each.rsplit("\t", 1)[0] for each in listed] == [
        *(f"{each}\tUNKNOWN\t1\tMAIL\tfirst\tDATA_CUT" for each in ("c", "d")),
        "c\tUNCONCLUDED\t1\tMAIL\tfirst\tRuntimeError",
    ]
    assert roles.run(environ, "sendings", "settle", "c", "delivered").returncode == 0
    assert roles.run(environ, "sendings", "replay", "d").returncode == 0
    assert roles.run(environ, "sendings", "settle", "c").returncode == 2
    assert {each: of(engine, each).state for each in "cd"} == {"c": State.DELIVERED, "d": State.WAITING}
