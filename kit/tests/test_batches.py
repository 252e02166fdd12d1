"""Many commands in one statement: each done once, announced and audited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from operator import attrgetter

import pytest
import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid.identity.v1.resources_pb2 import Role
from onegrid_kit import audit
from onegrid_kit.batches import BatchedCommand, BatchStatement, Item, VersionChanged
from onegrid_kit.callers import Call
from onegrid_kit.database import Database
from onegrid_kit.errors import OutcomeUnknown, RequestIdReused, Unavailable
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.sessions import end_sessions
from onegrid_kit.testing.waiting import HANG_S, eventually

from .calls import CIPHER, a_call, a_request_id, count

pytestmark = pytest.mark.asyncio

STATEMENT = BatchStatement("effect text", "done AS (INSERT INTO effect (name) SELECT effect FROM fresh)")


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database("sample", database_url, CIPHER)
    yield database
    await database.close()


@pytest.fixture
def command(database: Database) -> BatchedCommand:
    return database.batched(STATEMENT, name="test")


def an_item(call: Call, effect: str | None = "x") -> Item:
    """A command that leaves a row, announces it and is answered with its name."""
    name = f"things/{effect}"
    call = replace(call, resource="", response_resource=attrgetter("name"))
    return Item(call, {"effect": effect}, UserDisabled(user=f"users/{effect}"), Role(name=name))


async def run(command: BatchedCommand, items: Sequence[Item]) -> list[str | BaseException]:
    """The name in each one's response, or its error."""
    answers = await asyncio.gather(*map(command.run, items), return_exceptions=True)
    return [Role.FromString(each).name if isinstance(each, bytes) else each for each in answers]


async def test_each_is_done_once_its_own_repetitions_included(
    database: Database, command: BatchedCommand, engine: Engine
) -> None:
    old, new = a_request_id(), a_request_id()
    await database.command(a_call(old), lambda _: Role(name="roles/old"))
    calls = [a_call(old), a_call(new), a_call(), a_call(new), a_call(new, "other"), a_call(old, "other"), a_call()]
    outcomes = await run(command, [an_item(call, str(number)) for number, call in enumerate(calls)])
    assert outcomes[:4] == ["roles/old", "things/1", "things/2", "things/1"]
    assert [type(outcome) for outcome in outcomes[4:6]] == [RequestIdReused, RequestIdReused]
    assert outcomes[6] == "things/6"
    with engine.connect() as conn:
        assert sorted(conn.execute(text("SELECT name FROM effect")).scalars()) == ["1", "2", "6"]
        announced = conn.execute(
            text("SELECT type, subject, body, time, traceparent FROM outbox ORDER BY number")
        ).all()
        audited = conn.execute(text("SELECT resource, request_id FROM audit_entry ORDER BY resource")).all()
    call = calls[1]
    assert [tuple(row) for row in announced] == [
        (
            "onegrid.identity.v1.UserDisabled",
            f"things/{number}",
            UserDisabled(user=f"users/{number}").SerializeToString(),
            call.now,
            call.traceparent,
        )
        for number in (1, 2, 6)
    ]
    assert {tuple(row) for row in audited} == {("things/1", new), ("things/1", old), ("things/2", ""), ("things/6", "")}


async def test_what_nobody_needs_to_hear_of_is_done_and_audited_without_an_event(
    command: BatchedCommand, engine: Engine
) -> None:
    items = [an_item(a_call(), "1"), replace(an_item(a_call(a_request_id()), "2"), event=None)]
    assert await run(command, items) == ["things/1", "things/2"]
    with engine.connect() as conn:
        assert conn.execute(text("SELECT subject FROM outbox")).scalars().all() == ["things/1"]
    assert count(engine, "effect") == count(engine, "audit_entry") == 2


async def test_of_what_items_share_each_gets_a_part_as_long_as_there_is_one(database: Database, engine: Engine) -> None:
    statement = BatchStatement(
        "effect text",
        "done AS (INSERT INTO effect (name) SELECT effect FROM fresh)",
        guard="""
          SELECT position FROM (SELECT position, row_number() OVER (ORDER BY position) AS place FROM item) AS placed
          WHERE place <= 3 - (SELECT count(*) FROM effect)
        """,
        shared=True,
    )
    command = database.batched(statement, name="test")
    calls = [a_call(a_request_id()) for _ in range(4)]
    assert await run(command, [an_item(calls[0], "0")]) == ["things/0"]
    together = [calls[1], calls[0], calls[1], calls[2], calls[3]]
    outcomes = await run(command, [an_item(call, str(number)) for number, call in enumerate(together, start=1)])
    assert outcomes[:3] == ["things/1", "things/0", "things/1"]
    # One place is left, which the repeated requests took before these; whoever is left out asks again.
    assert [type(outcome) for outcome in outcomes[3:]] == [VersionChanged, VersionChanged]
    assert await run(command, [an_item(calls[2], "last")]) == ["things/last"]
    assert [type(each) for each in await run(command, [an_item(calls[3]), an_item(a_call())])] == [VersionChanged] * 2
    assert await run(command, [an_item(calls[2])]) == ["things/last"]
    assert count(engine, "effect") == count(engine, "outbox") == 3


