"""Links by which a person ends what is sent to them, without logging in (RFC 8058)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final, cast

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit.cipher import Cipher, CipherError

__all__ = ["PATH", "Unsubscription"]

PATH: Final = "/v1/unsubscribe"
"""Where the links lead, followed by a token."""
_PURPOSE: Final = "notify.unsubscribe"


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """What a link switches off. It names no address, and is good for as long as the key that it was sealed with."""

    user: str
    """``users/{user}``."""
    channel: Channel
    topic: str = ""
    """What people mute: ``columns/{column}``, ``petitions``, …; empty: every topic, as links of earlier releases do."""

    def token(self, cipher: Cipher) -> str:
        """What the link ends with: it can be read and made by us alone."""
        sealed = cipher.seal(json.dumps([self.user, int(self.channel), self.topic]).encode(), _PURPOSE)
        return urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def link(self, http_url: str, cipher: Cipher) -> str:
        """The link, below where notify's HTTP routes are reached; empty if they are not."""
        return f"{http_url.rstrip('/')}{PATH}/{self.token(cipher)}" if http_url else ""

    @classmethod
    def of_token(cls, token: str, cipher: Cipher) -> Unsubscription | None:
        """What the token was made for; None if we did not make it."""
        try:
            sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            # Base64 has several spellings of the same bytes; a token has one.
            if urlsafe_b64encode(sealed).rstrip(b"=").decode() != token:
                return None
            user, channel, topic = json.loads(cipher.open(sealed, _PURPOSE))
        except (CipherError, ValueError):
            return None
        return cls(user, cast(Channel, channel), topic)
