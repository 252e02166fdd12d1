"""Warnings of emergency as notices to the people of their places."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from sqlalchemy import Engine

from onegrid.emergency.v1.events_pb2 import PublicWarning, WarningCancelled, WarningIssued, WarningUpdated
from onegrid.emergency.v1.warnings_pb2 import WarningColour
from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason
from onegrid.notify.v1.events_pb2 import ArticleCorrected, ArticlePublished, ArticleWithdrawn
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp
from onegrid_notify.preferences import Mute
from onegrid_notify.quiet import QuietHours

from .editors import COMMANDER, COMMUNITY, DISTRICT, ELSEWHERE, OTHER_STREET, RESIDENT, Newsroom
from .outside import EMAIL, Outside

WARNING = f"warnings/{DISTRICT}-0011223344556677"
COLUMN = f"columns/{DISTRICT}-warnings"


class People:
    """Who lives where, and what they find."""

    def __init__(self, newsroom: Newsroom, events: Events) -> None:
        self.newsroom = newsroom
        self._events = events
        newsroom.live(RESIDENT, COMMUNITY)
        newsroom.live(ELSEWHERE, OTHER_STREET)

    def told(self, kind: type[Message], version: int, **fields: Any) -> None:
        """emergency announces it."""
        given = {
            "name": WARNING,
            "version": version,
            "district": DISTRICT,
            "places": [COMMUNITY],
            "colour": WarningColour.WARNING_COLOUR_RED,
            "headline": "江堤渗水，请立即撤离",
            "description": "堤段出现<管涌>。",
            "instruction": "到第三小学避险。",
            "expire_time": timestamp(self.newsroom.now + timedelta(hours=6)),
            "time": timestamp(self.newsroom.now),
            **fields,
        }
        self._events.deliver(kind(warning=PublicWarning(**given)), subject=WARNING)  # type: ignore[call-arg]

    def cancelled(self, version: int, note: str = "险情已排除") -> None:
        self._events.deliver(WarningCancelled(warning=WARNING, version=version, note=note), subject=WARNING)

    async def inbox(self, of: Caller) -> list[tuple[str, bool]]:
        """The titles of what somebody finds, and whether it is urgent."""
        items = (await self.newsroom.call(of, "ListInboxItems")).items
        return [(item.title, item.urgent) for item in items]

    def announced(self, kind: type[Message]) -> list[Any]:
        return [each for each in self.newsroom.announced() if isinstance(each, kind)]


@pytest.fixture
def people(newsroom: Newsroom, events: Events) -> People:
    return People(newsroom, events)


async def test_a_warning_is_an_urgent_notice_to_its_places_until_it_ends(people: People) -> None:
    people.told(WarningIssued, 1)
    assert await people.inbox(RESIDENT) == [("江堤渗水，请立即撤离", True)]
    assert await people.inbox(ELSEWHERE) == []
    (published,) = people.announced(ArticlePublished)
    assert (published.column, published.urgent, published.push) == (COLUMN, True, True)
    article = (await people.newsroom.call(RESIDENT, "GetArticle", name=published.article)).article
    assert "&lt;管涌&gt;" in article.content.body_html
    people.newsroom.wait(timedelta(hours=6))
    assert await people.newsroom.listed(RESIDENT, COLUMN) == []


async def test_a_warning_for_a_cell_reaches_who_gives_its_community_as_home(people: People) -> None:
    people.told(WarningIssued, 1, places=[f"{COMMUNITY}001"])
    assert await people.inbox(RESIDENT) == [("江堤渗水，请立即撤离", True)]
    assert await people.inbox(ELSEWHERE) == []


async def test_an_event_that_comes_again_or_late_changes_nothing(people: People) -> None:
    people.told(WarningIssued, 1)
    people.told(WarningIssued, 1)
    people.told(WarningUpdated, 3, headline="三")
    people.told(WarningUpdated, 2, headline="二")
    assert await people.inbox(RESIDENT) == [("三", True)]
    people.cancelled(2)
    assert await people.inbox(RESIDENT) == [("三", True)]
    assert len(people.announced(ArticlePublished)) == 1


async def test_an_update_corrects_the_notice_and_its_expiry(people: People) -> None:
    people.told(WarningIssued, 1)
    people.told(WarningUpdated, 2, headline="延长", expire_time=timestamp(people.newsroom.now + timedelta(hours=12)))
    assert await people.inbox(RESIDENT) == [("延长", True)]
    assert len(people.announced(ArticleCorrected)) == 1
    people.newsroom.wait(timedelta(hours=7))
    assert len(await people.newsroom.listed(RESIDENT, COLUMN)) == 1


async def test_an_update_for_other_places_warns_by_another_notice(people: People) -> None:
    people.told(WarningIssued, 1)
    people.told(WarningUpdated, 2, headline="扩大", places=[COMMUNITY, OTHER_STREET])
    assert await people.inbox(ELSEWHERE) == [("扩大", True)]
    assert ("扩大", True) in await people.inbox(RESIDENT)
    assert len(people.announced(ArticleWithdrawn)) == 1


async def test_a_cancel_withdraws_the_notice_and_a_later_issue_warns_again(people: People) -> None:
    people.told(WarningIssued, 1)
    people.cancelled(2)
    (withdrawn,) = people.announced(ArticleWithdrawn)
    assert withdrawn.reason == "险情已排除"
    assert await people.newsroom.listed(RESIDENT, COLUMN) == []
    people.told(WarningIssued, 3, headline="又来")
    assert ("又来", True) in await people.inbox(RESIDENT)


async def test_a_cancel_that_overtakes_the_warning_ends_it_before_anybody_has_it(people: People) -> None:
    people.cancelled(2)
    people.told(WarningIssued, 1)
    assert await people.inbox(RESIDENT) == []


@pytest.mark.parametrize(
    ("colour", "sms"),
    [(WarningColour.WARNING_COLOUR_ORANGE, True), (WarningColour.WARNING_COLOUR_YELLOW, False)],
)
async def test_the_gravest_warnings_go_out_by_every_channel(people: People, colour: WarningColour, sms: bool) -> None:
    people.told(WarningIssued, 1, colour=colour)
    (published,) = people.announced(ArticlePublished)
    article = (await people.newsroom.call(RESIDENT, "GetArticle", name=published.article)).article
    assert article.pinned is sms
    owned = await people.newsroom.call(COMMANDER, "ListOwnedArticles", owner=DISTRICT)
    (found,) = owned.articles
    assert (Channel.CHANNEL_SMS in found.channels) is sms
    assert Channel.CHANNEL_WEB_PUSH in found.channels


@pytest.mark.parametrize(
    ("colour", "sent"),
    [
        (WarningColour.WARNING_COLOUR_RED, True),
        (WarningColour.WARNING_COLOUR_ORANGE, True),
        (WarningColour.WARNING_COLOUR_YELLOW, False),
    ],
)
@pytest.mark.parametrize(
    "preferences",
    [
        {"mutes": frozenset({Mute()})},
        {"mutes": frozenset({Mute(COLUMN)})},
        {"quiet_hours": QuietHours(time(0), time(23, 59))},
    ],
    ids=["all muted", "topic muted", "quiet hours"],
)
async def test_the_gravest_warnings_wait_for_nobodys_quiet_hours_and_nobody_mutes_them(
    people: People, outside: Outside, colour: WarningColour, sent: bool, preferences: dict[str, Any]
) -> None:
    for channel in (EMAIL, Channel.CHANNEL_WEB_PUSH):
        outside.address(RESIDENT, channel)
    outside.prefer(RESIDENT, **preferences)
    people.told(WarningIssued, 1, colour=colour)
    outside.step()
    assert len(await outside.send()) == (2 if sent else 0)
    (published,) = people.announced(ArticlePublished)
    item = published.article.replace("articles/", "inboxItems/")
    answer = await people.newsroom.call(COMMANDER, "ExplainDelivery", item=item, user=RESIDENT.user)
    reasons = {each.channel: each.reason for each in answer.explanation.channels}
    assert (reasons[Channel.CHANNEL_WEB_PUSH] == DeliveryReason.DELIVERY_REASON_UNSPECIFIED) is sent


@pytest.fixture
def outside(database_url: str, engine: Engine, clock: SettableClock) -> Outside:
    return Outside(database_url, engine, clock)