async def test_what_comes_at_the_same_moment_is_one_block_of_the_trail(command: BatchedCommand, engine: Engine) -> None:
    call = a_call(a_request_id(), purpose='为民办事 \\ "x"')
    first = asyncio.create_task(command.run(an_item(a_call(), "first")))
    await asyncio.sleep(0)
    await run(command, [an_item(a_call(a_request_id(), purpose="why"), "居民"), an_item(call), an_item(a_call())])
    await first
    await run(command, [an_item(call)])
    with engine.connect() as conn:
        assert list(audit.broken_blocks(conn)) == []
        assert conn.execute(text("SELECT count(*) FROM audit_block")).scalar_one() == 2


async def test_one_that_fails_leaves_nothing_and_harms_no_other(command: BatchedCommand, engine: Engine) -> None:
    calls = [a_call(a_request_id()) for _ in range(4)]
    effects = ["1", None, "3", "4"]
    outcomes = await run(command, [an_item(call, effect) for call, effect in zip(calls, effects, strict=True)])
    assert "null value" in str(outcomes[1])
    assert [outcomes[0], *outcomes[2:]] == ["things/1", "things/3", "things/4"]
    for table in ("effect", "idempotency", "outbox", "audit_entry"):
        assert count(engine, table) == 3


async def test_batches_of_the_same_ids_in_other_orders_do_not_lock_each_other_out(
    database: Database, engine: Engine
) -> None:
    calls = [a_call(a_request_id()) for _ in range(30)]
    orders = (list(range(30)), list(reversed(range(30)))) * 4
    commands = [database.batched(STATEMENT, name="test") for _ in orders]
    outcomes = await asyncio.gather(
        *(
            run(command, [an_item(calls[i], str(n)) for i in order])
            for n, (command, order) in enumerate(zip(commands, orders, strict=True))
        )
    )
    answers = [dict(zip(order, outcome, strict=True)) for order, outcome in zip(orders, outcomes, strict=True)]
    assert all(answer == answers[0] for answer in answers)
    assert (count(engine, "effect"), count(engine, "idempotency")) == (30, 30)


async def test_a_restart_of_postgresql_costs_who_may_repeat_nothing(
    own_postgres: TestPostgres, own_database_url: str
) -> None:
    database = Database("sample", own_database_url, CIPHER)
    command = database.batched(STATEMENT, name="test")
    for end in (own_postgres.server.kill, own_postgres.server.stop):
        await command.run(an_item(a_call(a_request_id())))
        await asyncio.to_thread(end)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(command.run(an_item(a_call(a_request_id()))), HANG_S)
        own_postgres.server.start()
        assert await run(command, [an_item(a_call(a_request_id()))]) == ["things/x"]
    await database.close()


async def test_a_connection_that_breaks_under_a_statement_is_an_error_for_calls_that_may_not_be_repeated(
    database: Database, engine: Engine
) -> None:
    def broken() -> bool:
        return end_sessions(engine, "state = 'active' AND query = 'SELECT pg_sleep(5)'") > 0

    async def broken_under(repeatable: bool) -> object:
        connection = database.dedicated_connection()
        running = asyncio.create_task(connection.fetch("SELECT pg_sleep(5)", repeatable=repeatable))
        await asyncio.to_thread(eventually, broken)
        return await running

    with pytest.raises(OutcomeUnknown):
        await broken_under(repeatable=False)
    assert await broken_under(repeatable=True)


@pytest.mark.parametrize("turns", range(4))
async def test_a_goodbye_that_crosses_a_statement_is_nobodys_concern(
    database: Database, engine: Engine, turns: int
) -> None:
    connection = database.dedicated_connection()
    for _ in range(3):
        await connection.fetch("SELECT 5", repeatable=True)
        # The loop stands still meanwhile: the server's last words lie unread.
        end_sessions(engine, "query = 'SELECT 5'")
        time.sleep(0.1)  # noqa: ASYNC251
        for _ in range(turns):
            await asyncio.sleep(0)
        assert [tuple(row) for row in await connection.fetch("SELECT 5", repeatable=True)] == [(5,)]


async def test_a_statement_that_runs_too_long_is_stopped_and_not_taken_for_a_loss(database_url: str) -> None:
    database = Database("sample", database_url, CIPHER, statement_timeout_ms=200)
    with pytest.raises(Exception, match="statement timeout"):
        await database.dedicated_connection().fetch("SELECT pg_sleep(5)", repeatable=True)
    await database.close()
