"""Sendings in the database: sent once by their id, in their lanes, and their attempts and receipts end in one state."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from onegrid_kit import housekeeping, sending
from onegrid_kit.database import Database
from onegrid_kit.sending import (
    Attempt,
    Conclusion,
    Lane,
    Limit,
    LimitScope,
    Outcome,
    Outgoing,
    Receipt,
    Result,
    Send,
    Sending,
    State,
)
from onegrid_kit.sending.limits import Counter, Limits
from onegrid_kit.sending.rules import ENDED, pause_s, state_after, stronger
from onegrid_kit.sending.store import claims, outcomes
from onegrid_kit.testing.explaining import Explained
from onegrid_kit.testing.waiting import eventually

from .calls import CIPHER
from .providers import FakeProvider

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NUMBERS = itertools.count()


def a_sending(sending_id: str = "", **given: Any) -> Sending:
    """One by mail that is due."""
    return Sending(id=sending_id or f"sending {next(NUMBERS)}", **{"channel": "MAIL", **given})


def enqueue(engine: Engine, *sendings: Sending) -> int:
    """Enqueue them."""
    with engine.begin() as conn:
        return sending.enqueue(conn, sendings, NOW)


def claimed(conn: Connection, lane: Lane = Lane.NORMAL, most: int = 10, now: datetime = NOW) -> list[Outgoing]:
    """Those that are due in this lane."""
    return claims.claim(conn, [claims.Claim("MAIL", lane, most)], now)[0]


def begun(engine: Engine, sending_id: str, *, lasts_s: float = 60.0) -> Attempt:
    """Another attempt for a waiting sending."""
    with engine.begin() as conn:
        (outgoing,) = [each for each in claimed(conn, most=1000) if each.id == sending_id]
        return claims.begin(conn, [(outgoing, "first")], lasts_s)[sending_id]


def finish(engine: Engine, attempt: Attempt, result: Result, retry_s: float | None = 0.0) -> Sequence[Conclusion]:
    """What the attempt came to."""
    with engine.begin() as conn:
        return outcomes.finish(
            conn, [outcomes.Finished(attempt.sending, attempt.number, result)], NOW, lambda *_: retry_s
        )


def receive(engine: Engine, *receipts: Receipt) -> Sequence[Conclusion]:
    """Receipts of the first provider."""
    with engine.begin() as conn:
        return sending.receive(conn, receipts, NOW)


def of(engine: Engine, sending_id: str) -> Outgoing:
    """It as it stands."""
    with engine.connect() as conn:
        found = sending.find(conn, sending_id)
    assert found is not None
    return found


def state_of(engine: Engine, sending_id: str) -> State:
    return of(engine, sending_id).state


def test_a_sending_is_enqueued_with_its_transaction_and_once(engine: Engine) -> None:
    with engine.connect() as conn:
        assert sending.enqueue(conn, [a_sending("undone")], NOW) == 1
        conn.rollback()
        assert sending.find(conn, "undone") is None
    first = a_sending(
        "items/1/users/a/MAIL", kind="article", district="441900", recipient="users/a", subject="articles/1",
        batch="articles/1", lane=Lane.BULK, parameters={"rung": 1, "deep": ["中山路", None]},
        due_time=NOW + timedelta(hours=1), expire_time=NOW + timedelta(days=1),
    )  # fmt: skip
    assert enqueue(engine, first, a_sending()) == 2
    assert enqueue(engine, replace(first, lane=Lane.URGENT)) == 0
    found = of(engine, first.id)
    assert {name: getattr(found, name) for name in first.__dataclass_fields__} == {
        name: getattr(first, name) for name in first.__dataclass_fields__
    }
    assert (found.state, found.attempts, found.create_time, found.end_time) == (State.WAITING, 0, NOW, None)


async def test_an_api_s_command_does_the_same_as_a_worker(database_url: str, engine: Engine) -> None:
    database = Database("toy", database_url, CIPHER)
    sendings = [a_sending("a", batch="articles/1", parameters={"of": [1]}, expire_time=NOW + timedelta(days=1)),
                a_sending("b", batch="articles/1")]  # fmt: skip
    assert await database.write(lambda conn: sending.enqueue(conn, sendings, NOW)) == 2
    assert await database.read(lambda conn: sending.find(conn, "a")) == of(engine, "a")
    assert await database.write(lambda conn: sending.stop(conn, "articles/1")) == 2
    assert await database.write(lambda conn: sending.move(conn, "articles/1", NOW)) == (2, True)
    assert await database.read(lambda conn: sending.count_by_state(conn, "articles/1")) == {State.STOPPED: 2}
    assert await database.write(lambda conn: sending.resume(conn, "articles/1")) == 2
    assert await database.write(lambda conn: sending.move(conn, "articles/1", NOW)) == (2, True)
    attempts = await database.write(
        lambda conn: claims.begin(conn, [(each, "first") for each in claimed(conn)], lasts_s=0)
    )
    overdue = await database.read(outcomes.overdue)
    assert {each.sending: each for each in overdue} == attempts
    result = Result.accepted("its id")
    finished = [outcomes.Finished("a", 1, result), outcomes.Finished("b", 1, Result.unknown("TIMEOUT"))]
    await database.write(lambda conn: outcomes.finish(conn, finished, NOW, lambda *_: None))
    receipts = [Receipt("first", "its id", Outcome.FAILED, "BOUNCED", address_refused=True),
                Receipt("first", "not ours", Outcome.READ)]  # fmt: skip
    (concluded,) = await database.write(lambda conn: sending.receive(conn, receipts, NOW))
    assert (concluded.sending, concluded.address_refused) == (of(engine, "a"), True)
    assert (concluded.sending.state, concluded.sending.last_code) == (State.FAILED, "BOUNCED")
    assert await database.write(lambda conn: outcomes.receive_early(conn, NOW)) == []
    assert [each.sending for each, _ in await database.write(lambda conn: outcomes.to_ask(conn, ["first"]))] == ["b"]
    assert [each.id for each in await database.read(sending.unresolved)] == ["a", "b"]
    settled = await database.write(lambda conn: sending.settle(conn, "b", NOW, delivered=True))
    assert settled is not None
    assert settled.sending == of(engine, "b")
    assert await database.write(lambda conn: sending.replay(conn, "a", NOW))
    found = await database.read(lambda conn: sending.search(conn, states=[State.WAITING], batch="articles/1"))
    assert [each.id for each in found] == ["a"]
    assert [each.outcome for each in await database.read(lambda conn: sending.attempts_of(conn, "a"))] == ["FAILED"]
    await database.close()


def test_a_claim_takes_what_is_due_of_its_lane_and_the_oldest_first(engine: Engine) -> None:
    for late in (3, 1, 2):
        enqueue(engine, a_sending(f"{late} h late", due_time=NOW - timedelta(hours=late)))
    enqueue(
        engine,
        a_sending("early", due_time=NOW + timedelta(seconds=1)),
        a_sending("urgent", lane=Lane.URGENT),
        a_sending("other channel", channel="SMS"),
    )
    with engine.connect() as first, engine.connect() as second:
        assert [each.id for each in claimed(first, most=2)] == ["3 h late", "2 h late"]
        # What one replica has claimed another one passes over.
        assert [each.id for each in claimed(second)] == ["1 h late"]
        wanted = [
            claims.Claim("MAIL", Lane.URGENT, 5),
            claims.Claim("SMS", Lane.NORMAL, 5),
            claims.Claim("X", Lane.BULK, 1),
        ]
        assert [each.id for each in claims.claim(second, wanted, NOW)[0]] == ["urgent", "other channel"]
        first.rollback()
        assert [each.id for each in claimed(second, now=NOW + timedelta(seconds=1))] == [
            "3 h late", "2 h late", "1 h late", "early"
        ]  # fmt: skip


def test_what_has_expired_or_was_stopped_is_ended_instead_of_claimed(engine: Engine) -> None:
    enqueue(
        engine,
        a_sending("expired", expire_time=NOW),
        a_sending("in time", expire_time=NOW + timedelta(seconds=1)),
        a_sending("before the stop", batch="articles/1"),
    )
    with engine.begin() as conn:
        assert sending.stop(conn, "articles/1") == 1
        assert sending.move(conn, "articles/1", NOW) == (1, True)
    # A transaction that enqueued into the batch without having heard of its stop.
    enqueue(engine, a_sending("after the stop", batch="articles/1"), a_sending("other", batch="articles/2"))
    with engine.begin() as conn:
        due, ended = claims.claim(conn, [claims.Claim("MAIL", Lane.NORMAL, 10)], NOW)
    assert {each.id for each in due} == {"in time", "other"}
    assert {(each.sending.id, each.sending.state) for each in ended} == {
        ("expired", State.EXPIRED), ("after the stop", State.STOPPED)
    }  # fmt: skip
    for each in ended:
        assert each.sending == of(engine, each.sending.id)
    with engine.begin() as conn:
        assert sending.count_by_state(conn, "articles/1") == {State.STOPPED: 2}
        assert sending.resume(conn, "articles/1") == 2
        assert sending.move(conn, "articles/1", NOW) == (2, True)
        assert {each.id for each in claimed(conn)} >= {"before the stop", "after the stop"}


def test_who_resumes_a_batch_finds_what_is_being_stopped(engine: Engine) -> None:
    with engine.begin() as conn:
        sending.stop(conn, "articles/1")
    enqueue(engine, a_sending("after the stop", batch="articles/1"))

    def resume() -> int:
        with engine.begin() as conn:
            pids.append(conn.execute(text("SELECT pg_backend_pid()")).scalar_one())
            return sending.resume(conn, "articles/1")

    pids: list[int] = []
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as conn:
            assert claimed(conn) == []
            resuming = threads.submit(resume)
            waits = text("SELECT cardinality(pg_blocking_pids(:pid)) > 0")
            eventually(lambda: resuming.done() or (bool(pids) and conn.execute(waits, {"pid": pids[0]}).scalar_one()))
        assert resuming.result() == 1
    with engine.begin() as conn:
        assert sending.move(conn, "articles/1", NOW) == (1, True)
        assert [each.id for each in claimed(conn)] == ["after the stop"]


def test_a_large_batch_is_stopped_at_once_and_moved_in_pieces_as_was_wanted_last(engine: Engine) -> None:
    names = [f"s{number}" for number in range(25)]
    enqueue(engine, *(a_sending(each, batch="articles/1") for each in names), a_sending("other", batch="articles/2"))

    def moved() -> tuple[int, bool]:
        with engine.begin() as conn:
            return sending.move(conn, "articles/1", NOW, most=10)

    def by_state() -> Mapping[State, int]:
        with engine.connect() as conn:
            return sending.count_by_state(conn, "articles/1")

    with engine.begin() as conn:
        assert sending.stop(conn, "articles/1") == 25
        assert sending.stop(conn, "articles/1") == 0
    # Nothing was moved yet, and nothing is sent.
    assert by_state() == {State.WAITING: 25}
    with engine.connect() as conn:
        assert [each.id for each in claimed(conn, most=100)] == ["other"]
        conn.rollback()
    assert moved() == (10, False)
    assert by_state() == {State.WAITING: 15, State.STOPPED: 10}
    with engine.begin() as conn:
        assert sending.resume(conn, "articles/1") == 25
        assert sending.resume(conn, "articles/1") == 0
    assert [moved(), moved()] == [(10, False), (0, True)]
    assert by_state() == {State.WAITING: 25}
    with engine.begin() as conn:
        assert len(claimed(conn, most=100)) == 26


def test_a_stop_lets_a_call_end_and_no_other_begin(engine: Engine) -> None:
    enqueue(engine, a_sending("a", batch="articles/1"))
    attempt = begun(engine, "a")
    with engine.begin() as conn:
        assert sending.stop(conn, "articles/1") == 0
    finish(engine, attempt, Result.failed("BUSY", temporary=True))
    with engine.begin() as conn:
        assert claimed(conn) == []
    assert state_of(engine, "a") is State.STOPPED


def test_an_attempt_has_a_key_of_its_own_and_is_known_before_its_call(engine: Engine) -> None:
    enqueue(engine, a_sending("a"))
    first = begun(engine, "a")
    assert (first.number, first.provider, first.outcome, first.end_time) == (1, "first", None, None)
    assert (state_of(engine, "a"), of(engine, "a").attempts) == (State.SENDING, 1)
    (concluded,) = finish(engine, first, Result.failed("BUSY", temporary=True), retry_s=60)
    assert (concluded.sending, concluded.sending.state) == (of(engine, "a"), State.WAITING)
    assert (concluded.sending.due_time, concluded.sending.last_code) == (NOW + timedelta(seconds=60), "BUSY")
    with engine.begin() as conn:
        conn.execute(text("UPDATE sending SET due_time = :now"), {"now": NOW})
    second = begun(engine, "a")
    assert (second.number, second.key != first.key) == (2, True)
    finish(engine, second, Result.failed("BUSY", temporary=True), retry_s=None)
    found = of(engine, "a")
    assert (found.state, found.end_time, found.tries) == (State.FAILED, NOW, 2)
    with engine.connect() as conn:
        assert [(each.outcome, each.code) for each in sending.attempts_of(conn, "a")] == [("RETRYABLE", "BUSY")] * 2


def test_an_unknown_attempt_is_never_claimed_again_until_an_operator_replays_it(engine: Engine) -> None:
    enqueue(engine, a_sending("a"))
    attempt = begun(engine, "a", lasts_s=0)
    with engine.connect() as conn:
        assert [each.key for each in outcomes.overdue(conn)] == [attempt.key]
    finish(engine, attempt, Result.unknown("NO_ANSWER"))
    with engine.begin() as conn:
        assert claimed(conn, now=NOW + timedelta(days=9)) == []
        assert sending.replay(conn, "a", NOW)
        assert not sending.replay(conn, "a", NOW)
    # What is learned now that the first was taken after all spares the second.
    finish(engine, attempt, Result.accepted("id"))
    assert state_of(engine, "a") is State.ACCEPTED


def test_an_operator_settles_what_is_unknown(engine: Engine) -> None:
    for delivered, state in ((True, State.DELIVERED), (False, State.FAILED)):
        sending_id = f"settled {state}"
        enqueue(engine, a_sending(sending_id))
        attempt = begun(engine, sending_id)
        with engine.begin() as conn:
            assert sending.settle(conn, sending_id, NOW, delivered=delivered) is None
        finish(engine, attempt, Result.unknown("NO_ANSWER"))
        with engine.begin() as conn:
            settled = sending.settle(conn, sending_id, NOW, delivered=delivered)
        assert settled is not None
        assert (settled.sending.state, settled.sending.last_code) == (state, "SETTLED")
        assert settled.sending == of(engine, sending_id)


def test_what_ended_three_months_ago_is_forgotten_and_what_waits_is_not(engine: Engine) -> None:
    later = NOW + timedelta(days=91)
    enqueue(engine, a_sending("ended"), a_sending("waits", due_time=NOW + timedelta(days=100)))
    # Nobody has sent by this channel since.
    enqueue(engine, a_sending("nobody's", channel="PIGEON", expire_time=NOW))
    finish(engine, begun(engine, "ended"), Result.accepted("id"))
    with engine.begin() as conn:
        housekeeping.forget_sendings(conn, NOW + timedelta(days=89))
        assert sending.find(conn, "ended") is not None
        assert sending.find(conn, "nobody's") is not None
        housekeeping.forget_sendings(conn, later)
        assert sending.find(conn, "ended") is None
        assert sending.find(conn, "nobody's") is None
        assert sending.attempts_of(conn, "ended") == []
        assert sending.find(conn, "waits") is not None


def test_a_provider_is_asked_a_few_times_about_what_is_unknown(engine: Engine) -> None:
    enqueue(engine, a_sending("a"))
    finish(engine, begun(engine, "a"), Result.unknown("NO_ANSWER"))
    with engine.begin() as conn:
        assert outcomes.to_ask(conn, ["another"]) == []
        asked = [len(outcomes.to_ask(conn, ["first"], asks=3, base_s=0)) for _ in range(4)]
    assert asked == [1, 1, 1, 0]


def test_receipts_find_their_attempts_without_reading_all(engine: Engine) -> None:
    enqueue(engine, *(a_sending(f"s{number}") for number in range(2_000)))
    with engine.begin() as conn:
        conn.execute(
            text(
                """
                INSERT INTO attempt (sending, number, key, provider, provider_id, deadline, outcome)
                SELECT id, 1, gen_random_uuid(), 'first', 'of ' || id, now(), 'ACCEPTED' FROM sending
                """
            )
        )
        conn.execute(text("ANALYZE attempt"))
    # One that stays: another system sends by the same provider.
    receive(engine, Receipt("first", "of others", Outcome.DELIVERED))
    explained = Explained(engine)
    with engine.connect() as conn:
        (attempt,) = sending.attempts_of(conn, "s8")
    by_id, by_key = (
        [Receipt("first", "of s7", Outcome.DELIVERED)],
        [Receipt("first", "", Outcome.DELIVERED, key=attempt.key)],
    )
    for query in (
        lambda conn: outcomes.receive(conn, by_id, NOW),
        lambda conn: outcomes.receive(conn, by_key, NOW),
        lambda conn: outcomes.receive_early(conn, NOW),
    ):
        work = explained.work(query)
        assert work.rows < 100
        assert "attempt" not in work.read_whole
    explained.close()


def test_an_early_receipt_waits_for_the_outcome_of_its_attempt(engine: Engine) -> None:
    enqueue(engine, a_sending("a"))
    attempt = begun(engine, "a")
    assert receive(engine, Receipt("first", "id", Outcome.DELIVERED), Receipt("other", "id", Outcome.FAILED)) == []
    assert receive(engine, Receipt("first", "id", Outcome.DELIVERED)) == []
    finish(engine, attempt, Result.accepted("id"))
    with engine.begin() as conn:
        (concluded,) = outcomes.receive_early(conn, NOW)
        assert outcomes.receive_early(conn, NOW) == []
    assert concluded.sending == of(engine, "a")
    assert concluded.sending.state is State.DELIVERED


def test_a_receipt_that_names_the_key_settles_an_attempt_whose_answer_was_lost(engine: Engine) -> None:
    enqueue(engine, a_sending("lost"), a_sending("runs"))
    lost, runs = begun(engine, "lost"), begun(engine, "runs")
    finish(engine, lost, Result.unknown("NO_ANSWER"))
    refused = Receipt("first", "its id", Outcome.FAILED, "BOUNCED", address_refused=True, key=lost.key)
    # Nobody says anything of another provider's attempts.
    assert receive(engine, replace(refused, provider="other")) == []
    assert state_of(engine, "lost") is State.UNKNOWN
    (concluded,) = receive(engine, refused)
    assert (concluded.sending.state, concluded.code, concluded.address_refused) == (State.FAILED, "BOUNCED", True)
    # The id is known from then on.
    receive(engine, Receipt("first", "its id", Outcome.DELIVERED))
    assert state_of(engine, "lost") is State.DELIVERED
    receive(engine, Receipt("first", "", Outcome.DELIVERED, key=runs.key))
    assert finish(engine, runs, Result.accepted("id"))[0].sending.state is State.DELIVERED
    with engine.begin() as conn:
        assert outcomes.to_ask(conn, ["first"], base_s=0) == []


RESULTS: Mapping[str, Result] = {
    "accepted": Result.accepted("id"),
    "failed": Result.failed("REFUSED"),
    "busy": Result.failed("BUSY", temporary=True),
    "unknown": Result.unknown("NO_ANSWER"),
}
RECEIPTS = [
    Receipt("first", "id", outcome) for outcome in (Outcome.ACCEPTED, Outcome.FAILED, Outcome.DELIVERED, Outcome.READ)
]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_outcomes_and_receipts_in_any_order_and_repeated_end_in_one_state(engine: Engine, data: Any) -> None:
    result = data.draw(st.sampled_from(sorted(RESULTS)))
    receipts = data.draw(st.lists(st.sampled_from(RECEIPTS), max_size=4)) if result == "accepted" else []
    learned: list[Result | Receipt | None] = [RESULTS[result], *receipts]
    # None: the deadline passes.
    overdue = data.draw(st.booleans())
    learned += [None] if overdue else []
    states = []
    for _ in range(2):
        sending_id = f"in any order {next(NUMBERS)}"
        order = data.draw(st.permutations([*learned, *data.draw(st.lists(st.sampled_from(learned), max_size=3))]))
        prefix = f"{sending_id}/"
        enqueue(engine, a_sending(sending_id, channel="MAIL"))
        attempt = begun(engine, sending_id)
        for each in order:
            if isinstance(each, Receipt):
                receive(engine, replace(each, provider_id=prefix + each.provider_id))
            else:
                known = each or Result.unknown("NO_ANSWER")
                finish(engine, attempt, replace(known, provider_id=prefix + "id" if known.provider_id else ""), 3600)
        with engine.begin() as conn:
            outcomes.receive_early(conn, NOW)
        states.append((state_of(engine, sending_id), of(engine, sending_id).attempts))
    assert states[0] == states[1]
    expected = max([RESULTS[result].outcome, *(each.outcome for each in receipts)], key=list(Outcome).index)
    assert states[0] == (State.WAITING if expected is Outcome.RETRYABLE else State(expected), 1)


@given(st.lists(st.sampled_from(Outcome), min_size=1))
def test_what_is_learned_last_does_not_matter_but_what_is_strongest(outcomes: list[Outcome]) -> None:
    known: Outcome | None = None
    for each in outcomes:
        known = each if stronger(known, each) else known
    assert known == max(outcomes, key=list(Outcome).index)


@given(
    st.sampled_from(State),
    st.lists(st.one_of(st.none(), st.sampled_from(Outcome)), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_a_sending_is_never_due_again_once_it_was_taken(
    state: State, outcomes: list[Outcome | None], replayed: bool, may_retry: bool
) -> None:
    after = state_after(state, outcomes, replayed=replayed, may_retry=may_retry)
    if {Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.READ} & set(outcomes):
        assert after is not State.WAITING
    if after is State.WAITING and state is not State.WAITING:
        assert (outcomes[-1], may_retry) == (Outcome.RETRYABLE, True)
    if state in (State.DROPPED, State.EXPIRED, State.STOPPED):
        assert after in ENDED or None in outcomes


@given(st.integers(1, 200), st.floats(0, 100))
def test_pauses_grow_up_to_their_limit_and_respect_what_a_provider_asks_for(tries: int, at_least_s: float) -> None:
    assert at_least_s <= pause_s(tries, 1.0, 60.0, at_least_s) <= at_least_s + min(2.0 ** (tries - 1), 60.0)


@given(
    st.integers(1, 30),
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from(Lane)), min_size=1, max_size=150),
)
def test_no_period_has_more_calls_than_its_limit(count: int, calls: list[tuple[float, Lane]]) -> None:
    counter, now_s, taken = Counter(Limit(count, 10.0)), 1e9, []
    for pause, lane in calls:
        now_s += pause
        if counter.take(now_s, lane) is None:
            taken.append(now_s)
    for begin in taken:
        assert sum(begin <= each < begin + 10.0 for each in taken) <= count


def test_a_steady_stream_reaches_most_of_a_limit_and_what_is_deferred_comes_back_in_time() -> None:
    counter, taken, due = Counter(Limit(100, 10.0, LimitScope.TEMPLATE)), 0, dict.fromkeys(range(2000), 0.0)
    asked = 0
    for tick in range(1000):
        now_s = 1e9 + tick * 0.1
        for one in [one for one, due_s in due.items() if due_s <= now_s]:
            asked += 1
            wait_s = counter.take(now_s, Lane.URGENT if one < 0 else Lane.NORMAL)
            if wait_s is None:
                taken += 1
                del due[one]
            else:
                assert wait_s > 0
                due[one] = now_s + wait_s
    # 88 of each 100 are for this lane; 100 s make 10 periods.
    assert taken >= 88 * 10 * 0.9
    assert asked < 3 * 2000


def test_bulk_leaves_room_in_a_limit_for_what_is_urgent() -> None:
    counter = Counter(Limit(20, 60.0))
    bulk = [counter.take(1e9, Lane.BULK) for _ in range(20)]
    assert bulk.count(None) == 15
    assert [counter.take(1e9, Lane.CRITICAL) for _ in range(6)].count(None) == 5


@pytest.mark.parametrize("scope", LimitScope)
def test_replicas_share_a_limit(engine: Engine, scope: LimitScope) -> None:
    provider = FakeProvider(limits=[Limit(3, 3600.0, scope)])
    other = FakeProvider(name="other", limits=[Limit(3, 3600.0, scope)])
    message, elsewhere = Send("a@example.org", "", "digest", "welcome"), Send("b@example.org", "", "else", "bye")
    enqueue(engine, a_sending("a", lane=Lane.CRITICAL))
    outgoing = of(engine, "a")
    refused = []
    for _ in range(4):
        with engine.begin() as conn:
            limits = Limits(conn, [(outgoing, message, provider), (outgoing, elsewhere, provider)])
            refused.append(limits.take(outgoing, message, provider))
            limits.store()
    assert refused[:3] == [None] * 3
    assert refused[3] is not None
    assert refused[3][0].scope is scope
    assert 0 < refused[3][1] <= 3960
    with engine.begin() as conn:
        limits = Limits(conn, [(outgoing, elsewhere, provider), (outgoing, message, other)])
        assert limits.take(outgoing, message, other) is None
        assert (limits.take(outgoing, elsewhere, provider) is None) is (scope is not LimitScope.PROVIDER)


def test_a_limit_of_templates_counts_calls_of_those_alone_and_together(engine: Engine) -> None:
    provider = FakeProvider(limits=[Limit(2, 3600.0, LimitScope.ADDRESS, frozenset({"login", "verify"}))])
    enqueue(engine, a_sending("a", lane=Lane.CRITICAL))
    outgoing = of(engine, "a")
    allowed = []
    for template in ("login", "verify", "login", "reminder", "reminder", "reminder"):
        message = Send("a@example.org", "", "digest", template)
        with engine.begin() as conn:
            limits = Limits(conn, [(outgoing, message, provider)])
            allowed.append(limits.take(outgoing, message, provider) is None)
            limits.store()
    assert allowed == [True, True, False, True, True, True]


def test_what_is_sealed_is_kept_until_its_sending_has_ended_or_expired(engine: Engine) -> None:
    ends = NOW + timedelta(minutes=5)
    sent, waiting, expiring = (a_sending(sealed=b"secret", expire_time=time) for time in (ends, None, ends))
    enqueue(engine, sent, waiting, expiring)
    with engine.begin() as conn:
        assert {each.sealed for each in claimed(conn)} == {b"secret"}
    finish(engine, begun(engine, sent.id), Result.accepted("1"))

    def kept(now: datetime) -> set[str]:
        with engine.begin() as conn:
            housekeeping.forget_sealed(conn, now)
        return {each.id for each in (sent, waiting, expiring) if of(engine, each.id).sealed}

    assert kept(NOW) == {waiting.id, expiring.id}
    assert kept(ends) == {waiting.id}
