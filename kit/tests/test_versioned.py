"""Commands on versioned resources: decided on what was loaded, stored only while that is still so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid.identity.v1.resources_pb2 import Role
from onegrid_kit import audit
from onegrid_kit.batches import BatchStatement, Item
from onegrid_kit.callers import Call
from onegrid_kit.database import Database
from onegrid_kit.errors import Conflict, NotFound, RequestIdReused
from onegrid_kit.versioned import LoadStatement, VersionedCommands

from .calls import CIPHER, a_call, a_request_id, count

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True)
class Counter_:
    """A row of the table `tally`, which counts."""

    name: str
    version: int


def read(row: Any) -> Counter_ | None:
    return None if row["version"] is None else Counter_(row["name_"], row["version"])


LOAD: LoadStatement[Counter_ | None] = LoadStatement(
    "name text", "wanted.name AS name_, counter.version", "LEFT JOIN counter ON counter.name = wanted.name", read
)
STORE = BatchStatement(
    "name text, version integer",
    "counted AS (UPDATE counter SET version = fresh.version FROM fresh WHERE counter.name = fresh.name)",
    guard="""
      SELECT item.position FROM item JOIN counter ON counter.name = item.name AND counter.version = item.version - 1
      ORDER BY counter.name FOR UPDATE OF counter SKIP LOCKED
    """,
)


@pytest_asyncio.fixture
async def database(database_url: str, engine: Engine) -> AsyncIterator[Database]:
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE counter (name text PRIMARY KEY, version integer NOT NULL)"))
        conn.execute(text("INSERT INTO counter VALUES ('a', 1), ('b', 1)"))
    database = Database("sample", database_url, CIPHER)
    yield database
    await database.close()


@pytest.fixture
def counters(database: Database) -> VersionedCommands[Counter_ | None]:
    return database.versioned(LOAD, STORE, name="counter")


async def step(counters: VersionedCommands[Counter_ | None], call: Call, name: str = "a") -> int:
    """Count one further; the number that the call was answered."""

    def decide(before: Counter_ | None) -> Item:
        if before is None:
            raise NotFound(f"counters/{name}")
        number = before.version + 1
        return Item(
            call,
            {"name": name, "version": number},
            UserDisabled(user=f"users/{number}"),
            Role(name=f"roles/{number}"),
            subject=f"counters/{name}",
        )

    answer = Role.FromString(await counters.run(call, decide, name=name))
    return int(answer.name.removeprefix("roles/"))


def versions(engine: Engine) -> dict[str, int]:
    with engine.connect() as conn:
        return {row.name: row.version for row in conn.execute(text("SELECT name, version FROM counter"))}


async def test_concurrent_commands_on_one_resource_are_all_done_one_after_the_other(
    counters: VersionedCommands[Counter_ | None], engine: Engine
) -> None:
    numbers = await asyncio.gather(*(step(counters, a_call(a_request_id())) for _ in range(20)))
    assert sorted(numbers) == list(range(2, 22))
    assert versions(engine) == {"a": 21, "b": 1}
    assert (count(engine, "outbox"), count(engine, "audit_entry"), count(engine, "idempotency")) == (20, 20, 20)


async def test_commands_of_two_processes_do_not_overwrite_one_another(
    database: Database, counters: VersionedCommands[Counter_ | None], engine: Engine
) -> None:
    other = database.versioned(LOAD, STORE, name="counter_of_another_process")
    calls = [step(each, a_call(a_request_id()), name) for _ in range(10) for each in (counters, other) for name in "ab"]
    numbers = Counter(await asyncio.gather(*calls))
    assert numbers == Counter(list(range(2, 22)) * 2)
    assert versions(engine) == {"a": 21, "b": 21}


async def test_a_repeated_request_is_answered_as_before_also_when_it_comes_at_the_same_moment(
    counters: VersionedCommands[Counter_ | None], engine: Engine
) -> None:
    once = a_request_id()
    assert await asyncio.gather(*(step(counters, a_call(once)) for _ in range(5))) == [2] * 5
    assert await step(counters, a_call(once)) == 2
    with pytest.raises(RequestIdReused):
        await step(counters, a_call(once, "another request"))
    assert versions(engine)["a"] == 2


async def test_a_refusal_stores_nothing_and_harms_no_other_call_of_the_moment(
    counters: VersionedCommands[Counter_ | None], engine: Engine
) -> None:
    outcomes = await asyncio.gather(
        *(step(counters, a_call(a_request_id()), name) for name in ("a", "none", "b")), return_exceptions=True
    )
    assert (outcomes[0], type(outcomes[1]), outcomes[2]) == (2, NotFound, 2)
    assert count(engine, "idempotency") == 2


async def test_who_holds_a_resource_keeps_nobody_from_the_others(
    counters: VersionedCommands[Counter_ | None], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onegrid_kit.versioned._PATIENCE_S", 0.5)
    with engine.begin() as conn:
        conn.execute(text("SELECT FROM counter WHERE name = 'a' FOR UPDATE"))
        held = asyncio.create_task(step(counters, a_call(a_request_id())))
        assert await step(counters, a_call(a_request_id()), "b") == 2
        with pytest.raises(Conflict):
            await held
    assert await step(counters, a_call(a_request_id())) == 2


async def test_what_they_leave_in_the_audit_trail_is_intact(
    counters: VersionedCommands[Counter_ | None], engine: Engine
) -> None:
    await asyncio.gather(*(step(counters, a_call(), name) for name in "abab"))
    with engine.connect() as conn:
        assert list(audit.broken_blocks(conn)) == []


async def test_commands_of_one_moment_share_two_round_trips(
    counters: VersionedCommands[Counter_ | None], fetched: list[str]
) -> None:
    await step(counters, a_call(a_request_id()))
    fetched.clear()
    await asyncio.gather(*(step(counters, a_call(a_request_id()), name) for name in "ab"))
    assert fetched == [LOAD.sql, STORE.sql]
