"""Messages of CAP that are posted, and the feed of current warnings, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio
from lxml import etree
from sqlalchemy import Engine

from onegrid.emergency.v1 import warnings_pb2 as pb
from onegrid_emergency.cap.reading import MAX_BYTES, read
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.waiting import HANG_S

from ..cap.documents import SENT, document, later, reference
from .people import COMMANDER, DISTRICT, WORKER
from .warning_senders import WEATHER, content, define_source, lay_ground, warning

ATOM = "{http://www.w3.org/2005/Atom}"
CAP = "application/cap+xml"
NOW = datetime.fromisoformat(SENT) + timedelta(minutes=30)


@pytest.fixture(autouse=True)
def ground(engine: Engine, clock: SettableClock) -> None:
    lay_ground(engine)
    clock.set(NOW)


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HANG_S)) as session:
        yield session


async def post(
    api: Serving, http: aiohttp.ClientSession, data: bytes, by: Caller | None = WEATHER, accept: str = "*/*"
) -> tuple[int, str, bytes]:
    headers = {"Content-Type": CAP, "Accept": accept, **(dict(api.token(by)) if by else {})}
    async with http.post(f"{api.http_url}/v1/districts/{DISTRICT}/warnings", data=data, headers=headers) as answer:
        return answer.status, answer.content_type, await answer.read()


async def fetch(api: Serving, http: aiohttp.ClientSession, path: str) -> tuple[int, str, bytes]:
    async with http.get(f"{api.http_url}{path}") as answer:
        return answer.status, answer.content_type, await answer.read()


async def entries(api: Serving, http: aiohttp.ClientSession) -> list[tuple[str, str]]:
    """The titles and links of the feed."""
    status, content_type, body = await fetch(api, http, f"/v1/districts/{DISTRICT}/warnings.atom")
    assert (status, content_type) == (200, "application/atom+xml")
    feed = etree.fromstring(body)
    assert feed.findtext(f"{ATOM}title") == "元宝区预警"
    return [
        (entry.findtext(f"{ATOM}title"), entry.find(f"{ATOM}link").get("href")) for entry in feed.iter(f"{ATOM}entry")
    ]


async def test_a_message_is_posted_acknowledged_and_served(api: Serving, http: aiohttp.ClientSession) -> None:
    await define_source(api)
    status, content_type, body = await post(api, http, document("Alert", "a"))
    reply = read(body).alert
    assert (status, content_type) == (200, CAP)
    assert reply is not None
    assert reply.message_type == pb.CAP_MESSAGE_TYPE_ACK
    ((title, link),) = await entries(api, http)
    assert title == "暴雨橙色预警"
    assert await fetch(api, http, link) == (200, CAP, document("Alert", "a"))
    # An Update is another document; the first one stays where it was.
    update = document("Update", "b", sent=later(5), references=reference("a"))
    await post(api, http, update)
    ((_, newer),) = await entries(api, http)
    assert (newer != link, (await fetch(api, http, newer))[2]) == (True, update)
    await post(api, http, document("Cancel", "c", sent=later(6), references=reference("b", later(5))))
    assert await entries(api, http) == []


async def test_who_sends_what_breaks_rules_learns_which(api: Serving, http: aiohttp.ClientSession) -> None:
    await define_source(api)
    broken = document("Update", "b")
    status, content_type, body = await post(api, http, broken)
    assert (status, content_type) == (400, "application/problem+json")
    assert b'"rules":"REFERENCES"' in body.replace(b" ", b"")
    status, content_type, body = await post(api, http, broken, accept=CAP)
    error = read(body).alert
    assert (status, content_type) == (400, CAP)
    assert error is not None
    assert error.message_type == pb.CAP_MESSAGE_TYPE_ERROR
    assert [each.identifier for each in error.references] == ["b"]
    assert "references" in error.note
    # Of what is no message nobody can say what it was.
    assert (await post(api, http, b"<!DOCTYPE x><x/>", accept=CAP))[:2] == (400, "application/problem+json")


async def test_a_message_is_posted_with_the_credential_of_its_sender(api: Serving, http: aiohttp.ClientSession) -> None:
    await define_source(api)
    for by, status in ((None, 401), (WORKER, 403), (COMMANDER, 403)):
        assert (await post(api, http, document(), by))[0] == status
    assert (await post(api, http, b" " * (MAX_BYTES + 1)))[0] == 413
    assert await entries(api, http) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"status": pb.CAP_STATUS_EXERCISE},
        {"scope": pb.CAP_SCOPE_PRIVATE, "addresses": "command@example.cn"},
    ],
)
async def test_what_is_not_meant_or_not_public_is_neither_listed_nor_served(
    api: Serving, http: aiohttp.ClientSession, fields: dict[str, object]
) -> None:
    issued = (await api.call(COMMANDER, "IssueWarning", district=DISTRICT, content=content(), **fields)).warning
    assert await entries(api, http) == []
    message = issued.message.removeprefix("warningMessages/")
    for path in (message, "210602-0000000000000000", "x", "210603-0000000000000000"):
        assert (await fetch(api, http, f"/v1/districts/{DISTRICT}/warnings/{path}"))[0] == 404


async def test_the_feed_ends_with_the_warning(api: Serving, http: aiohttp.ClientSession, clock: SettableClock) -> None:
    issued = (await api.call(COMMANDER, "IssueWarning", district=DISTRICT, content=content())).warning
    assert len(await entries(api, http)) == 1
    clock.set(NOW + timedelta(days=1))
    assert await entries(api, http) == []
    assert (await warning(api, issued.name)).headline == issued.headline
    assert (await fetch(api, http, "/v1/districts/x/warnings.atom"))[0] == 404
