"""Answers are never larger than clients accept, however much they would hold."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from onegrid.identity.v1.events_pb2 import DepartmentDefined
from onegrid.petition.v1.resources_pb2 import Petition
from onegrid_kit.events import Delivery
from onegrid_petition import handlers

from .desk import Desk
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


def announce_offices(engine: Engine) -> None:
    """All departments of a district."""
    delivery = Delivery(id=str(uuid.uuid4()), type="", subject="", time=datetime.now(UTC))
    with engine.begin() as conn:
        for code in OFFICES:
            handlers.keep_department(conn, DepartmentDefined(code=code, display_name=code, version=2), delivery)


async def test_long_petitions_end_a_page_before_it_is_too_large(desk: Desk) -> None:
    filed: list[Petition] = []
    while len(filed) < 330:
        filed += await asyncio.gather(*(desk.file(text="诉" * 4000) for _ in range(30)))
    pages = await listed(desk, page_size=330)
    assert len(pages) == 2
    assert sorted(each.name for page in pages for each in page) == sorted(each.name for each in filed)


async def test_petitions_of_many_long_tasks_end_the_default_page_early(desk: Desk, engine: Engine) -> None:
    announce_offices(engine)
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
