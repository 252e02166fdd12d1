"""Departments' records over real gRPC and a real database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from onegrid.notify.v1.resources_pb2 import Record as Message
from onegrid_notify.records import Record
from onegrid_notify.store.records import keep_records, records_page

from .editors import (
    ARCHIVED,
    CLERK,
    COMMUNITY,
    DISTRICT,
    JOBS,
    NEWS,
    OTHER_SYSTEM,
    SECTION,
    STREET,
    SYSTEM,
    Newsroom,
    Refused,
)

NOON = datetime(2020, 11, 10, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def opening(source_id: str = "job-1", minutes: int = 0, **fields: Any) -> Message:
    return Message(source_id=source_id, source_time=NOON + minutes * MINUTE, **{"title": "招聘电工", **fields})


async def push(newsroom: Newsroom, *records: Message, **fields: Any) -> tuple[int, int]:
    """How many were changed and unchanged."""
    answer = await newsroom.call(SYSTEM, "PushRecords", **{"column": JOBS, "records": records, **fields})
    return answer.changed, answer.unchanged


async def listed(newsroom: Newsroom, **fields: Any) -> Sequence[Message]:
    return list((await newsroom.call(None, "ListRecords", column=JOBS, **fields)).records)


async def test_anybody_reads_what_a_department_pushed_the_last_changed_first(newsroom: Newsroom) -> None:
    first = opening("job-1", 1, text="两名", place=STREET, uri="https://a.example/1")
    assert await push(newsroom, first, opening("job-2", 2)) == (2, 0)
    second = opening("job-2", 2, place=DISTRICT)
    assert await listed(newsroom) == [second, first]
    assert await push(newsroom, first, opening("job-2", 3, title="招聘木工")) == (1, 1)
    assert [each.title for each in await listed(newsroom)] == ["招聘木工", "招聘电工"]


async def test_pushing_again_changes_nothing(newsroom: Newsroom) -> None:
    request_id = str(uuid.uuid4())
    assert await push(newsroom, opening(), request_id=request_id) == (1, 0)
    assert await push(newsroom, opening(), request_id=request_id) == (1, 0)
    assert await push(newsroom, opening()) == (0, 1)


async def test_a_deleted_record_is_gone_until_a_later_push(newsroom: Newsroom) -> None:
    await push(newsroom, opening(minutes=1))
    assert await push(newsroom, opening(minutes=3, deleted=True)) == (1, 0)
    assert await push(newsroom, opening(minutes=2)) == (0, 1)
    assert await listed(newsroom) == []
    assert await push(newsroom, opening(minutes=4)) == (1, 0)
    assert len(await listed(newsroom)) == 1


async def test_records_are_found_by_the_place_that_they_concern(newsroom: Newsroom) -> None:
    await push(newsroom, opening("a", 1, place=STREET), opening("b", 2, place=COMMUNITY), opening("c", 3))
    assert [each.source_id for each in await listed(newsroom, place=STREET)] == ["b", "a"]
    assert [each.source_id for each in await listed(newsroom, place=COMMUNITY)] == ["b"]
    assert [each.source_id for each in await listed(newsroom, place=DISTRICT)] == ["c", "b", "a"]
    assert await listed(newsroom, place="210602004") == []


async def test_records_come_in_pages(newsroom: Newsroom) -> None:
    # Two of each time.
    await push(newsroom, *(opening(f"job-{number:03}", number // 2) for number in range(250)))
    found: list[str] = []
    token = ""
    while token or not found:
        answer = await newsroom.call(None, "ListRecords", column=JOBS, page_size=100, page_token=token)
        found += [each.source_id for each in answer.records]
        token = answer.next_page_token
    assert found == [f"job-{number:03}" for number in reversed(range(250))]


@pytest.mark.parametrize("column", [f"columns/{DISTRICT}-nowhere", SECTION, ARCHIVED])
async def test_records_need_a_column_in_use(newsroom: Newsroom, column: str) -> None:
    with pytest.raises(Refused) as refused:
        await push(newsroom, opening(), column=column)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "COLUMN_UNUSABLE")


async def test_a_system_pushes_into_the_columns_of_its_office_alone(newsroom: Newsroom) -> None:
    with pytest.raises(Refused) as refused:
        await push(newsroom, opening(), column=NEWS)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COLUMN_NOT_OWNED")
    assert refused.value.metadata == {"column": NEWS, "owner": ""}
    with pytest.raises(Refused) as refused:
        await newsroom.call(OTHER_SYSTEM, "PushRecords", column=JOBS, records=[opening()])
    assert refused.value.metadata == {"column": JOBS, "owner": "210602D07"}
    with pytest.raises(Refused) as refused:
        await newsroom.call(CLERK, "PushRecords", column=JOBS, records=[opening()])
    assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED


async def test_one_record_that_is_wrong_keeps_all_from_being_stored(newsroom: Newsroom) -> None:
    with pytest.raises(Refused) as refused:
        await push(newsroom, opening("a"), opening("b", place="210603001"))
    assert refused.value.fields == ["records[1].place"]
    with pytest.raises(Refused) as refused:
        await push(newsroom, opening("a"), opening("a"))
    assert refused.value.fields == ["records"]
    with pytest.raises(Refused) as refused:
        await push(newsroom, opening("a", uri="javascript:alert(1)"))
    assert "records[0].uri" in refused.value.fields
    assert await listed(newsroom) == []


async def test_a_state_of_the_future_is_refused_but_for_a_clock_that_is_ahead(newsroom: Newsroom) -> None:
    ahead = opening()
    ahead.source_time.FromDatetime(newsroom.now + 5 * MINUTE)
    assert await push(newsroom, ahead) == (1, 0)
    ahead.source_time.FromDatetime(newsroom.now + 6 * MINUTE)
    with pytest.raises(Refused) as refused:
        await push(newsroom, opening("a"), ahead)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert refused.value.fields == ["records[1].source_time"]
    newsroom.wait(2 * MINUTE)
    assert await push(newsroom, ahead) == (1, 0)


async def test_the_records_of_an_unknown_column_are_not_found(newsroom: Newsroom) -> None:
    with pytest.raises(Refused) as refused:
        await newsroom.call(None, "ListRecords", column=f"columns/{DISTRICT}-nowhere")
    assert refused.value.code == grpc.StatusCode.NOT_FOUND


async def test_pushes_that_overlap_wait_for_one_another_and_none_is_lost(newsroom: Newsroom) -> None:
    records = [opening(f"job-{number:03}") for number in range(200)]
    pushes = [[opening(each.source_id, minutes) for each in records] for minutes in range(6)]
    await asyncio.gather(
        *(push(newsroom, *(each if number % 2 else reversed(each))) for number, each in enumerate(pushes))
    )
    newest = timedelta(minutes=5) + NOON
    assert {each.source_time.ToDatetime(UTC) for each in await listed(newsroom, page_size=500)} == {newest}


_STATES = st.builds(
    Record,
    source_id=st.sampled_from("ab"),
    source_time=st.integers(0, 2).map(lambda minutes: NOON + minutes * MINUTE),
    title=st.sampled_from(["甲", "乙"]),
    text=st.sampled_from(["", "文"]),
    place=st.just(DISTRICT),
    deleted=st.booleans(),
)


@pytest.fixture
def kept(engine: Engine) -> Callable[[Sequence[Record]], list[Record]]:
    """What is there once records were pushed in this order, each by itself."""

    def push_all(states: Sequence[Record]) -> list[Record]:
        with engine.connect() as conn, conn.begin() as transaction:
            for state in states:
                keep_records(conn, "210602-jobs", [state])
            found = records_page(conn, "210602-jobs", "", (), 100)
            transaction.rollback()
        return found

    return push_all


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(states=st.lists(_STATES, max_size=4))
def test_in_whatever_order_records_come_the_same_is_left(
    kept: Callable[[Sequence[Record]], list[Record]], states: list[Record]
) -> None:
    expected = kept(states)
    for order in permutations(states):
        assert kept(order) == expected
    newest = {id_: max(s.source_time for s in states if s.source_id == id_) for id_ in {s.source_id for s in states}}
    assert all(each.source_time == newest[each.source_id] for each in expected)
