"""What Party organizations say in columns of their own: who writes there, and who reads it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from onegrid.notify.v1.events_pb2 import ArticlePublished
from onegrid.notify.v1.resources_pb2 import Acknowledgement, Article, PartyVoice
from onegrid_kit.testing.events import Events

from .editors import (
    CLERK,
    COMMANDER,
    DISTRICT,
    ELSEWHERE,
    NEWS,
    OFFICE,
    OTHER_STREET_DESK,
    RESIDENT,
    SECTION,
    STRANGER,
    STREET,
    STREET_DESK,
    TO_STREET,
    Newsroom,
    Refused,
)
from .test_party import BRANCH, COMMANDER_OF_PARTY, COMMITTEE, JOINING, OTHER, Party

EVERYONE, MEMBERS = PartyVoice.PARTY_VOICE_EVERYONE, PartyVoice.PARTY_VOICE_MEMBERS
PUBLIC, CLOSED = f"columns/{DISTRICT}-voice", f"columns/{DISTRICT}-members"


class Voice:
    """A committee and its branch, which speak in a column for everybody and in one for members."""

    def __init__(self, newsroom: Newsroom, party: Party) -> None:
        self.newsroom = newsroom
        self.call = newsroom.call
        self.party = party

    async def define(self, name: str, voice: PartyVoice, **fields: Any) -> None:
        column = {"name": name, "display_name": "党的声音", "parent": SECTION, "party_voice": voice, **fields}
        found = (await self.call(COMMANDER, "ListColumns", district=DISTRICT)).columns
        etag = next((each.etag for each in found if each.name == name), "")
        await self.call(COMMANDER, "DefineColumn", column={**column, "etag": etag}, etag=etag)

    async def said(self, column: str = CLOSED, by: Any = STREET_DESK, owner: str = STREET, **fields: Any) -> Article:
        fields = {"organization": COMMITTEE, **fields}
        return await self.newsroom.published(by, owner, column=column, **fields)

    async def refused(self, column: str = CLOSED, **fields: Any) -> str:
        with pytest.raises(Refused) as refused:
            await self.said(column, **fields)
        return refused.value.reason

    async def listed(self, by: Any, organization: str = COMMITTEE) -> list[str]:
        answer = await self.call(by, "ListOrganizationArticles", organization=organization)
        return [each.name for each in answer.articles]


@pytest.fixture
async def voice(newsroom: Newsroom, events: Events) -> Voice:
    party = Party(newsroom, events)
    party.organization(COMMITTEE)
    party.organization(BRANCH, 1, COMMITTEE)
    party.organization(OTHER)
    party.member(1, RESIDENT)
    party.member(2, JOINING, OTHER)
    found = Voice(newsroom, party)
    await found.define(PUBLIC, EVERYONE)
    await found.define(CLOSED, MEMBERS)
    return found


async def test_what_is_for_members_is_read_by_them_and_by_nobody_else(voice: Voice) -> None:
    article = await voice.said()
    assert (await voice.newsroom.listed(RESIDENT, CLOSED), await voice.listed(RESIDENT)) == (
        [article.name],
        [article.name],
    )
    read = (await voice.call(RESIDENT, "GetArticle", name=article.name)).article
    assert (read.organization, read.organization_display_name) == (COMMITTEE, "党组织")
    assert not read.HasField("audience")
    for other in (ELSEWHERE, JOINING, STRANGER, COMMANDER, OTHER_STREET_DESK):
        assert await voice.newsroom.listed(other, CLOSED) == []
        assert await voice.listed(other) == []
        with pytest.raises(Refused) as refused:
            await voice.call(other, "GetArticle", name=article.name)
        assert refused.value.reason == "PERMISSION_DENIED"
    assert await voice.listed(RESIDENT, BRANCH) == []


async def test_each_selector_of_what_is_for_members_asks_for_members(voice: Voice) -> None:
    """Whatever its editors forget."""
    article = await voice.newsroom.draft(STREET_DESK, STREET, column=CLOSED, organization=COMMITTEE, audience=TO_STREET)
    (selector,) = article.audience.any_of
    assert (list(selector.places), list(selector.party.organizations)) == ([STREET], [COMMITTEE])
    article = await voice.newsroom.draft(STREET_DESK, STREET, column=CLOSED, organization=COMMITTEE)
    (selector,) = article.audience.any_of
    assert (list(selector.places), list(selector.party.organizations)) == ([DISTRICT], [COMMITTEE])


async def test_what_waited_while_its_column_became_one_for_members_is_for_members(voice: Voice) -> None:
    submitted = await voice.newsroom.submitted(
        STREET_DESK, STREET, column=PUBLIC, organization=COMMITTEE, audience=TO_STREET
    )
    before = await voice.said(PUBLIC, audience=TO_STREET)
    await voice.define(PUBLIC, MEMBERS)
    published = (await voice.call(STREET_DESK, "PublishArticle", name=submitted.name)).article
    assert await voice.newsroom.listed(ELSEWHERE, PUBLIC) == [before.name]
    assert set(await voice.newsroom.listed(RESIDENT, PUBLIC)) == {published.name, before.name}


async def test_what_waited_while_its_column_became_the_partys_needs_an_organization(voice: Voice) -> None:
    submitted = await voice.newsroom.submitted(STREET_DESK, STREET, audience=TO_STREET)
    await voice.define(NEWS, EVERYONE)
    with pytest.raises(Refused) as refused:
        await voice.call(STREET_DESK, "PublishArticle", name=submitted.name)
    assert refused.value.reason == "INVALID_REQUEST"


async def test_what_is_for_everybody_is_read_by_everybody(voice: Voice) -> None:
    in_street = await voice.said(PUBLIC, audience=TO_STREET)
    voice.newsroom.wait(timedelta(minutes=1))
    everywhere = await voice.said(PUBLIC, COMMANDER_OF_PARTY)
    assert await voice.listed(ELSEWHERE) == [everywhere.name, in_street.name]
    assert await voice.listed(COMMANDER) == [everywhere.name], "who is at home nowhere"
    assert await voice.listed(STRANGER) == []
    assert await voice.refused(PUBLIC) == "PERMISSION_DENIED", "everybody in the district is not the street's"


async def test_an_organization_is_written_for_with_the_partys_permission_at_its_place(voice: Voice) -> None:
    assert await voice.refused(by=COMMANDER) == "PERMISSION_DENIED"
    assert await voice.refused(by=OTHER_STREET_DESK) == "PERMISSION_DENIED"
    assert await voice.refused(by=CLERK, owner=OFFICE, organization=OTHER) == "PERMISSION_DENIED"
    submitted = await voice.newsroom.submitted(STREET_DESK, STREET, column=CLOSED, organization=COMMITTEE)
    for method, fields in (
        ("GetArticle", {}),
        ("PublishArticle", {}),
        ("ReturnArticle", {"reason": "x"}),
        ("WithdrawArticle", {"reason": "x"}),
    ):
        with pytest.raises(Refused) as refused:
            await voice.call(COMMANDER, method, name=submitted.name, **fields)
        assert refused.value.reason == "PERMISSION_DENIED", method
    owned = [
        {each.name for each in (await voice.call(by, "ListOwnedArticles", owner=STREET)).articles}
        for by in (COMMANDER, STREET_DESK, COMMANDER_OF_PARTY)
    ]
    assert owned == [set(), {submitted.name}, {submitted.name}]


async def test_an_organization_speaks_in_columns_of_the_partys_voice_and_only_there(voice: Voice) -> None:
    assert await voice.refused(NEWS, audience=TO_STREET) == "INVALID_REQUEST"
    assert await voice.refused(organization="") == "INVALID_REQUEST"
    assert await voice.refused(organization=BRANCH) == "INVALID_REQUEST", "the branch is the community's"
    assert await voice.refused(organization=f"organizations/{STREET}-none") == "ORGANIZATION_UNKNOWN"


async def test_an_organization_that_was_dissolved_speaks_no_more(voice: Voice) -> None:
    submitted = await voice.newsroom.submitted(STREET_DESK, STREET, column=CLOSED, organization=COMMITTEE)
    article = await voice.said()
    voice.party.organization(COMMITTEE, 2, dissolved=True)
    assert await voice.refused() == "ORGANIZATION_UNKNOWN"
    with pytest.raises(Refused) as refused:
        await voice.call(STREET_DESK, "PublishArticle", name=submitted.name)
    assert refused.value.reason == "ORGANIZATION_UNKNOWN"
    assert await voice.listed(RESIDENT) == [article.name], "what it said stays"


async def test_columns_of_the_partys_voice_are_listed_to_all_and_take_no_records(voice: Voice) -> None:
    with pytest.raises(Refused) as refused:
        await voice.define(f"columns/{DISTRICT}-new", EVERYONE, owner=OFFICE)
    assert refused.value.reason == "INVALID_REQUEST"
    listed = (await voice.call(STRANGER, "ListColumns", district=DISTRICT)).columns
    assert {each.name: each.party_voice for each in listed if each.party_voice} == {PUBLIC: EVERYONE, CLOSED: MEMBERS}


async def test_what_was_read_and_confirmed_is_counted_as_of_every_notice(voice: Voice) -> None:
    article = await voice.said(push=True, must_confirm=True)
    (item,) = (await voice.call(RESIDENT, "ListInboxItems")).items
    assert (await voice.call(ELSEWHERE, "ListInboxItems")).items == []
    await voice.call(
        RESIDENT,
        "AcknowledgeInboxItems",
        items=[{"name": item.name, "version": item.version}],
        acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_CONFIRMED,
        request_id=str(uuid.uuid4()),
    )
    reach = (await voice.call(STREET_DESK, "GetReach", name=article.name, place=STREET)).total
    assert reach.confirmed.numerator == 1


async def test_the_event_says_who_speaks(voice: Voice) -> None:
    await voice.said()
    (event,) = [each for each in voice.newsroom.announced() if isinstance(each, ArticlePublished)]
    assert event.organization == COMMITTEE


async def test_a_list_goes_on_behind_what_is_not_for_its_reader(voice: Voice) -> None:
    first = await voice.said(PUBLIC, COMMANDER_OF_PARTY)
    voice.newsroom.wait(timedelta(minutes=1))
    for _ in range(101):
        await voice.said()
    page = await voice.call(ELSEWHERE, "ListOrganizationArticles", organization=COMMITTEE, page_size=1)
    assert (list(page.articles), bool(page.next_page_token)) == ([], True), "it looked at a hundred"
    page = await voice.call(
        ELSEWHERE,
        "ListOrganizationArticles",
        organization=COMMITTEE,
        page_size=1,
        page_token=page.next_page_token,
    )
    assert [each.name for each in page.articles] == [first.name]
