"""Webhooks as Standard Webhooks describes them (github.com/standard-webhooks/standard-webhooks)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from standardwebhooks import Webhook as Signer

from onegrid_kit.sending import Attempt, Outgoing, Result, Send
from onegrid_notify.channels.adapters import HttpAdapter
from onegrid_notify.channels.posting import NoAnswer, NotSent
from onegrid_notify.contents import Endpoint, WebhookEvent, is_webhook_secret
from onegrid_notify.providers import Webhook

__all__ = ["Webhooks", "message_id", "signed"]

_GONE: Final = 410


def message_id(sending: str) -> str:
    """What receivers know a message by, however often it is sent to them."""
    return f"msg_{uuid5(NAMESPACE_URL, sending).hex}"


def signed(secret: str, id_: str, body: bytes) -> Mapping[str, str]:
    """The headers that show who sent it, and when."""
    now = datetime.now(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(id_, now, body.decode()),
    }


class Webhooks(HttpAdapter):
    """Sends to the webhooks of offices. They know what they have by `webhook-id`, and can be sent it again without
    harm: so every failure but 410 is tried again, a missing answer among them.
    """

    channel = Webhook.channel

    def __init__(self, config: Webhook) -> None:
        super().__init__(config)
        self._plain = config.allow_private

    async def send(self, outgoing: Outgoing, message: Send, _: Attempt) -> Result:
        """Send it."""
        event: WebhookEvent = message.content
        endpoint = Endpoint.of(message.address)
        if urlsplit(endpoint.url).scheme != "https" and not self._plain:
            return Result.failed("NOT_HTTPS", address_refused=True)
        if not is_webhook_secret(endpoint.secret):
            return Result.failed("SECRET_INVALID")
        body = json.dumps(
            {"type": event.type, "timestamp": event.time.astimezone(UTC).isoformat(), "data": event.data},
            ensure_ascii=False,
        ).encode()
        id_ = message_id(outgoing.id)
        try:
            answer = await self._poster.post(endpoint.url, body, signed(endpoint.secret, id_, body))
        except NotSent as error:
            return error.result
        except NoAnswer as error:
            return Result.failed(error.code, temporary=True)
        if answer.accepted:
            return Result.accepted(id_)
        if answer.status == _GONE:
            return Result.failed(answer.code, address_refused=True)
        return Result.failed(answer.code, temporary=True, retry_after_s=answer.retry_after_s)
