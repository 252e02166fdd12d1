"""One-time codes posted to a gateway: a real one, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine

from onegrid.identity.v1.events_pb2 import OneTimeCodeIssued
from onegrid_identity.main import SERVICE
from onegrid_identity.senders import WebhookSender
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.embedded.code_gateway import CodeGateway
from onegrid_kit.settings import SettingsError
from onegrid_kit.testing.api import Refused, serving
from onegrid_kit.testing.events import announced_as

PHONE = "+8613912345678"


KEYED = "?key=of-ours"


def posting(database_url: str, url: str) -> Any:
    """identity, which posts codes to this address."""
    return serving(SERVICE, database_url, code_sender="onegrid_identity.senders:WebhookSender", code_webhook_url=url)


async def test_a_code_that_the_gateway_took_logs_in(database_url: str, codes: CodeGateway) -> None:
    async with posting(database_url, codes.url + KEYED) as identity:
        answer = await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        [message] = codes.posted
        assert codes.paths == ["/codes?key=of-ours"]
        assert message["phone"] == PHONE
        assert message["expires"] == answer.expire_time.ToDatetime(tzinfo=None).isoformat() + "+00:00"
        session = await identity.call(
            None, "LoginWithOneTimeCode", phone=PHONE, code=message["code"], district="210602"
        )
        assert session.session.access_token


@pytest.mark.parametrize("status", [307, 400, 503])
async def test_a_code_that_the_gateway_refuses_is_an_error_and_may_be_asked_for_again_at_once(
    database_url: str, codes: CodeGateway, status: int
) -> None:
    async with posting(database_url, codes.url + KEYED) as identity:
        codes.status = status
        with pytest.raises(Refused) as refused:
            await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        assert refused.value.code is grpc.StatusCode.UNAVAILABLE
        codes.status = 200
        await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        with pytest.raises(Refused) as refused:
            await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        assert refused.value.reason == "RATE_LIMITED"
        assert set(codes.paths) == {"/codes?key=of-ours"}, "a redirect is not followed"


async def test_an_unreachable_gateway_is_an_error(database_url: str) -> None:
    async with posting(database_url, "http://127.0.0.1:9/codes") as identity:
        with pytest.raises(Refused) as refused:
            await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        assert refused.value.code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("url", ["", "ftp://gateway/codes", "https:///codes"])
def test_it_does_not_start_without_an_address(url: str) -> None:
    settings = IdentitySettings(
        database_url="", page_token_key="x" * 32, cipher_keys="k:" + "5a" * 32, code_webhook_url=url
    )
    with pytest.raises(SettingsError, match="ONEGRID_CODE_WEBHOOK_URL"):
        WebhookSender(settings)


def by_notify(database_url: str) -> Any:
    """identity, which has notify send its codes."""
    return serving(SERVICE, database_url, code_sender="onegrid_identity.senders:NotifySender")


async def test_a_code_that_notify_is_to_send_is_announced_with_the_code_and_logs_in(
    database_url: str, engine: Engine
) -> None:
    async with by_notify(database_url) as identity:
        asked = {"phone": "+860" + PHONE[3:], "district": "210602", "language": "en"}
        answer = await identity.call(None, "RequestOneTimeCode", **asked)
        (event,) = announced_as(engine, OneTimeCodeIssued)
        assert (event.phone, event.district, event.language) == (PHONE, "210602", "en")
        assert event.expire_time == answer.expire_time
        session = await identity.call(None, "LoginWithOneTimeCode", phone=PHONE, code=event.code, district="210602")
        assert session.session.access_token


async def test_a_code_that_may_not_be_asked_for_yet_is_not_announced(database_url: str, engine: Engine) -> None:
    async with by_notify(database_url) as identity:
        outcomes = await asyncio.gather(
            *(identity.call(None, "RequestOneTimeCode", phone=PHONE) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(each, Refused) and each.reason == "RATE_LIMITED" for each in outcomes) == 3
    assert len(announced_as(engine, OneTimeCodeIssued)) == 1


async def test_other_senders_announce_no_code(database_url: str, engine: Engine, codes: CodeGateway) -> None:
    async with posting(database_url, codes.url + KEYED) as identity:
        await identity.call(None, "RequestOneTimeCode", phone=PHONE)
    assert not announced_as(engine, OneTimeCodeIssued)


@pytest.mark.parametrize("wrong", [{"district": "2106"}, {"language": "fr"}])
async def test_a_request_for_a_code_names_a_district_and_a_language_that_there_may_be(
    database_url: str, wrong: dict[str, str]
) -> None:
    async with by_notify(database_url) as identity:
        with pytest.raises(Refused) as refused:
            await identity.call(None, "RequestOneTimeCode", phone=PHONE, **wrong)
        assert refused.value.fields == list(wrong)
