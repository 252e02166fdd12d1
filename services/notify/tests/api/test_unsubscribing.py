"""Unsubscribing by a link, without logging in: who fetches it changes nothing, and who posts to it does, once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid.grid.v1.resources_pb2 import Appointment, Post
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.waiting import HANG_S
from onegrid_kit.timestamps import timestamp
from onegrid_notify.unsubscribing import Unsubscription

from .editors import COMMANDER, DISTRICT, NEWS, RESIDENT, Newsroom
from .outside import Outside
from .people import CELL, WORKER
from .test_deliveries import HOUR, HOURLY, PETITION, filed
from .test_staff_messages import granted

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
NOON = timestamp(datetime(2020, 11, 11, 4, tzinfo=UTC))
MAIL, SMS = Channel.CHANNEL_EMAIL, Channel.CHANNEL_SMS


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A mail program, or a browser."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as session:
        yield session


@pytest.fixture
def outside(database_url: str, engine: Engine, clock: SettableClock) -> Outside:
    return Outside(database_url, engine, clock)


def link(api: Serving, channel: Channel = MAIL, topic: str = NEWS) -> str:
    """What an e-mail to the resident names in `List-Unsubscribe`."""
    return Unsubscription(RESIDENT.user, channel, topic).link(api.http_url, api.runtime.cipher)


async def preferences(api: Serving) -> Any:
    """What the resident has decided."""
    answer = await api.call(RESIDENT, "GetPreferences")
    return answer.preferences


async def muted(api: Serving) -> set[tuple[str, int]]:
    """What the resident does not get any more: topics and channels."""
    return {(mute.topic, mute.channel) for mute in (await preferences(api)).mutes}


async def test_one_click_switches_the_channel_off_for_the_topic(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession
) -> None:
    async with http.post(link(api), data=ONE_CLICK) as answer:
        assert (answer.status, answer.content_type, answer.history) == (200, "text/html", ())
        assert "已退订" in await answer.text()
    assert await muted(api) == {(NEWS, MAIL)}
    with aiohttp.MultipartWriter("form-data") as parts:
        parts.append("One-Click").set_content_disposition("form-data", name="List-Unsubscribe")
    async with http.post(link(api, SMS, "petitions"), data=parts) as answer:
        assert answer.status == 200
    assert await muted(api) == {(NEWS, MAIL), ("petitions", SMS)}
    async with http.post(link(api, MAIL, ""), data=ONE_CLICK) as answer:
        assert answer.status == 200
    assert await muted(api) == {("", MAIL), ("petitions", SMS)}


async def test_a_repeated_click_changes_nothing_more(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession
) -> None:
    url = link(api)
    etags = []
    for _ in range(3):
        async with http.post(url, data=ONE_CLICK) as answer:
            assert answer.status == 200
        etags.append((await preferences(api)).etag)
    assert len(set(etags)) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", [{}, {"purpose": "prefetch", "sec-purpose": "prefetch"}])
async def test_who_only_fetches_the_link_changes_nothing(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession, method: str, headers: dict[str, str]
) -> None:
    for query in ("", "?List-Unsubscribe=One-Click"):
        async with http.request(method, link(api) + query, headers=headers) as answer:
            assert answer.status == 200
    assert await muted(api) == set()


async def test_the_page_asks_in_both_languages_and_its_button_is_the_one_click(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession, engine: Engine
) -> None:
    with engine.begin() as conn:
        conn.execute(text("UPDATE content_column SET display_name = '<b>党的声音</b>' WHERE id = '210602-news'"))
    url = link(api)
    async with http.get(url) as answer:
        page = await answer.text()
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "<b>党的声音" not in page
    assert "不再接收“<b>党的声音</b>”栏目的电子邮件？" in unescape(page)
    assert "Stop getting e-mails of the column “<b>党的声音</b>”?" in unescape(page)
    assert RESIDENT.user not in page
    assert re.search(r'<form method="post">.*type="submit"', page)
    field = re.search(r'<input type="hidden" name="(.+?)" value="(.+?)">', page)
    assert field
    async with http.post(url, data={field[1]: field[2]}) as answer:
        assert answer.status == 200
    assert await muted(api) == {(NEWS, MAIL)}


async def test_every_channel_and_topic_has_its_words(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession
) -> None:
    for channel, topic, words in (
        (SMS, "", "不再接收平台的任何短信？"),
        (Channel.CHANNEL_WEB_PUSH, "petitions", "不再接收有关诉求的浏览器推送？"),
        (MAIL, "roles", "不再接收有关角色授予和撤销的电子邮件？"),
        (MAIL, "appointments", "不再接收有关网格任职的电子邮件？"),
        (MAIL, "visits", "不再接收有关上门通知的电子邮件？"),
        (MAIL, "digests", "不再接收摘要（定期汇总）电子邮件？"),
        (MAIL, "columns/210602-gone", "不再接收“210602-gone”栏目的电子邮件？"),
    ):
        async with http.get(link(api, channel, topic)) as answer:
            assert words in await answer.text()


def appointed(to: Caller) -> CellDefined:
    """Somebody is appointed to a cell."""
    return CellDefined(code=CELL, appointments=[Appointment(user=to.user, post=Post.POST_WORKER, start_time=NOON)])


async def test_the_link_of_a_message_switches_off_its_kind_alone(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession, outside: Outside, events: Events
) -> None:
    outside.address(WORKER)
    kinds = {"roles": granted(WORKER), "appointments": appointed(WORKER), "petitions": filed(WORKER)}
    muted = set()
    for kind, event in kinds.items():
        events.deliver(event, subject=PETITION, time=NOON.ToDatetime(UTC))
        (sent,) = await outside.send()
        path = sent.content.unsubscribe_url.removeprefix("https://push.example.cn")
        async with http.post(api.http_url + path, data=ONE_CLICK) as answer:
            assert answer.status == 200
        muted.add((kind, MAIL))
        found = (await api.call(WORKER, "GetPreferences")).preferences
        assert {(mute.topic, mute.channel) for mute in found.mutes} == muted
    for event in kinds.values():
        events.deliver(event, subject=PETITION, time=NOON.ToDatetime(UTC))
    assert await outside.send() == []
    # What was stored by the link can be stored by its person, too.
    await api.call(WORKER, "SetPreferences", preferences=found)


async def test_what_has_no_topic_has_no_link(newsroom: Newsroom, outside: Outside) -> None:
    outside.address(COMMANDER)
    template = f"templates/{DISTRICT}-petition.PetitionFiled-petitioner-zh"
    await newsroom.call(COMMANDER, "SendTest", subject=template, channel=MAIL)
    (sent,) = await outside.send()
    assert sent.content.unsubscribe_url == ""


async def test_the_link_of_a_digest_switches_digests_off_and_nothing_urgent(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession, outside: Outside, events: Events
) -> None:
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    events.deliver(filed(), subject=PETITION)
    await outside.send()
    newsroom.wait(HOUR)
    (digest,) = await outside.send()
    path = digest.content.unsubscribe_url.removeprefix("https://push.example.cn")
    async with http.post(api.http_url + path, data=ONE_CLICK) as answer:
        assert "您将不再收到摘要（定期汇总）电子邮件。" in await answer.text()
    events.deliver(filed(), subject=PETITION)
    await outside.send()
    newsroom.wait(HOUR)
    assert await outside.send() == []
    assert "TOPIC_CHANNEL_MUTED" in {each.last_code for each in outside.planned()}


async def test_a_link_that_is_not_ours_is_answered_with_a_page(api: Serving, http: aiohttp.ClientSession) -> None:
    url = link(api)
    for wrong in (url[:-1], f"{url}A", f"{api.http_url}/v1/unsubscribe/users%2F1"):
        for method in ("GET", "POST"):
            async with http.request(method, wrong, data=ONE_CLICK if method == "POST" else None) as answer:
                assert (answer.status, answer.content_type) == (404, "text/html")
                assert "Not a valid link" in await answer.text()
    assert await muted(api) == set()


async def test_a_post_that_is_no_one_click_is_refused(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession
) -> None:
    for form in ({}, {"List-Unsubscribe": "Two-Clicks"}, {"other": "One-Click"}):
        content = form or {"x": ""}
        async with http.post(link(api), data=content) as answer:
            said = await answer.json(content_type=None)
            assert (answer.status, said["reason"]) == (400, "INVALID_REQUEST")
            assert [each["field"] for each in said["violations"]] == ["List-Unsubscribe"]
    async with http.post(link(api), json=ONE_CLICK) as answer:
        assert answer.status == 415
    assert await muted(api) == set()


async def test_a_click_stands_in_the_audit_trail_without_the_token(
    api: Serving, newsroom: Newsroom, http: aiohttp.ClientSession, engine: Engine
) -> None:
    async with http.post(link(api), data=ONE_CLICK) as answer:
        assert answer.status == 200
    with engine.connect() as conn:
        entry = conn.execute(
            text("SELECT caller, resource FROM audit_entry WHERE method = 'POST /v1/unsubscribe/{token}'")
        ).one()
    assert tuple(entry) == ("", f"{RESIDENT.user}/preferences")
