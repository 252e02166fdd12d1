"""Messages to browsers (RFC 8030), encrypted for each (RFC 8291) and signed with our key (RFC 8292)."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Final
from urllib.parse import urlsplit

from py_vapid import Vapid02
from pywebpush import WebPusher, WebPushException

from onegrid_kit.sending import Attempt, Outgoing, Result, Send
from onegrid_notify.channels.adapters import HttpAdapter
from onegrid_notify.channels.posting import NoAnswer, NotSent
from onegrid_notify.channels.texts import shortened
from onegrid_notify.contents import Push, PushSubscription
from onegrid_notify.providers import WebPush

__all__ = ["PushServices"]

_MOST_BYTES: Final = 3900
"""Push services take 4096 of what is encrypted."""
_MOST_TITLE_BYTES: Final = 400
_GONE: Final = (404, 410)
_TOKEN_S: Final = 12 * 3600
_RENEWED_BEFORE_S: Final = 3600
_MOST_TOKENS: Final = 1000


class PushServices(HttpAdapter):
    """Sends to whichever push service a browser named."""

    channel = WebPush.channel

    def __init__(self, config: WebPush) -> None:
        super().__init__(config)
        self._plain = config.allow_private
        self._subject = config.subject
        self._key = Vapid02.from_string(config.private_key)
        self._tokens: dict[str, tuple[float, str]] = {}

    async def send(self, _: Outgoing, message: Send, __: Attempt) -> Result:
        """Hand it to the browser's push service."""
        push: Push = message.content
        subscription = PushSubscription.of(message.address)
        if urlsplit(subscription.endpoint).scheme != "https" and not self._plain:
            return Result.failed("NOT_HTTPS", address_refused=True)
        try:
            body = _encrypted(subscription, push)
        except (WebPushException, ValueError, IndexError):
            return Result.failed("KEYS_INVALID", address_refused=True)
        headers = {
            "authorization": self._authorization(subscription.endpoint),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(int(push.ttl.total_seconds())),
            "urgency": push.urgency.value,
        }
        if push.topic:
            headers["topic"] = _topic(push.topic)
        try:
            answer = await self._poster.post(subscription.endpoint, body, headers)
        except (NotSent, NoAnswer) as error:
            return error.result
        if answer.accepted:
            return Result.accepted()
        if answer.status in _GONE:
            return Result.failed(answer.code, address_refused=True)
        # What the service itself could not do is sent again; what it has against the message (413) would stay so.
        later = answer.status == 429 or answer.status >= 500
        return Result.failed(answer.code, temporary=later, retry_after_s=answer.retry_after_s if later else None)

    def _authorization(self, endpoint: str) -> str:
        """The header that shows who we are; it is signed once for many messages to one service."""
        url = urlsplit(endpoint)
        audience = f"{url.scheme}://{url.netloc}"
        now = time.time()
        expires, header = self._tokens.get(audience, (0.0, ""))
        if expires - now < _RENEWED_BEFORE_S:
            # Endpoints come from browsers: whoever makes them up must not fill our memory.
            self._tokens = {name: each for name, each in self._tokens.items() if each[0] - now >= _RENEWED_BEFORE_S}
            while len(self._tokens) >= _MOST_TOKENS:
                del self._tokens[next(iter(self._tokens))]
            expires = now + _TOKEN_S
            claims = {"aud": audience, "exp": int(expires), "sub": self._subject}
            header = str(self._key.sign(claims)["Authorization"])
            self._tokens[audience] = expires, header
        return header


def _encrypted(subscription: PushSubscription, push: Push) -> bytes:
    """What a service worker gets: `{title, body, url, topic}`."""
    title, body = shortened(push.title, _MOST_TITLE_BYTES), push.body
    while True:
        fields = {"title": title, "body": body, "url": push.url, "topic": push.topic}
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) <= _MOST_BYTES or not body:
            break
        # What JSON writes is never shorter than the text itself, and mostly as long.
        body = shortened(body, max(len(body.encode()) - (len(text) - _MOST_BYTES), 3)) if len(body) > 1 else ""
    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    encrypted: bytes = WebPusher({"endpoint": subscription.endpoint, "keys": keys}).encode(text)["body"]
    return encrypted


def _topic(text: str) -> str:
    """At most 32 signs of base64url, and nothing that tells the push service what it is about."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:24]).decode()
