"""Answers are never larger than clients accept, however much they would hold."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from buf.validate import validate_pb2
from onegrid.identity.v1.events_pb2 import DepartmentDefined
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid.petition.v1.petition_service_pb2 import TakeTaskRequest
from onegrid.petition.v1.resources_pb2 import Petition, State
from onegrid_kit.testing.callers import staff
from onegrid_petition.petition import MAX_TASKS

from .desk import Desk, Refused
from .people import COMMANDER, COMMUNITY, DISTRICT, LEAD_CLERK

ACCEPTED_BYTES = 4 * 1024 * 1024
OFFICES = [f"{DISTRICT}D{number:02}" for number in range(1, 35)]


async def listed(desk: Desk, **fields: Any) -> list[Sequence[Petition]]:
    """All pages of a query."""
    pages: list[Sequence[Petition]] = []
    token = ""
    while token or not pages:
        answer = await desk.call(COMMANDER, "ListPetitions", district=DISTRICT, page_token=token, **fields)
        assert answer.ByteSize() < ACCEPTED_BYTES
        pages.append(answer.petitions)
        token = answer.next_page_token
    return pages


def announce_offices(desk: Desk) -> None:
    """All departments of a district."""
    for code in OFFICES:
        desk.deliver(f"departments/{code}", DepartmentDefined(code=code, display_name=code, version=2))


async def test_long_petitions_end_a_page_before_it_is_too_large(desk: Desk) -> None:
    filed: list[Petition] = []
    while len(filed) < 330:
        filed += await asyncio.gather(*(desk.file(text="诉" * 4000) for _ in range(30)))
    pages = await listed(desk, page_size=330)
    assert len(pages) == 2
    assert sorted(each.name for page in pages for each in page) == sorted(each.name for each in filed)


async def test_petitions_of_many_long_tasks_end_the_default_page_early(desk: Desk) -> None:
    announce_offices(desk)
    for _ in range(21):
        petition = await desk.file()
        await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
        lead, *assistants = OFFICES
        await desk.call(
            COMMANDER,
            "DispatchPetition",
            name=petition.name,
            lead=lead,
            assistants=assistants,
            instruction="办" * 2000,
        )
    pages = await listed(desk)
    assert [len(page) for page in pages] == [15, 6]


async def test_a_public_timeline_comes_in_pages(desk: Desk) -> None:
    petition = await desk.concluded(by=LEAD_CLERK, place=COMMUNITY)
    everything = (await desk.call(None, "GetPublicTimeline", name=petition.name)).entries
    first = await desk.call(None, "GetPublicTimeline", name=petition.name, page_size=2)
    rest = await desk.call(None, "GetPublicTimeline", name=petition.name, page_token=first.next_page_token)
    assert [entry.sequence for entry in first.entries] == [1, 2]
    assert [*first.entries, *rest.entries] == list(everything)
    assert not rest.next_page_token
    assert rest.state == petition.state


async def test_a_petition_with_all_the_tasks_that_it_may_have_can_be_read(desk: Desk) -> None:
    announce_offices(desk)
    petition = await desk.file(text="𠀀" * 4000)
    await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
    longest = "𠀀" * 2000
    # What is returned can be dispatched again, until the petition has as many tasks as it may have.
    for given in (34, 34, 32):
        lead, *assistants = OFFICES[:given]
        petition = (
            await desk.call(
                COMMANDER,
                "DispatchPetition",
                name=petition.name,
                lead=lead,
                assistants=assistants,
                instruction=longest,
                public_note=longest,
            )
        ).petition
        for task in petition.tasks[-given:]:
            clerk = staff("clerk", BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, task.assignee)
            await desk.call(clerk, "ReturnTask", name=task.name, internal_note=longest)
    with pytest.raises(Refused) as refused:
        await desk.call(COMMANDER, "DispatchPetition", name=petition.name, lead=OFFICES[0])
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TASK_LIMIT_REACHED")
    assert refused.value.metadata == {"tasks": "100", "limit": "100"}
    answer = await desk.call(COMMANDER, "GetPetition", name=petition.name)
    assert len(answer.petition.tasks) == MAX_TASKS
    assert answer.ByteSize() < ACCEPTED_BYTES
    assert re.fullmatch(task_name_pattern(), answer.petition.tasks[-1].name)
    closed = await desk.call(COMMANDER, "ClosePetition", name=petition.name, public_note="不再交办")
    assert closed.petition.state == State.STATE_CLOSED


def task_name_pattern() -> str:
    """What the contract accepts as the name of a task."""
    field = TakeTaskRequest.DESCRIPTOR.fields_by_name["name"]
    return str(field.GetOptions().Extensions[validate_pb2.field].string.pattern)
