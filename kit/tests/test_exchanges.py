"""Calls of many requests and many answers: they meet the same concerns as others, request by request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.testing.api import Refused, Serving, serving
from onegrid_kit.testing.waiting import HANG_S, eventually

from .toy import PERMISSION, SERVICE, Request, toy_of

STREET = "210602003"
ALICE = Caller(
    user="users/alice",
    session="s1",
    district="210602",
    grants=(Grant(STREET, OaLevel.OA_LEVEL_STREET, frozenset({PERMISSION})),),
)


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Serving]:
    async with serving(SERVICE, database_url) as api:
        yield api


def pour(channel: grpc.aio.Channel) -> grpc.aio.StreamStreamMultiCallable[bytes, bytes]:
    return channel.stream_stream("/toy.v1.ToyService/Pour")


async def sent(*requests: Any) -> AsyncIterator[Any]:
    for request in requests:
        yield request


async def ended(api: Serving, requests: AsyncIterator[Any]) -> tuple[list[Any], Refused]:
    """What was answered before the call was refused, and with what it was."""
    answers: list[Any] = []

    async def take() -> None:
        async for answer in api.exchange(ALICE, "Pour", requests):
            answers.append(answer)

    with pytest.raises(Refused) as refused:
        await take()
    return answers, refused.value


def audited(engine: Engine) -> Sequence[Any]:
    with engine.connect() as conn:
        return conn.execute(text("SELECT caller, method, resource FROM audit_entry")).all()


async def test_each_request_is_answered_in_order_and_the_call_is_audited_as_one(api: Serving, engine: Engine) -> None:
    texts = [str(number) for number in range(50)]
    requests = sent(*(Request(place=STREET, text=each) for each in texts))
    answers = [answer async for answer in api.exchange(ALICE, "Pour", requests)]
    assert [json.loads(answer.text)["user"] for answer in answers] == ["users/alice"] * 50
    assert audited(engine) == [("users/alice", "toy.v1.ToyService.Pour", STREET)]


async def test_a_request_that_is_refused_ends_the_call_after_the_answers_before_it(api: Serving) -> None:
    for wrong, reason in (
        (Request(place="x"), "PERMISSION_DENIED"),
        (Request(place="210602004"), "PERMISSION_DENIED"),
        (Request(place=STREET, thing={"label": "longer"}), "INVALID_REQUEST"),
        (Request(place=STREET, text="a\0b"), "INVALID_REQUEST"),
        (Request(place=f"{STREET}007"), "INVALID_REQUEST"),  # another than that which is audited
        (Request(place=STREET, text="miss"), "NOT_FOUND"),
    ):
        answers, refused = await ended(api, sent(Request(place=STREET), wrong, Request(place=STREET)))
        assert (len(answers), refused.reason) == (1, reason)
    assert toy_of(api).watching == 0


async def test_who_has_no_token_is_refused_before_anything_is_sent(api: Serving) -> None:
    code = await pour(api.channel)(timeout=HANG_S).code()
    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_nobody_holds_a_stream_without_a_first_request(database_url: str) -> None:
    async with serving(SERVICE, database_url, default_deadline_s=0.2) as api:
        code = await pour(api.channel)(metadata=api.token(ALICE), timeout=HANG_S).code()
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        _, refused = await ended(api, sent())
        assert refused.reason == "PERMISSION_DENIED"  # an empty request names no place


async def test_one_that_ends_early_gives_its_place_back(database_url: str) -> None:
    async with serving(SERVICE, database_url, max_streams_per_caller=1) as api:
        waiting = asyncio.Event()

        async def endless() -> AsyncIterator[Any]:
            yield Request(place=STREET)
            await waiting.wait()

        for _ in range(5):
            answers = api.exchange(ALICE, "Pour", endless())
            await anext(answers)
            _, refused = await ended(api, sent(Request(place=STREET)))
            assert refused.reason == "CALLER_LIMIT_REACHED"
            await answers.aclose()
            await asyncio.to_thread(eventually, lambda: toy_of(api).watching == 0)


async def test_one_ends_with_a_hint_to_come_back_when_the_server_stops(database_url: str) -> None:
    first = asyncio.Event()

    async def open_end() -> AsyncIterator[Any]:
        yield Request(place=STREET)
        first.set()
        await asyncio.Event().wait()

    async with serving(SERVICE, database_url, drain_grace_s=30.0) as api:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{api.port}")
        call = pour(channel)(
            (request.SerializeToString() async for request in open_end()), metadata=api.token(ALICE), timeout=HANG_S
        )
        await call.read()
        await first.wait()
    assert await call.code() is grpc.StatusCode.UNAVAILABLE
    await channel.close()
