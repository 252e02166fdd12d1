"""Columns over real gRPC and a real database."""

from __future__ import annotations

import asyncio
import uuid

import grpc
import pytest

from onegrid_notify.columns import MAX_COLUMNS

from .editors import ARCHIVED, CLERK, COMMANDER, DISTRICT, JOBS, NEWS, RESIDENT, SECTION, Newsroom, Refused


async def names(newsroom: Newsroom, *, show_archived: bool = False) -> list[str]:
    answer = await newsroom.call(None, "ListColumns", district=DISTRICT, show_archived=show_archived)
    return [column.name for column in answer.columns]


async def test_anybody_reads_the_columns_as_a_tree(newsroom: Newsroom) -> None:
    assert await names(newsroom) == [SECTION, NEWS, JOBS]
    assert await names(newsroom, show_archived=True) == [SECTION, NEWS, JOBS, ARCHIVED]
    assert not (await newsroom.call(None, "ListColumns", district="210603")).columns


async def test_a_column_is_entered_changed_and_moved(newsroom: Newsroom) -> None:
    column = {"name": f"columns/{DISTRICT}-openings", "display_name": "招聘", "parent": NEWS, "position": 7}
    entered = (await newsroom.call(COMMANDER, "DefineColumn", column=column)).column
    assert (entered.display_name, entered.parent, entered.position, entered.archived) == ("招聘", NEWS, 7, False)
    again = (await newsroom.call(COMMANDER, "DefineColumn", column=column)).column
    assert again == entered
    moved = {**column, "parent": SECTION, "position": 0}
    changed = (await newsroom.call(COMMANDER, "DefineColumn", column=moved, etag=entered.etag)).column
    assert changed.etag != entered.etag
    assert await names(newsroom) == [SECTION, changed.name, NEWS, JOBS]
    with pytest.raises(Refused) as refused:
        await newsroom.call(COMMANDER, "DefineColumn", column=column, etag=entered.etag)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")


async def test_a_repeated_request_is_answered_the_same(newsroom: Newsroom) -> None:
    column = {"name": NEWS, "display_name": "新名"}
    request_id = str(uuid.uuid4())
    first, second = [
        await newsroom.call(COMMANDER, "DefineColumn", column=column, request_id=request_id) for _ in range(2)
    ]
    assert first == second


async def test_what_would_be_no_tree_is_refused(newsroom: Newsroom) -> None:
    column = {"name": SECTION, "display_name": "便民服务", "parent": NEWS}
    with pytest.raises(Refused) as refused:
        await newsroom.call(COMMANDER, "DefineColumn", column=column)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COLUMN_TREE")
    assert refused.value.metadata == {"column": SECTION, "parent": NEWS}


async def test_two_moves_at_once_make_no_circle(newsroom: Newsroom) -> None:
    moves = [{"name": NEWS, "display_name": "甲", "parent": JOBS}, {"name": JOBS, "display_name": "乙", "parent": NEWS}]
    outcomes = await asyncio.gather(
        *(newsroom.call(COMMANDER, "DefineColumn", column=move) for move in moves), return_exceptions=True
    )
    assert [each.reason for each in outcomes if isinstance(each, Refused)] == ["COLUMN_TREE"]


async def test_only_the_command_centre_arranges_columns_of_its_own_district(newsroom: Newsroom) -> None:
    column = {"name": NEWS, "display_name": "甲"}
    for caller in (CLERK, RESIDENT):
        with pytest.raises(Refused) as refused:
            await newsroom.call(caller, "DefineColumn", column=column)
        assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    elsewhere = {"name": "columns/210603-news", "display_name": "甲"}
    with pytest.raises(Refused) as refused:
        await newsroom.call(COMMANDER, "DefineColumn", column=elsewhere)
    assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(Refused) as refused:
        await newsroom.call(COMMANDER, "DefineColumn", column={**column, "owner": "210603D01"})
    assert refused.value.fields == ["column.owner"]


async def test_a_district_has_only_so_many_columns_which_are_one_answer(newsroom: Newsroom) -> None:
    for number in range(len(await names(newsroom, show_archived=True)), MAX_COLUMNS):
        column = {"name": f"columns/{DISTRICT}-c{number}", "display_name": "栏" * 32, "parent": SECTION}
        await newsroom.call(COMMANDER, "DefineColumn", column=column)
    with pytest.raises(Refused) as refused:
        await newsroom.call(COMMANDER, "DefineColumn", column={**column, "name": f"columns/{DISTRICT}-another"})
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COLUMN_LIMIT_REACHED")
    assert refused.value.metadata == {"columns": "200", "limit": "200"}
    answer = await newsroom.call(None, "ListColumns", district=DISTRICT, show_archived=True)
    assert len(answer.columns) == MAX_COLUMNS
    assert answer.ByteSize() < 100_000
