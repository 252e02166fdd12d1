"""The page by which anybody verifies a certificate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser

import aiohttp
import pytest_asyncio

from onegrid_kit.testing.waiting import HANG_S

from .line import Line
from .people import COMMUNITY_DESK
from .test_certificates import define, issue, studied

JSON = {"accept": "application/json"}
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Page(HTMLParser):
    """What a page says, and what it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as session:
        yield session


async def test_the_page_shows_the_certified_facts_without_a_script(line: Line, browser: aiohttp.ClientSession) -> None:
    await define(line, title="<b>结业证书</b>")
    issued = await issue(line, (await studied(line)).name)
    async with browser.get(f"{line.api.http_url}/v1/certificates/{issued.code}", headers=BROWSER) as response:
        page = Page(await response.text())
        headers = response.headers
    assert (response.status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    assert not {"script", "b", "img", "form"} & set(page.tags)
    for shown in ("有效", "王建国", "<b>结业证书</b>", "committee", issued.code, "960分钟"):
        assert shown in page.text


async def test_programs_get_json(line: Line, browser: aiohttp.ClientSession) -> None:
    await define(line)
    issued = await issue(line, (await studied(line)).name)
    async with browser.get(f"{line.api.http_url}/v1/certificates/{issued.code.lower()}", headers=JSON) as response:
        content = await response.json()
    assert (content["state"], content["personName"], content["code"]) == (
        "CERTIFICATE_STATE_VALID",
        "王建国",
        issued.code,
    )
    assert response.headers["vary"] == "Accept"


async def test_one_that_was_superseded_leads_to_the_one_in_its_place(
    line: Line, browser: aiohttp.ClientSession
) -> None:
    await define(line)
    member = await studied(line)
    first = await issue(line, member.name)
    mask = {"paths": ["person_name"]}
    await line.api.call(COMMUNITY_DESK, "UpdateMember", name=member.name, person_name="王建團", update_mask=mask)
    second = await issue(line, member.name)
    async with browser.get(f"{line.api.http_url}/v1/certificates/{first.code}", headers=BROWSER) as response:
        page = Page(await response.text())
        assert "已被新证书替换" in page.text
        (link,) = page.links
        async with browser.get(response.url.join(type(response.url)(link)), headers=BROWSER) as following:
            page = Page(await following.text())
    assert second.code in page.text
    assert "王建團" in page.text


async def test_one_that_was_revoked_says_so_and_not_why(line: Line, browser: aiohttp.ClientSession) -> None:
    await define(line)
    issued = await issue(line, (await studied(line)).name)
    await line.api.call(COMMUNITY_DESK, "RevokeCertificate", name=issued.name, reason="材料不实")
    async with browser.get(f"{line.api.http_url}/v1/certificates/{issued.code}", headers=BROWSER) as response:
        page = Page(await response.text())
    assert "已撤销" in page.text
    assert "材料不实" not in page.text


async def test_every_wrong_code_is_answered_alike(line: Line, browser: aiohttp.ClientSession) -> None:
    await define(line)
    issued = await issue(line, (await studied(line)).name)
    slip = issued.code[:-1] + ("0" if issued.code[-1] != "0" else "1")
    for headers in (BROWSER, JSON):
        bodies = set()
        for wrong in (slip, "00000-00000-00000-00000", "x", "%E7%8E%8B"):
            async with browser.get(f"{line.api.http_url}/v1/certificates/{wrong}", headers=headers) as response:
                assert response.status == 404
                body = await response.json(content_type=None) if headers is JSON else await response.text()
                if headers is JSON:
                    body.pop("traceId", None)
                bodies.add(str(body))
        assert len(bodies) == 1
