"""Plans of emergency as notices to the people of their places."""

from __future__ import annotations

from datetime import timedelta

import pytest

from onegrid.emergency.v1.events_pb2 import PlanActivated, PlanDeactivated
from onegrid.emergency.v1.plans_pb2 import PlanActivation, PlanNotice
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.events_pb2 import ArticlePublished
from onegrid_kit.callers import Caller
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .editors import COMMUNITY, DISTRICT, ELSEWHERE, OTHER_STREET, RESIDENT, Newsroom

ACTIVATION = f"planActivations/{DISTRICT}-01hf0000000000000000"
COLUMN = f"columns/{DISTRICT}-emergency-notices"
NOTICE = PlanNotice(headline="江水上涨", text="请勿前往<江边>。\n注意广播。", places=[COMMUNITY])


class Plan:
    """A plan, and who finds what of it."""

    def __init__(self, newsroom: Newsroom, events: Events) -> None:
        self.newsroom = newsroom
        self._events = events
        newsroom.live(RESIDENT, COMMUNITY)
        newsroom.live(ELSEWHERE, OTHER_STREET)

    def _activation(self, notice: PlanNotice | None) -> PlanActivation:
        expire = self.newsroom.now + timedelta(hours=72)
        return PlanActivation(name=ACTIVATION, notice=notice, expire_time=timestamp(expire))

    def activated(self, notice: PlanNotice | None = NOTICE) -> None:
        self._events.deliver(PlanActivated(activation=self._activation(notice)), subject=ACTIVATION)

    def deactivated(self) -> None:
        self._events.deliver(PlanDeactivated(activation=self._activation(NOTICE)), subject=ACTIVATION)

    async def inbox(self, of: Caller) -> list[tuple[str, bool]]:
        """The titles of what somebody finds, and whether it is urgent."""
        items = (await self.newsroom.call(of, "ListInboxItems")).items
        return [(item.title, item.urgent) for item in items]

    def published(self) -> list[ArticlePublished]:
        return [each for each in self.newsroom.announced() if isinstance(each, ArticlePublished)]


@pytest.fixture
def plan(newsroom: Newsroom, events: Events) -> Plan:
    return Plan(newsroom, events)


async def test_a_plan_is_an_urgent_notice_to_its_places_by_every_channel_until_it_ends(plan: Plan) -> None:
    plan.activated()
    assert await plan.inbox(RESIDENT) == [("江水上涨", True)]
    assert await plan.inbox(ELSEWHERE) == []
    (published,) = plan.published()
    assert (published.column, published.urgent, published.push) == (COLUMN, True, True)
    article = (await plan.newsroom.call(RESIDENT, "GetArticle", name=published.article)).article
    assert article.content.body_html == "<p>请勿前往&lt;江边&gt;。</p><p>注意广播。</p>"
    assert set(article.channels) == {Channel.CHANNEL_WEB_PUSH, Channel.CHANNEL_SMS, Channel.CHANNEL_EMAIL}
    plan.deactivated()
    assert await plan.newsroom.listed(RESIDENT, COLUMN) == []


async def test_a_plan_without_a_notice_tells_nobody_anything(plan: Plan) -> None:
    plan.activated(None)
    plan.deactivated()
    assert await plan.inbox(RESIDENT) == []


async def test_a_plan_that_ended_before_its_beginning_was_heard_of_tells_nobody_anything(plan: Plan) -> None:
    plan.deactivated()
    plan.activated()
    assert await plan.inbox(RESIDENT) == []
