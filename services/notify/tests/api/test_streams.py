"""Inboxes as they change: nothing is missed and nothing comes twice, wherever a stream is cut."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import text

from onegrid.notify.v1.notify_service_pb2 import StreamInboxRequest
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.jobs import job_of
from onegrid_notify.main import SERVICE

from .people import CITIZEN, COMMUNITY, DISTRICT, NEIGHBOUR, OTHER_COMMUNITY, OTHER_STREET, STREET
from .stored import Stored

pytestmark = pytest.mark.asyncio


def opened(api: Serving, reader: Caller, token: str = "") -> AsyncGenerator[Any, None]:
    return api.stream(reader, "StreamInbox", resume_token=token)


def what(response: Any) -> str:
    """The title of the item that came, or the id of the one that went."""
    if response.WhichOneof("change") == "removed":
        return f"-{response.removed.removeprefix('inboxItems/')}"
    return str(response.item.title) if response.HasField("item") else ""


async def token_of_now(api: Serving, reader: Caller) -> str:
    async with aclosing(opened(api, reader)) as stream:
        return str((await anext(stream)).resume_token)


async def test_what_comes_is_corrected_or_withdrawn_is_sent_to_whom_it_concerns(api: Serving, stored: Stored) -> None:
    stored.member(CITIZEN, COMMUNITY)
    stored.member(NEIGHBOUR, OTHER_COMMUNITY)
    async with aclosing(opened(api, CITIZEN)) as mine, aclosing(opened(api, NEIGHBOUR)) as other:
        for stream in (mine, other):
            first = await anext(stream)
            assert first.WhichOneof("change") is None
            assert first.resume_token
        stored.notice(OTHER_STREET)
        id_ = stored.notice(STREET, urgent=True)
        stored.message(CITIZEN)
        stored.correct(id_, 2)
        stored.withdraw(id_)
        stored.notice(DISTRICT)
        # What was sent is what the inbox holds now: the notice is gone by then, or was still there.
        found = [what(await anext(mine))]
        while found[-1] != "通知3":
            found.append(what(await anext(mine)))
        assert [each for each in found if each not in ("通知2", "更正2")] == ["您的诉求已受理", f"-{id_}", "通知3"]
        assert [what(await anext(other)) for _ in range(2)] == ["通知1", "通知3"]


async def test_an_item_is_sent_as_the_list_shows_it(api: Serving, stored: Stored) -> None:
    stored.member(CITIZEN, COMMUNITY)
    async with aclosing(opened(api, CITIZEN)) as stream:
        await anext(stream)
        id_ = stored.notice(must_confirm=True)
        sent = (await anext(stream)).item
        assert sent == (await api.call(CITIZEN, "ListInboxItems")).items[0]
        await api.call(CITIZEN, "AcknowledgeInboxItems", items=[{"name": sent.name}], acknowledgement=2)
        stored.correct(id_, 2)
        sent = (await anext(stream)).item
        assert sent == (await api.call(CITIZEN, "ListInboxItems")).items[0]
        assert sent.HasField("read_time")


async def test_a_resumed_stream_sends_what_came_meanwhile_and_says_when_that_was_all(
    api: Serving, stored: Stored
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    token = await token_of_now(api, CITIZEN)
    for _ in range(250):
        stored.notice()
    withdrawn = stored.notice()
    stored.withdraw(withdrawn)
    stored.message(NEIGHBOUR)
    async with aclosing(opened(api, CITIZEN, token)) as stream:
        missed = [await anext(stream) for _ in range(251)]
        assert [what(each) for each in missed] == [*(f"通知{number}" for number in range(1, 251)), f"-{withdrawn}"]
        assert (await anext(stream)).WhichOneof("change") is None
        stored.message(CITIZEN)
        assert what(await anext(stream)) == "您的诉求已受理"
    async with aclosing(opened(api, CITIZEN, missed[100].resume_token)) as stream:
        assert what(await anext(stream)) == "通知102"


@pytest.mark.parametrize("seed", range(3))
async def test_cut_anywhere_it_goes_on_without_gap_or_repetition(api: Serving, stored: Stored, seed: int) -> None:
    rng = random.Random(seed)
    readers = {public(f"reader{number}", DISTRICT): place for number, place in enumerate([COMMUNITY, OTHER_COMMUNITY])}
    for reader, place in readers.items():
        stored.member(reader, place)
    expected: dict[Caller, list[str]] = {reader: [] for reader in readers}

    def write(seed: int) -> None:
        """Transactions that end in another order than they began in."""
        own = random.Random(seed)
        for _ in range(25):
            written: list[tuple[Caller, str]] = []
            with stored.engine.begin() as conn:
                for _ in range(own.randint(1, 3)):
                    if own.random() < 0.5:
                        reader = own.choice(list(readers))
                        written.append((reader, stored.message(reader, conn=conn)))
                    else:
                        place = own.choice([DISTRICT, STREET, OTHER_STREET])
                        id_ = stored.notice(place, conn=conn)
                        written.extend((reader, id_) for reader, at in readers.items() if at.startswith(place))
                    time.sleep(own.random() * 0.02)
                if own.random() < 0.2:
                    conn.rollback()
                    continue
            for reader, id_ in written:
                expected[reader].append(id_)

    async def read(reader: Caller, token: str) -> list[str]:
        got: list[str] = []
        while True:
            async with aclosing(opened(api, reader, token)) as stream:
                for _ in range(rng.randint(1, 12)):
                    response = await anext(stream)
                    token = response.resume_token
                    if response.item.title == "完":
                        return got
                    if response.HasField("item"):
                        got.append(response.item.name.removeprefix("inboxItems/"))

    begun = {reader: await token_of_now(api, reader) for reader in readers}
    reading = [asyncio.create_task(read(reader, token)) for reader, token in begun.items()]
    await asyncio.gather(*(asyncio.to_thread(write, 100 * seed + number) for number in range(4)))
    stored.notice(title="完")
    for reader, got in zip(readers, await asyncio.gather(*reading), strict=True):
        assert sorted(got) == sorted(expected[reader])


async def test_a_reader_who_does_not_keep_up_loses_nothing(api: Serving, stored: Stored) -> None:
    stored.member(CITIZEN, COMMUNITY)
    count = 1500
    async with aclosing(opened(api, CITIZEN)) as stream, aclosing(opened(api, NEIGHBOUR)) as other:
        await anext(stream)
        await anext(other)
        with stored.engine.begin() as conn:
            for _ in range(count):
                stored.message(CITIZEN, conn=conn, text="长" * 500)
        # Once the other reader has this, the server has looked at all of them, and keeps no more than a few.
        stored.message(NEIGHBOUR)
        await anext(other)
        got = [(await anext(stream)).item.name for _ in range(count)]
        assert len(set(got)) == count
        stored.notice()
        assert what(await anext(stream)) == "通知1"


async def test_a_token_is_good_for_a_day_and_signals_are_kept_for_as_long(
    api: Serving, stored: Stored, clock: SettableClock
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    begin = clock.now()
    token = await token_of_now(api, CITIZEN)
    stored.notice()
    clock.set(begin + timedelta(hours=24))
    run_forgetting(stored, clock)
    async with aclosing(opened(api, CITIZEN, token)) as stream:
        assert what(await anext(stream)) == "通知1"
        renewed = (await anext(stream)).resume_token
    clock.set(begin + timedelta(hours=24, microseconds=1))
    with pytest.raises(Refused) as refused:
        await anext(opened(api, CITIZEN, token))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_TOKEN")
    assert refused.value.fields == ["resume_token"]
    async with aclosing(opened(api, CITIZEN, renewed)) as stream:
        assert (await anext(stream)).WhichOneof("change") is None
    clock.set(begin + timedelta(hours=25, microseconds=1))
    run_forgetting(stored, clock)
    with stored.engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM signal")).scalar_one() == 0


async def test_a_token_from_before_the_database_was_restored_is_refused(api: Serving, stored: Stored) -> None:
    with stored.engine.connect() as conn:
        later = conn.execute(text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint) + 1000")).scalar_one()
    token = api.runtime.pages.tokens.make(StreamInboxRequest(), (later, 0, api.runtime.clock.now()))
    with pytest.raises(Refused) as refused:
        await anext(opened(api, CITIZEN, token))
    assert refused.value.reason == "INVALID_TOKEN"


def run_forgetting(stored: Stored, clock: SettableClock) -> None:
    job = job_of(SERVICE, "forget signals")
    run_job("notify", stored.engine, job, clock.now())
