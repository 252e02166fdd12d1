"""What a step and a read cost: two statements and one, and nothing compiled once the process is warm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

from onegrid_kit.testing.api import Serving
from onegrid_petition import store

from .desk import Desk
from .people import CITIZEN, COMMANDER, COMMUNITY_DESK, LEAD, LEAD_CLERK

pytestmark = pytest.mark.asyncio


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the statements that SQLAlchemy compiled."""
    statements: list[str] = []
    compile_ = SQLCompiler.__init__

    def counting(self: SQLCompiler, dialect: Dialect, statement: Any, *args: Any, **kwargs: Any) -> None:
        statements.append(type(statement).__name__)
        compile_(self, dialect, statement, *args, **kwargs)

    monkeypatch.setattr(SQLCompiler, "__init__", counting)
    return statements


async def live(desk: Desk) -> None:
    """A whole lifecycle of seven calls."""
    petition = await desk.file()
    task = f"{petition.name}/tasks/1"
    await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
    await desk.call(COMMANDER, "DispatchPetition", name=petition.name, lead=LEAD)
    await desk.call(LEAD_CLERK, "TakeTask", name=task)
    await desk.call(LEAD_CLERK, "ConcludeTask", name=task, public_note="办好了")
    await desk.call(CITIZEN, "RatePetition", name=petition.name, satisfied=True, stars=5)
    await desk.call(COMMUNITY_DESK, "VerifyPetition", name=petition.name, solved=True)


async def test_each_step_takes_two_statements_and_a_filing_one(desk: Desk, fetched: list[str]) -> None:
    await live(desk)
    fetched.clear()
    await live(desk)
    assert fetched == [store.file_petitions.sql, *[store.known_petitions.sql, store.take_steps.sql] * 6]


async def test_a_read_takes_one_statement_which_audits_it_too(desk: Desk, fetched: list[str]) -> None:
    petition = await desk.file()
    fetched.clear()
    await desk.call(CITIZEN, "GetPetition", name=petition.name)
    assert fetched == [store.petitions.sql]


@pytest.mark.parametrize(
    ("statement", "documents"),
    [
        (store.file_petitions.sql, ["[]"]),
        (store.take_steps.sql, ["[]"]),
        (store.known_petitions.sql, ["[]"]),
        (store.petitions.sql, ["[]", "[]"]),
    ],
)
async def test_rows_are_found_by_their_keys_also_by_plans_that_are_made_while_tables_are_empty(
    api: Serving, statement: str, documents: list[str]
) -> None:
    connection = api.runtime.db.dedicated_connection()
    ((plan,),) = await connection.fetch(f"EXPLAIN (FORMAT JSON) {statement}", *documents, repeatable=True)
    without_key = [
        node["Node Type"]
        for node in nodes(json.loads(plan)[0]["Plan"])
        if "Relation Name" in node and "Scan" in node["Node Type"] and "Index Cond" not in node
    ]
    assert without_key == []


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node of a plan and those below it."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


async def test_a_thousand_calls_compile_nothing_once_the_process_is_warm(desk: Desk, compiled: list[str]) -> None:
    await live(desk)
    compiled.clear()
    for _ in range(143):  # times seven calls
        await live(desk)
    assert compiled == []
