"""One answer for one request id."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from sqlalchemy import Connection, Engine, text

from onegrid.identity.v1.resources_pb2 import Role
from onegrid_kit.database import Database
from onegrid_kit.errors import RequestIdReused, ResponseTooLarge
from onegrid_kit.sizes import MAX_RESPONSE_BYTES

from .calls import CIPHER, a_call, a_request_id, count


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
    answers = await asyncio.gather(*(database.command(call, effect("one")) for _ in range(20)))
    assert len(set(answers)) == 1
    assert Role.FromString(answers[0]).name == "roles/1"
    assert count(engine, "effect") == 1
    assert count(engine, "audit_entry") == 1


@pytest.mark.asyncio
async def test_calls_without_a_request_id_are_each_done(database: Database, engine: Engine) -> None:
    await asyncio.gather(*(database.command(a_call(), effect("each")) for _ in range(5)))
    assert count(engine, "effect") == 5


@pytest.mark.asyncio
async def test_one_id_belongs_to_one_request_of_one_caller(database: Database, engine: Engine) -> None:
    id_ = a_request_id()
    await database.command(a_call(id_), effect("first"))
    for other in (a_call(id_, "another content"), a_call(id_, method="a.v1.A/Undo")):
        with pytest.raises(RequestIdReused):
            await database.command(other, effect("never"))
    await database.command(a_call(id_, user="users/bob"), effect("bob's own"))
    assert count(engine, "effect") == 2


@pytest.mark.asyncio
async def test_a_command_that_failed_may_be_repeated(database: Database, engine: Engine) -> None:
    call = a_call(a_request_id())

    def fail(conn: Connection) -> Role:
        effect("undone")(conn)
        raise LookupError

    with pytest.raises(LookupError):
        await database.command(call, fail)
    assert (count(engine, "effect"), count(engine, "idempotency"), count(engine, "audit_entry")) == (0, 0, 0)
    await database.command(call, effect("done"))
    assert count(engine, "effect") == 1


@pytest.mark.asyncio
async def test_a_command_whose_answer_is_too_large_to_send_is_undone(database: Database, engine: Engine) -> None:
    def grow(conn: Connection) -> Role:
        effect("undone")(conn)
        return Role(display_name="x" * MAX_RESPONSE_BYTES)

    with pytest.raises(ResponseTooLarge):
        await database.command(a_call(a_request_id()), grow)
    assert (count(engine, "effect"), count(engine, "idempotency"), count(engine, "audit_entry")) == (0, 0, 0)
