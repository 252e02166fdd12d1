"""Members of the Party as an audience: who is in it, and who may know."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from onegrid.partyedu.v1.events_pb2 import MemberDefined, OrganizationDefined
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.organizations_pb2 import Officer, OfficerPost, Organization, Term
from onegrid_kit.callers import Caller
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .editors import (
    COMMANDER,
    COMMUNITY,
    DISTRICT,
    ELSEWHERE,
    RESIDENT,
    STREET,
    STREET_DESK,
    Newsroom,
    Refused,
)

COMMITTEE, BRANCH = f"organizations/{STREET}-committee", f"organizations/{COMMUNITY}-branch"
OTHER = f"organizations/{DISTRICT}D07-committee"
PROBATIONARY, FULL = MemberState.MEMBER_STATE_PROBATIONARY, MemberState.MEMBER_STATE_FULL
SECRETARY, PUBLICITY = OfficerPost.OFFICER_POST_SECRETARY, OfficerPost.OFFICER_POST_PUBLICITY
JOINING = public("joining", DISTRICT)


class Party:
    """What partyedu announces."""

    def __init__(self, newsroom: Newsroom, events: Events) -> None:
        self.newsroom = newsroom
        self._events = events
        for who in (RESIDENT, ELSEWHERE, JOINING):
            newsroom.live(who, COMMUNITY)

    def organization(
        self,
        name: str,
        version: int = 1,
        parent: str = "",
        *officers: tuple[OfficerPost, str],
        at: datetime | None = None,
        dissolved: bool = False,
    ) -> None:
        time = timestamp(at or self.newsroom.now)
        held = [Officer(post=post, member=member, begin_time=time) for post, member in officers]
        term = Term(name=f"{name}/terms/1", begin_time=time, officers=held) if held else None
        of = Organization(name=name, display_name="党组织", parent=parent, update_time=time, term=term)
        if dissolved:
            of.dissolve_time.CopyFrom(time)
        self._events.deliver(OrganizationDefined(organization=of, version=version), subject=name)

    def member(
        self,
        number: int,
        user: Caller | None,
        organization: str = BRANCH,
        state: MemberState = FULL,
        version: int = 1,
        at: datetime | None = None,
    ) -> None:
        self._events.deliver(
            MemberDefined(
                member=f"members/{DISTRICT}-{number:020}",
                user=user.user if user else "",
                state=state,
                organization=organization,
                version=version,
                update_time=timestamp(at or self.newsroom.now),
            )
        )

    async def titles(self, of: Caller) -> list[str]:
        return [item.title for item in (await self.newsroom.call(of, "ListInboxItems")).items]

    async def publish(self, title: str, by: Caller = STREET_DESK, owner: str = STREET, **party: Any) -> str:
        audience = {"any_of": [{"places": [owner], "party": party}]}
        published = await self.newsroom.published(by, owner, audience=audience, push=True, content={"title": title})
        return published.name

    async def count(self, by: Caller = STREET_DESK, place: str = STREET, **party: Any) -> int:
        audience = {"any_of": [{"places": [place], "party": party}]}
        answer = await self.newsroom.call(by, "CountAudience", district=DISTRICT, audience=audience)
        counted: int = answer.people
        return counted

    async def refused(self, **party: Any) -> str:
        with pytest.raises(Refused) as refused:
            await self.count(**party)
        return refused.value.reason


@pytest.fixture
def party(newsroom: Newsroom, events: Events) -> Party:
    found = Party(newsroom, events)
    found.organization(COMMITTEE)
    found.organization(BRANCH, 1, COMMITTEE)
    found.organization(OTHER)
    return found


async def test_members_are_reached_by_organization_state_and_post(party: Party) -> None:
    party.member(1, RESIDENT)
    party.member(2, JOINING, state=PROBATIONARY)
    party.member(3, ELSEWHERE, OTHER)
    party.organization(COMMITTEE, 2, "", (SECRETARY, f"members/{DISTRICT}-{1:020}"))
    assert await party.count(organizations=[COMMITTEE]) == 2
    assert await party.count(organizations=[BRANCH], states=[PROBATIONARY]) == 1
    assert await party.count(COMMANDER_OF_PARTY, DISTRICT) == 3
    assert await party.count(organizations=[COMMITTEE], posts=[SECRETARY]) == 1
    assert await party.count(organizations=[COMMITTEE], posts=[PUBLICITY]) == 0
    assert await party.count(organizations=[BRANCH], posts=[SECRETARY]) == 0, "the post is in another one"
    await party.publish("支部学习", organizations=[BRANCH])
    await party.publish("预备党员培训", organizations=[COMMITTEE], states=[PROBATIONARY])
    await party.publish("书记例会", organizations=[COMMITTEE], posts=[SECRETARY])
    assert set(await party.titles(RESIDENT)) == {"书记例会", "支部学习"}
    assert set(await party.titles(JOINING)) == {"预备党员培训", "支部学习"}
    assert await party.titles(ELSEWHERE) == []


async def test_membership_when_the_article_appeared_decides_however_late_it_is_known(party: Party) -> None:
    joined = party.newsroom.now - timedelta(minutes=1)
    await party.publish("早", organizations=[COMMITTEE])
    assert await party.titles(RESIDENT) == []
    party.newsroom.wait(timedelta(minutes=5))
    party.member(1, RESIDENT, OTHER, version=2)
    await party.publish("晚", organizations=[COMMITTEE])
    assert await party.titles(RESIDENT) == []
    party.member(1, RESIDENT, BRANCH, version=1, at=joined)
    assert await party.titles(RESIDENT) == ["早"], "what comes late corrects the past"
    party.organization(BRANCH, 2, OTHER)
    party.member(2, ELSEWHERE)
    await party.publish("迁后", organizations=[COMMITTEE])
    assert await party.titles(ELSEWHERE) == []
    assert await party.titles(RESIDENT) == ["早"]


async def test_who_addresses_members_needs_a_permission_over_their_organizations(party: Party) -> None:
    party.member(1, RESIDENT)
    assert await party.refused(by=COMMANDER, organizations=[COMMITTEE]) == "PERMISSION_DENIED"
    assert await party.refused(by=STREET_DESK) == "PERMISSION_DENIED", "members of any organization are the district's"
    assert await party.refused(by=STREET_DESK, organizations=[OTHER]) == "PERMISSION_DENIED"
    unknown = f"organizations/{STREET}-none"
    assert await party.refused(by=STREET_DESK, organizations=[unknown]) == "ORGANIZATION_UNKNOWN"


async def test_readers_and_others_do_not_learn_that_an_article_is_for_members(party: Party) -> None:
    party.member(1, RESIDENT)
    name = await party.publish("支部学习", organizations=[BRANCH])
    read = (await party.newsroom.call(RESIDENT, "GetArticle", name=name)).article
    assert not read.HasField("audience")
    seen = (await party.newsroom.call(STREET_DESK, "GetArticle", name=name)).article
    assert list(seen.audience.any_of[0].party.organizations) == [BRANCH]
    item = name.replace("articles/", "inboxItems/")
    own = await party.newsroom.call(RESIDENT, "ExplainDelivery", item=item, user=RESIDENT.user)
    assert (own.explanation.audience.included, own.explanation.audience.party_organization) == (True, BRANCH)
    with pytest.raises(Refused) as refused:
        await party.newsroom.call(COMMANDER, "ExplainDelivery", item=item, user=RESIDENT.user)
    assert refused.value.reason == "PERMISSION_DENIED"
    for by, method, fields in (
        (COMMANDER, "ListRecipients", {"article": name, "place": STREET}),
        (COMMANDER, "ListDeliveries", {"parent": STREET, "article": name}),
    ):
        with pytest.raises(Refused) as refused:
            await party.newsroom.call(by, method, **fields)
        assert refused.value.reason == "PERMISSION_DENIED", method


COMMANDER_OF_PARTY = replace(
    COMMANDER,
    grants=tuple(replace(each, permissions=each.permissions | {"notify.party.address"}) for each in COMMANDER.grants),
)
