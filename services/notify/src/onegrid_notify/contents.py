"""What is handed to a channel: where a message goes, and what it says there.

An address is text: a person's e-mail address, or telephone number (E.164). The other channels need more than that, and
have it in JSON.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Self

__all__ = [
    "Email",
    "Endpoint",
    "Push",
    "PushSubscription",
    "RobotMessage",
    "Sms",
    "Urgency",
    "WebhookEvent",
    "is_webhook_secret",
]


class _Address:
    """Kept as text."""

    @property
    def address(self) -> str:
        """As it is handed to a channel."""
        return json.dumps(asdict(self))  # type: ignore[call-overload]

    @classmethod
    def of(cls, address: str) -> Self:
        """Read what `address` wrote."""
        return cls(**json.loads(address))


@dataclass(frozen=True, kw_only=True)
class Endpoint(_Address):
    """Where an office's robot or webhook takes messages."""

    url: str = field(repr=False)
    """Whoever knows a robot's can write into its group."""
    secret: str = field(default="", repr=False)
    """What messages to it are signed with: a robot's 加签 secret, or a webhook's `whsec_…`."""


@dataclass(frozen=True, kw_only=True)
class PushSubscription(_Address):
    """Where a browser takes messages: what its `PushSubscription.toJSON()` holds, the keys in base64url."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Email:
    """An e-mail."""

    subject: str
    text: str
    html: str = ""
    """The same as HTML; empty: text alone."""
    language: str = "zh-CN"
    unsubscribe_url: str = ""
    """Where one POST ends it (RFC 8058); empty: it can't be unsubscribed."""


@dataclass(frozen=True, kw_only=True)
class Sms:
    """A text message. Carriers send approved templates alone; `text` is what this one says with these parameters."""

    template: str
    """Our name of it; the provider's settings say what theirs is."""
    parameters: Mapping[str, str]
    text: str


@dataclass(frozen=True, kw_only=True)
class RobotMessage:
    """What a robot writes into its group."""

    title: str
    text: str
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """What a webhook is told, in the form of Standard Webhooks."""

    type: str
    """`notify.article.published`"""
    time: datetime
    data: Mapping[str, object]


class Urgency(Enum):
    """How much of a device's battery a message is worth (RFC 8030, 5.3)."""

    VERY_LOW = "very-low"
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, kw_only=True)
class Push:
    """What a browser shows."""

    title: str
    body: str
    url: str = ""
    topic: str = ""
    """Of two messages with one topic, the later one replaces the earlier one that was not fetched or is still shown."""
    ttl: timedelta = timedelta(days=1)
    """How long a push service keeps it for a device that is off."""
    urgency: Urgency = Urgency.NORMAL


def is_webhook_secret(text: str) -> bool:
    """Whether it is a secret as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in base64."""
    prefix, found, encoded = text.partition("whsec_")
    try:
        return bool(found) and not prefix and 24 <= len(base64.b64decode(encoded, validate=True)) <= 64
    except ValueError:
        return False
