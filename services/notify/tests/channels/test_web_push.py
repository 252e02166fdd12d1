"""Push messages, to a push service that decrypts what it gets."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from onegrid_kit.sending import Outcome
from onegrid_kit.testing.certificates import Authority
from onegrid_notify.contents import Push, PushSubscription, Urgency

from .attempts import Server, opened, sent, serving

VAPID = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
PRIVATE_KEY = base64.urlsafe_b64encode(VAPID.private_numbers().private_value.to_bytes(32)).decode().rstrip("=")
PUSH = Push(
    title="停水通知",
    body="明日8时至12时停水",
    url="https://example.cn/1",
    topic="articles/1",
    ttl=timedelta(hours=1),
    urgency=Urgency.HIGH,
)
ENTRY: dict[str, Any] = {
    "kind": "web-push",
    "private_key": PRIVATE_KEY,
    "subject": "mailto:office@example.cn",
    "allow_private": True,
}


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


@dataclass
class Browser:
    """It subscribed, and reads what it gets."""

    key: ec.EllipticCurvePrivateKey
    auth: bytes = b"sixteen bytes !!"

    def subscription(self, endpoint: str) -> str:
        return PushSubscription(endpoint=endpoint, p256dh=base64url(point(self.key)), auth=base64url(self.auth)).address

    def read(self, body: bytes) -> Any:
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"))


@pytest.fixture
def browser() -> Browser:
    return Browser(ec.generate_private_key(ec.SECP256R1()))


async def test_a_browser_reads_what_its_push_service_cannot(authority: Authority, browser: Browser) -> None:
    async with serving(authority.issue("push")) as server, opened(**ENTRY, ca_file=authority.file) as provider:
        server.answers(201)
        result = await sent(provider, browser.subscription(f"{server.url}/push/1"), PUSH)
        again = await sent(provider, browser.subscription(f"{server.url}/push/2"), PUSH)
    assert (result.outcome, again.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
    first, second = server.requests
    fields = {"title": PUSH.title, "body": PUSH.body, "url": PUSH.url, "topic": "articles/1"}
    assert browser.read(first.body) == browser.read(second.body) == fields
    assert first.body != second.body
    names = ("ttl", "urgency", "content-encoding", "topic")
    topic = base64url(hashlib.sha256(b"articles/1").digest()[:24])
    assert [first.headers[name] for name in names] == ["3600", "high", "aes128gcm", topic]
    scheme, _, credentials = first.headers["authorization"].partition(" ")
    token, key = (each.strip().partition("=")[2] for each in credentials.split(","))
    assert (scheme, key) == ("vapid", base64url(point(VAPID)))
    claims = jwt.decode(token, VAPID.public_key(), algorithms=["ES256"], audience=server.url)
    assert claims["sub"] == "mailto:office@example.cn"
    assert time.time() < claims["exp"] <= time.time() + 24 * 3600
    assert second.headers["authorization"] == first.headers["authorization"]


@pytest.mark.parametrize(
    ("status", "outcome", "refused"),
    [
        (201, Outcome.ACCEPTED, False),
        (404, Outcome.FAILED, True),
        (410, Outcome.FAILED, True),
        (400, Outcome.FAILED, False),
        (403, Outcome.FAILED, False),
        (413, Outcome.FAILED, False),
        (429, Outcome.RETRYABLE, False),
        (500, Outcome.RETRYABLE, False),
        (503, Outcome.RETRYABLE, False),
    ],
)
async def test_a_status_decides(server: Server, browser: Browser, status: int, outcome: Outcome, refused: bool) -> None:
    server.answers(status, retry_after="30")
    async with opened(**ENTRY) as provider:
        result = await sent(provider, browser.subscription(server.url), PUSH)
    assert (result.outcome, result.address_refused) == (outcome, refused)
    assert result.retry_after_s == (30.0 if outcome is Outcome.RETRYABLE else None)


async def test_a_service_that_does_not_answer_may_have_it(server: Server, browser: Browser) -> None:
    server.hangs_up()
    async with opened(**ENTRY) as provider:
        result = await sent(provider, browser.subscription(server.url), PUSH)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "CONNECTION_LOST")


async def test_a_long_text_is_shortened_to_what_push_services_take(server: Server, browser: Browser) -> None:
    server.answers(201)
    long = Push(title="水" * 1000, body='"\\' * 5000, url="https://example.cn/" + "a" * 200)
    async with opened(**ENTRY) as provider:
        await sent(provider, browser.subscription(server.url), long)
    body = server.requests[0].body
    assert len(body) <= 4096
    assert browser.read(body)["title"].endswith("水…")


@pytest.mark.parametrize(
    ("endpoint", "p256dh", "auth", "code"),
    [
        ("https://127.0.0.1:1/", None, None, "ADDRESS_PRIVATE"),
        ("http://push.example.org/", None, None, "NOT_HTTPS"),
        ("https://push.example.org/", "AAAA", None, "KEYS_INVALID"),
        ("https://push.example.org/", base64url(b"\x04" + bytes(64)), None, "KEYS_INVALID"),
        ("https://push.example.org/", "", "", "KEYS_INVALID"),
    ],
)
async def test_what_is_no_subscription_is_refused(
    browser: Browser, endpoint: str, p256dh: str | None, auth: str | None, code: str
) -> None:
    subscription = PushSubscription(
        endpoint=endpoint,
        p256dh=base64url(point(browser.key)) if p256dh is None else p256dh,
        auth=base64url(browser.auth) if auth is None else auth,
    )
    async with opened(**{**ENTRY, "allow_private": False}) as provider:
        result = await sent(provider, subscription.address, PUSH)
    assert (result.outcome, result.code, result.address_refused) == (Outcome.FAILED, code, True)
