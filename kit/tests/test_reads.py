"""Reads by key: those of a moment share a statement, which audits them too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid_kit import audit
from onegrid_kit.database import Database
from onegrid_kit.reads import AuditedReads, OwnName, ReadStatement

from .calls import CIPHER, a_call, count

pytestmark = pytest.mark.asyncio

READ: ReadStatement[int | None] = ReadStatement(
    "name text, divisor integer",
    "thing.size / wanted.divisor AS size",
    "LEFT JOIN thing ON thing.name = wanted.name",
    lambda row: row["size"],
)


@pytest_asyncio.fixture
async def database(database_url: str, engine: Engine) -> AsyncIterator[Database]:
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE thing (name text PRIMARY KEY, size integer NOT NULL)"))
        conn.execute(text("INSERT INTO thing VALUES ('a', 1), ('b', 2)"))
    database = Database("sample", database_url, CIPHER)
    yield database
    await database.close()


@pytest.fixture
def things(database: Database) -> AuditedReads[int | None]:
    return database.reads(READ, name="thing")


async def audited(database: Database, things: AuditedReads[int | None], name: str, divisor: int = 1) -> int | None:
    """Read as the pipeline does for a method that reads personal data."""
    call = a_call()
    written = database.audit_read(call)
    found = await things.read(call, name=name, divisor=divisor)
    await written
    return found


async def test_reads_of_one_moment_and_their_audit_entries_share_a_round_trip(
    database: Database, things: AuditedReads[int | None], engine: Engine, fetched: list[str]
) -> None:
    assert await asyncio.gather(*(audited(database, things, name) for name in ("a", "none", "b"))) == [1, None, 2]
    assert fetched == [READ.sql]
    assert (count(engine, "audit_entry"), count(engine, "audit_block")) == (3, 1)
    with engine.connect() as conn:
        assert list(audit.broken_blocks(conn)) == []


async def test_a_read_that_is_not_personal_leaves_no_entry(things: AuditedReads[int | None], engine: Engine) -> None:
    assert await things.read(a_call(), name="a", divisor=1) == 1
    assert (count(engine, "audit_entry"), count(engine, "audit_block")) == (0, 0)


async def test_a_call_that_reads_twice_is_audited_once(
    database: Database, things: AuditedReads[int | None], engine: Engine
) -> None:
    call = a_call()
    written = database.audit_read(call)
    assert [await things.read(call, name=name, divisor=1) for name in "ab"] == [1, 2]
    await written
    assert count(engine, "audit_entry") == 1


async def test_what_reads_in_another_way_is_audited_by_itself(
    database: Database, engine: Engine, fetched: list[str]
) -> None:
    await asyncio.gather(*(database.audit_read(a_call()) for _ in range(3)))
    assert fetched == [f"WITH {audit.appending('$1')} SELECT"]
    assert (count(engine, "audit_entry"), count(engine, "audit_block")) == (3, 1)


async def test_a_read_of_ones_own_is_audited_by_its_name(database_url: str, things: object, engine: Engine) -> None:
    own = OwnName("things/me", "SELECT 'things/' || name FROM thing WHERE 'users/' || name = entry.caller")
    database = Database("sample", database_url, CIPHER, own_names=[own])
    await asyncio.gather(
        *(
            database.audit_read(replace(a_call(user=user), resource=resource))
            for user, resource in (("users/a", "things/me"), ("users/none", "things/me"), ("users/a", "things/b"))
        )
    )
    await database.close()
    with engine.connect() as conn:
        entries = conn.execute(text("SELECT caller, resource FROM audit_entry ORDER BY caller, resource"))
        assert [tuple(each) for each in entries] == [
            ("users/a", "things/a"),
            ("users/a", "things/b"),
            ("users/none", "things/me"),
        ]
        assert list(audit.broken_blocks(conn)) == []


async def test_a_read_that_fails_is_audited_and_harms_no_other_one_of_the_moment(
    database: Database, things: AuditedReads[int | None], engine: Engine
) -> None:
    outcomes = await asyncio.gather(
        *(audited(database, things, "a", divisor) for divisor in (1, 0, 1)), return_exceptions=True
    )
    assert (outcomes[0], type(outcomes[1]).__name__, outcomes[2]) == (1, "DivisionByZeroError", 1)
    await database.audit_read(a_call())  # behind that of the one that failed
    assert count(engine, "audit_entry") == 4


async def test_nothing_is_read_while_the_trail_can_not_be_written(
    database: Database, things: AuditedReads[int | None], engine: Engine
) -> None:
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE audit_entry RENAME TO gone"))
    with pytest.raises(Exception, match="audit_entry"):
        await audited(database, things, "a")
