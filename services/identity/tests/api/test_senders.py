"""One-time codes posted to a gateway: a real one, over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest

from onegrid_identity.main import SERVICE
from onegrid_identity.senders import WebhookSender
from onegrid_identity.settings import IdentitySettings
from onegrid_kit.settings import SettingsError
from onegrid_kit.testing.api import Refused, serving

PHONE = "+8613912345678"


@dataclass
class Gateway:
    """Answers every post with `status`."""

    url: str = ""
    status: int = 204
    posted: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            gateway.paths.append(self.path)
            gateway.posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(gateway.status)
            self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    gateway.url = f"http://127.0.0.1:{server.server_port}/codes?key=of-ours"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield gateway
    server.shutdown()
    thread.join()
    server.server_close()


def posting_to(database_url: str, url: str) -> Any:
    sender = f"{WebhookSender.__module__}:{WebhookSender.__name__}"
    return serving(SERVICE, database_url, code_sender=sender, code_webhook_url=url)


async def test_a_code_that_the_gateway_took_logs_in(database_url: str, gateway: Gateway) -> None:
    async with posting_to(database_url, gateway.url) as identity:
        answer = await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        [message] = gateway.posted
        assert gateway.paths == ["/codes?key=of-ours"]
        assert message["phone"] == PHONE
        assert message["expires"] == answer.expire_time.ToDatetime(tzinfo=None).isoformat() + "+00:00"
        session = await identity.call(
            None, "LoginWithOneTimeCode", phone=PHONE, code=message["code"], district="210602"
        )
        assert session.session.access_token


@pytest.mark.parametrize("status", [307, 400, 503])
async def test_a_code_that_the_gateway_refuses_is_an_error_and_may_be_asked_for_again_at_once(
    database_url: str, gateway: Gateway, status: int
) -> None:
    async with posting_to(database_url, gateway.url) as identity:
        gateway.status = status
        with pytest.raises(Refused) as refused:
            await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        assert refused.value.code is grpc.StatusCode.UNAVAILABLE
        gateway.status = 200
        await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        with pytest.raises(Refused) as refused:
            await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        assert refused.value.reason == "RATE_LIMITED"
        assert set(gateway.paths) == {"/codes?key=of-ours"}, "a redirect is not followed"


async def test_an_unreachable_gateway_is_an_error(database_url: str) -> None:
    async with posting_to(database_url, "http://127.0.0.1:9/codes") as identity:
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
