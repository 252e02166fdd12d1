"""One-time codes posted to a gateway: a real one, over HTTP."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from onegrid_identity.main import SERVICE
from onegrid_identity.senders import WebhookSender
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.embedded.code_gateway import CodeGateway
from onegrid_kit.settings import SettingsError
from onegrid_kit.testing.api import Refused, serving

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
