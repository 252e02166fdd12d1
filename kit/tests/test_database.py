"""The bridge to PostgreSQL: what is lost, what conflicts, what is wrong."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Callable
from unittest.mock import AsyncMock

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from onegrid.identity.v1.resources_pb2 import Role
from onegrid_kit.database import Database, sync_engine
from onegrid_kit.errors import Conflict, Unavailable
from onegrid_kit.failures import lost
from onegrid_kit.testing import waiting
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.sessions import end_sessions, sessions

from .calls import CIPHER, a_call, a_request_id, count

pytestmark = pytest.mark.asyncio


def one(conn: Connection) -> int:
    return int(conn.execute(text("SELECT 1")).scalar_one())


def effect(conn: Connection) -> Role:
    conn.execute(text("INSERT INTO effect (name) VALUES ('x')"))
    return Role(name="roles/x")


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database("sample", database_url, CIPHER)
    yield database
    await database.close()


async def test_a_restart_of_postgresql_fails_no_call(own_postgres: TestPostgres, own_database_url: str) -> None:
    database = Database("sample", own_database_url, CIPHER)
    for end in (own_postgres.server.kill, own_postgres.server.stop):
        await asyncio.gather(*(database.command(a_call(), effect) for _ in range(8)))
        await asyncio.gather(*(database.read(one) for _ in range(8)))
        await asyncio.to_thread(end)
        for attempt in (
            database.read(one),
            database.write(one),
            database.command(a_call(a_request_id()), effect),
        ):
            with pytest.raises(Unavailable):
                await asyncio.wait_for(attempt, waiting.HANG_S)
        own_postgres.server.start()
        await asyncio.gather(*(database.read(one) for _ in range(8)))
        await asyncio.gather(*(database.command(a_call(), effect) for _ in range(8)))
    await database.close()


async def test_connections_that_broke_unnoticed_are_replaced_without_a_word(database: Database, engine: Engine) -> None:
    await asyncio.gather(*(database.command(a_call(), effect) for _ in range(8)))
    assert end_sessions(engine) > 0
    await asyncio.sleep(0.05)
    await asyncio.gather(*(database.command(a_call(), effect) for _ in range(8)))
    await asyncio.gather(*(database.read(one) for _ in range(8)))
    assert count(engine, "effect") == 16


async def test_a_dedicated_connection_that_was_not_set_up_to_the_end_is_opened_anew(
    database: Database, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    dedicated = database.dedicated_connection()
    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "set_type_codec", AsyncMock(side_effect=TimeoutError))
        with pytest.raises(Unavailable):
            await dedicated.fetch("SELECT 1", repeatable=True)
    # Without its codec it would read text.
    ((document,),) = await dedicated.fetch("SELECT CAST('[1]' AS jsonb)", repeatable=True)
    assert document == [1]
    await asyncio.to_thread(waiting.eventually, lambda: sessions(engine, "query LIKE 'SET %'") == 0)


async def test_a_transaction_whose_connection_breaks_halfway_is_begun_again(database: Database, engine: Engine) -> None:
    attempts = 0

    def do(conn: Connection) -> Role:
        nonlocal attempts
        attempts += 1
        answer = effect(conn)
        if attempts == 1:
            me = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": me})
        one(conn)
        return answer

    await database.command(a_call(), do)
    assert (attempts, count(engine, "effect")) == (2, 1)


async def test_transactions_that_lock_each_other_out_are_both_done(database: Database, engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO effect (name) VALUES ('a'), ('b')"))

    def swap(here: str, there: str) -> Callable[[Connection], None]:
        done: list[bool] = []

        def do(conn: Connection) -> None:
            conn.execute(text("UPDATE effect SET name = name WHERE name = :n"), {"n": here})
            if not done:
                done.append(True)
                conn.execute(text("SELECT pg_sleep(0.2)"))
            conn.execute(text("UPDATE effect SET name = name WHERE name = :n"), {"n": there})

        return do

    await asyncio.gather(database.write(swap("a", "b")), database.write(swap("b", "a")))


async def test_a_transaction_that_says_that_another_was_in_its_way_is_begun_again(
    database: Database, engine: Engine
) -> None:
    left = [Conflict(), Conflict()]

    def do(conn: Connection) -> Role:
        answer = effect(conn)
        if left:
            raise left.pop()
        return answer

    await database.command(a_call(), do)
    assert count(engine, "effect") == 1

    def never(_: Connection) -> Role:
        raise Conflict

    with pytest.raises(Conflict):
        await database.command(a_call(), never)


async def test_a_wrong_value_is_an_error_of_ours_and_not_the_database_being_away(database: Database) -> None:
    def wrong(conn: Connection) -> None:
        conn.execute(text("SELECT CAST(:n AS integer)"), {"n": "no number"})

    with pytest.raises(DBAPIError) as raised:
        await database.read(wrong)
    assert not lost(raised.value)


async def test_callers_that_give_up_leave_no_connection_behind(database: Database) -> None:
    def slow(conn: Connection) -> None:
        conn.execute(text("SELECT pg_sleep(9)"))

    tasks = [asyncio.create_task(database.write(slow)) for _ in range(20)]
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await asyncio.wait_for(asyncio.gather(*(database.write(one) for _ in range(20))), 8) == [1] * 20


async def test_callers_that_give_up_at_any_moment_leave_no_connection_behind(database_url: str, engine: Engine) -> None:
    def work(conn: Connection) -> None:
        conn.execute(text("SELECT pg_sleep(0.002)"))

    moments = random.Random(20201111)
    for _ in range(10):
        database = Database("sample", database_url, CIPHER)
        callers = [asyncio.create_task(do(work)) for do in (database.write, database.read) for _ in range(15)]
        for caller in callers:
            asyncio.get_running_loop().call_later(moments.uniform(0, 0.06), caller.cancel)
        await asyncio.gather(*callers, return_exceptions=True)
        await database.close()
    # Their processes end a moment after they do.
    await asyncio.to_thread(waiting.eventually, lambda: sessions(engine) == 0)


async def test_a_closed_database_opens_no_connection_again(database: Database, engine: Engine) -> None:
    dedicated = database.dedicated_connection()
    written = [database.audit_read(a_call()) for _ in range(200)]
    await asyncio.sleep(0)  # they are handed over …
    await asyncio.sleep(0)  # … and the first of them are being stored, the others wait
    await database.close()
    outcomes = await asyncio.gather(*written, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {type(None), Unavailable}
    for use in (
        database.read(one),
        database.write(one),
        database.command(a_call(), effect),
        dedicated.fetch("SELECT 1", repeatable=True),
    ):
        with pytest.raises(Unavailable):
            await use
    assert count(engine, "effect") == 0


async def test_a_loop_ends_cleanly_after_a_database_is_closed_under_load(
    database_url: str, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    moments = random.Random(20201111)

    def slow(conn: Connection) -> None:
        conn.execute(text("SELECT pg_sleep(9)"))

    def asleep() -> int:
        return sessions(engine, "state = 'active' AND query LIKE '%pg_sleep%'")

    async def stop() -> None:
        database = Database("sample", database_url, CIPHER)
        reads = [asyncio.create_task(database.read(slow)) for _ in range(4)]
        await asyncio.to_thread(waiting.eventually, lambda: asleep() == len(reads))
        for _ in range(200):
            database.audit_read(a_call())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for read in reads:
            read.cancel()
        await database.close()
        await asyncio.sleep(moments.uniform(0, 0.05))

    for _ in range(10):
        await asyncio.to_thread(asyncio.run, stop())
        # What the loop left is reported when it is collected; a warning fails the test.
        gc.collect()
    assert [record.message for record in caplog.records if "destroyed" in record.message] == []


async def test_reads_open_no_transaction_and_see_no_older_state(database: Database, engine: Engine) -> None:
    def twice(conn: Connection) -> tuple[int, int]:
        before = count(engine, "effect")
        with engine.begin() as other:
            effect(other)
        return before, int(conn.execute(text("SELECT count(*) FROM effect")).scalar_one())

    assert await database.read(twice) == (0, 1)


async def test_both_drivers_take_urls_of_sockets_and_tls_modes(postgres: TestPostgres, database_url: str) -> None:
    name = database_url.rsplit("/", 1)[1]
    for url in (postgres.server.url(name, over_socket=True), f"{database_url}?sslmode=prefer"):
        database = Database("sample", url, CIPHER)
        assert await database.read(one) == 1
        await database.close()
        engine = sync_engine(url)
        with engine.connect() as conn:
            assert one(conn) == 1
        engine.dispose()
