"""One answer for one request id."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from sqlalchemy import Connection, Engine, text

from calls import CIPHER, a_call, a_request_id, count
from onegrid.identity.v1.resources_pb2 import Role
from onegrid_kit import idempotency
from onegrid_kit.database import Database, run_command
from onegrid_kit.errors import RequestIdReused
from onegrid_kit.idempotency import Answered


def effect(name: str) -> Callable[[Connection], Role]:
    """A command that leaves a row and answers with it; any message serves."""

    def do(conn: Connection) -> Role:
        number = conn.execute(
            text("INSERT INTO effect (name) VALUES (:name) RETURNING id"), {"name": name}
        ).scalar_one()
        return Role(name=f"roles/{number}")

    return do


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database("sample", database_url, CIPHER)
    yield database
    await database.close()


@pytest.mark.asyncio
async def test_twenty_concurrent_calls_of_one_request_id_are_done_once_and_answered_alike(
    database: Database, engine: Engine
) -> None:
    call = a_call(a_request_id())
    answers = await asyncio.gather(*(database.command(call, Role, effect("one")) for _ in range(20)))
    assert len({answer.name for answer in answers}) == 1
    assert count(engine, "effect") == 1
    assert count(engine, "audit_entry") == 1


@pytest.mark.asyncio
async def test_calls_without_a_request_id_are_each_done(database: Database, engine: Engine) -> None:
    await asyncio.gather(*(database.command(a_call(), Role, effect("each")) for _ in range(5)))
    assert count(engine, "effect") == 5


@pytest.mark.asyncio
async def test_one_id_belongs_to_one_request_of_one_caller(database: Database, engine: Engine) -> None:
    id_ = a_request_id()
    await database.command(a_call(id_), Role, effect("first"))
    for other in (a_call(id_, "another content"), a_call(id_, method="a.v1.A/Undo")):
        with pytest.raises(RequestIdReused):
            await database.command(other, Role, effect("never"))
    await database.command(a_call(id_, user="users/bob"), Role, effect("bob's own"))
    assert count(engine, "effect") == 2


@pytest.mark.asyncio
async def test_a_command_that_failed_may_be_repeated(database: Database, engine: Engine) -> None:
    call = a_call(a_request_id())

    def fail(conn: Connection) -> Role:
        effect("undone")(conn)
        raise LookupError

    with pytest.raises(LookupError):
        await database.command(call, Role, fail)
    assert (count(engine, "effect"), count(engine, "idempotency"), count(engine, "audit_entry")) == (0, 0, 0)
    await database.command(call, Role, effect("done"))
    assert count(engine, "effect") == 1


def test_a_batch_is_claimed_at_once_its_own_repetitions_included(engine: Engine) -> None:
    old, new = a_request_id(), a_request_id()
    with engine.begin() as conn:
        run_command(conn, CIPHER, a_call(old), Role, effect("old"))
    calls = [a_call(old), a_call(new), a_call(), a_call(new), a_call(new, "other"), a_call(old, "other")]
    with engine.begin() as conn:
        outcomes = idempotency.claim(conn, calls, [b"0", b"1", b"2", b"3", b"4", b"5"])
    first = outcomes[0]
    assert isinstance(first, Answered)
    assert CIPHER.open(first.answer, idempotency.PURPOSE) == Role(name="roles/1").SerializeToString()
    assert outcomes[1:4] == [None, None, Answered(b"1")]
    assert [type(outcome) for outcome in outcomes[4:]] == [RequestIdReused, RequestIdReused]


@pytest.mark.asyncio
async def test_batches_that_claim_the_same_ids_in_other_orders_do_not_lock_each_other_out(
    database: Database, engine: Engine
) -> None:
    calls = [a_call(a_request_id()) for _ in range(30)]

    def claim(batch: list[int]) -> Callable[[Connection], int]:
        return lambda conn: sum(
            outcome is None for outcome in idempotency.claim(conn, [calls[i] for i in batch], [b"x"] * len(batch))
        )

    forth, back = list(range(30)), list(reversed(range(30)))
    claimed = await asyncio.gather(*(database.write(claim(batch)) for batch in (forth, back) * 4))
    assert sum(claimed) == 30
    assert count(engine, "idempotency") == 30
