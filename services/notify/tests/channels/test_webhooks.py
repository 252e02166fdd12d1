"""Webhooks, to real servers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from onegrid_kit.sending import Outcome
from onegrid_kit.testing.certificates import Authority
from onegrid_notify.contents import Endpoint, WebhookEvent

from .attempts import NOW, WEBHOOK_SECRET, Server, closed_port, opened, sent, serving

EVENT = WebhookEvent(type="notify.article.published", time=NOW, data={"title": "停水通知"})
HERE = {"kind": "webhook", "allow_private": True}


def endpoint(url: str, secret: str = WEBHOOK_SECRET) -> str:
    return Endpoint(url=url, secret=secret).address


async def test_an_event_arrives_signed_as_standard_webhooks_says_and_each_time_with_the_same_id(server: Server) -> None:
    async with opened(**HERE) as provider:
        results = [await sent(provider, endpoint(f"{server.url}/hook?of=me"), EVENT) for _ in range(2)]
    assert [each.outcome for each in results] == [Outcome.ACCEPTED] * 2
    first, second = server.requests
    assert Webhook(WEBHOOK_SECRET).verify(first.body, first.headers) == {
        "type": "notify.article.published",
        "timestamp": "2026-11-11T06:36:00+00:00",
        "data": {"title": "停水通知"},
    }
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == results[0].provider_id
    assert (first.method, first.query, first.headers["content-type"]) == ("POST", {"of": "me"}, "application/json")
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("status", "outcome", "refused"),
    [
        (200, Outcome.ACCEPTED, False),
        (204, Outcome.ACCEPTED, False),
        (400, Outcome.RETRYABLE, False),
        (404, Outcome.RETRYABLE, False),
        (410, Outcome.FAILED, True),
        (429, Outcome.RETRYABLE, False),
        (500, Outcome.RETRYABLE, False),
        (503, Outcome.RETRYABLE, False),
    ],
)
async def test_a_status_decides(server: Server, status: int, outcome: Outcome, refused: bool) -> None:
    server.answers(status)
    async with opened(**HERE) as provider:
        result = await sent(provider, endpoint(server.url), EVENT)
    assert (result.outcome, result.address_refused) == (outcome, refused)
    assert result.code == ("" if outcome is Outcome.ACCEPTED else f"HTTP_{status}")


@pytest.mark.parametrize("status", [429, 503])
async def test_how_long_it_asks_to_wait_is_kept_to_within_a_day(server: Server, status: int) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    async with opened(**HERE) as provider:
        waits = []
        for given in ("17", soon, "9999999", "soon", "-5"):
            server.answers(status, retry_after=given)
            waits.append((await sent(provider, endpoint(server.url), EVENT)).retry_after_s)
    seconds, date, long, *none = waits
    assert (seconds, long, none) == (17.0, 86_400.0, [None, None])
    assert date is not None
    assert 0 < date <= 121


async def test_a_redirect_is_not_followed(server: Server) -> None:
    server.answers(307, location=f"{server.url}/elsewhere")
    async with opened(**HERE) as provider:
        result = await sent(provider, endpoint(server.url), EVENT)
    assert (result.outcome, result.code) == (Outcome.RETRYABLE, "HTTP_307")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/",
        "https://localhost:{port}/",
        "https://[::1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://2130706433:{port}/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://0.0.0.0:{port}/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://224.0.0.1/",
    ],
)
async def test_addresses_inside_our_own_network_are_refused(server: Server, url: str) -> None:
    port = server.url.rpartition(":")[2]
    async with opened(kind="webhook") as provider:
        result = await sent(provider, endpoint(url.format(port=port)), EVENT)
    assert (result.outcome, result.address_refused) == (Outcome.FAILED, True)
    assert result.code == ("URL_INVALID" if "2130706433" in url else "ADDRESS_PRIVATE")
    assert not server.connections


@pytest.mark.parametrize(
    "url", ["http://example.org/", "ftp://example.org/", "file:///etc/passwd", "nothing", "https://"]
)
async def test_what_is_no_https_address_is_refused(url: str) -> None:
    async with opened(kind="webhook") as provider:
        result = await sent(provider, endpoint(url), EVENT)
    assert (result.outcome, result.address_refused) == (Outcome.FAILED, True)


async def test_only_a_certificate_of_a_known_authority_is_trusted(authority: Authority) -> None:
    async with serving(authority.issue("webhook")) as server:
        async with opened(**HERE) as provider:
            result = await sent(provider, endpoint(server.url), EVENT)
        assert (result.outcome, result.code) == (Outcome.RETRYABLE, "TLS")
        async with opened(**HERE, ca_file=authority.file) as provider:
            assert (await sent(provider, endpoint(server.url), EVENT)).outcome is Outcome.ACCEPTED
        assert len(server.requests) == 1


async def test_without_an_answer_it_is_tried_again_as_the_id_is_known_there(server: Server) -> None:
    async with opened(**HERE, timeout_s=1) as provider:
        server.never_answers()
        slow = await sent(provider, endpoint(server.url), EVENT)
    async with opened(**HERE) as provider:
        server.hangs_up()
        lost = await sent(provider, endpoint(server.url), EVENT)
        with closed_port() as port:
            nobody = await sent(provider, endpoint(f"http://127.0.0.1:{port}"), EVENT)
    assert [each.code for each in (slow, lost, nobody)] == ["TIMEOUT", "CONNECTION_LOST", "CONNECT"]
    assert {each.outcome for each in (slow, lost, nobody)} == {Outcome.RETRYABLE}


async def test_an_answer_without_end_is_not_read_to_its_end(server: Server) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))

    server.respond = endless
    async with opened(**HERE) as provider:
        assert (await sent(provider, endpoint(server.url), EVENT)).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_no base64"])
async def test_without_a_secret_nothing_is_sent(server: Server, secret: str) -> None:
    async with opened(**HERE) as provider:
        result = await sent(provider, endpoint(server.url, secret), EVENT)
    assert (result.outcome, result.code) == (Outcome.FAILED, "SECRET_INVALID")
    assert not server.requests


async def test_the_environments_proxy_is_not_taken_and_the_entrys_is(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closed_port() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        async with opened(**HERE) as provider:
            assert (await sent(provider, endpoint(server.url), EVENT)).outcome is Outcome.ACCEPTED
        given: dict[str, Any] = {**HERE, "proxy": server.url}
        async with opened(**given) as provider:
            await sent(provider, endpoint("http://example.org/through"), EVENT)
        async with opened(**{**given, "proxy": f"http://127.0.0.1:{port}"}) as provider:
            result = await sent(provider, endpoint(server.url), EVENT)
    assert server.requests[1].path == "/through"
    assert (result.outcome, result.code) == (Outcome.RETRYABLE, "PROXY")
