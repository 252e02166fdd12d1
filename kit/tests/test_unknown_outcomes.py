"""A command that may have been stored is not stored twice, with a request id or without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from typing import Any, Self

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.testing.api import Refused, Serving, serving
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.sessions import end_sessions, sessions
from onegrid_kit.testing.waiting import eventually

from . import toy
from .calls import a_request_id, count
from .sample.main import SERVICE as SAMPLE

pytestmark = pytest.mark.asyncio

ALICE = Caller(
    user="users/alice",
    session="s1",
    district="210602",
    grants=(Grant("210602", OaLevel.OA_LEVEL_DISTRICT, frozenset({toy.PERMISSION})),),
)
POLICY = files("onegrid").joinpath("grpc_service_config.json").read_text()


@pytest.fixture(scope="module")
def replicated() -> Iterator[TestPostgres]:
    """A server that can be told to wait for a standby with each commit."""
    with TestPostgres({"wal_level": "replica", "max_wal_senders": "1"}) as server:
        yield server


@pytest.fixture
def url(replicated: TestPostgres) -> str:
    return replicated.database("sample", lambda template: migrate(SAMPLE, template))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = sync_engine(url)
    yield engine.execution_options(isolation_level="AUTOCOMMIT")
    engine.dispose()


@pytest_asyncio.fixture
async def api(url: str) -> AsyncIterator[Serving]:
    """The toy, called by the policy that comes with the contracts."""
    async with (
        serving(toy.SERVICE, url) as api,
        grpc.aio.insecure_channel(f"127.0.0.1:{api.port}", [("grpc.service_config", POLICY)]) as channel,
    ):
        yield replace(api, channel=channel)


_UNANSWERED = "wait_event = 'SyncRep'"


class UnansweredCommits:
    """While it is open, transactions are stored and get no answer; those that wait for one can be cut off."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conn = engine.connect()

    async def __aenter__(self) -> Self:
        self._conn.execute(text("ALTER SYSTEM SET synchronous_standby_names = 'nobody'"))
        self._conn.execute(text("SELECT pg_reload_conf()"))
        await self._until("SELECT current_setting('synchronous_standby_names') = 'nobody'")
        return self

    async def cut(self) -> None:
        """Break the connection of a transaction that waits."""
        await self.reached()
        end_sessions(self._engine, _UNANSWERED)

    async def reached(self) -> None:
        """Wait until a transaction waits."""
        await asyncio.to_thread(eventually, lambda: sessions(self._engine, _UNANSWERED) > 0)

    def forget(self) -> None:
        """Let a server that starts again answer as usual."""
        self._conn.execute(text("ALTER SYSTEM RESET synchronous_standby_names"))

    async def __aexit__(self, *_: object) -> None:
        with suppress(OperationalError):  # the server was killed
            self.forget()
            self._conn.execute(text("SELECT pg_reload_conf()"))
        self._conn.close()

    async def _until(self, question: str) -> None:
        await asyncio.to_thread(eventually, lambda: self._conn.execute(text(question)).scalar_one())


def unknown(outcome: object) -> bool:
    """Whether a call was told that nobody knows what became of it."""
    told = (grpc.StatusCode.UNKNOWN, "OUTCOME_UNKNOWN")
    return isinstance(outcome, Refused) and (outcome.code, outcome.reason) == told


@pytest.mark.parametrize("method", ["Make", "Pile"])
async def test_a_commit_whose_answer_is_lost_is_repeated_only_by_its_request_id(
    method: str, api: Serving, engine: Engine
) -> None:
    async with UnansweredCommits(engine) as commits:
        call = asyncio.create_task(api.call(ALICE, method, text="1"))
        await commits.cut()
        with pytest.raises(Refused) as refused:
            await call
    assert unknown(refused.value)
    assert count(engine, "audit_entry") == 1
    async with UnansweredCommits(engine) as commits:
        call = asyncio.create_task(api.call(ALICE, method, text="2", request_id=a_request_id()))
        await commits.cut()
        assert (await call).thing.name == "things/2"
    assert count(engine, "audit_entry") == 2


@pytest.mark.parametrize("method", ["Make", "Pile"])
async def test_postgresql_is_killed_at_the_commit_and_nothing_is_stored_twice(
    method: str, api: Serving, engine: Engine, replicated: TestPostgres
) -> None:
    async def kill_while(call: Awaitable[Any]) -> Any:
        async with UnansweredCommits(engine) as commits:
            calling = asyncio.ensure_future(call)
            await commits.reached()
            commits.forget()
            await asyncio.to_thread(replicated.server.kill)
        replicated.server.start()  # not in a thread: the server would end with it
        return (await asyncio.gather(calling, return_exceptions=True))[0]

    assert unknown(await kill_while(api.call(ALICE, method, text="1")))
    assert count(engine, "audit_entry") == 1
    request_id = a_request_id()
    outcome = await kill_while(api.call(ALICE, method, text="2", request_id=request_id))
    while isinstance(outcome, Refused):
        assert outcome.reason == "UNAVAILABLE"
        outcome = (
            await asyncio.gather(api.call(ALICE, method, text="2", request_id=request_id), return_exceptions=True)
        )[0]
    assert outcome.thing.name == "things/2"
    assert count(engine, "audit_entry") == 2


async def test_of_a_batch_whose_answer_is_lost_only_what_has_no_request_id_is_unknown(
    api: Serving, engine: Engine
) -> None:
    requests = [("1", a_request_id()), ("2", a_request_id()), ("3", ""), ("4", a_request_id())]
    async with UnansweredCommits(engine) as commits:
        calls = []
        for name, request_id in requests:
            calls.append(asyncio.create_task(api.call(ALICE, "Pile", text=name, request_id=request_id)))
            # The first alone; the others wait for its end, and share a statement.
            await commits.reached()
        await asyncio.to_thread(eventually, lambda: toy.toy_of(api).calls == len(requests))
        await commits.cut()
        await calls[0]
        await commits.cut()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert unknown(outcomes.pop(2))
    assert [each.thing.name for each in outcomes] == ["things/1", "things/2", "things/4"]
    assert (count(engine, "effect"), count(engine, "audit_entry")) == (4, 4)


async def test_the_client_policy_repeats_a_command_by_its_request_id_and_never_without(api: Serving) -> None:
    """Also where a replica or a connection is lost, of which gRPC itself makes UNAVAILABLE."""
    for request_id, tries in (("", 1), (a_request_id(), 5)):
        toy.toy_of(api).calls = 0
        with pytest.raises(Refused) as refused:
            await api.call(ALICE, "Make", text="away", request_id=request_id)
        assert (refused.value.reason, toy.toy_of(api).calls) == ("UNAVAILABLE", tries)
