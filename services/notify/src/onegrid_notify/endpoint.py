"""The robots and webhooks (机器人、回调) of an office."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import codes
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.names import ResourceName
from onegrid_notify.contents import is_webhook_secret

__all__ = [
    "ENDPOINT",
    "MAX_ENDPOINTS",
    "SIGNING_PURPOSE",
    "URL_PURPOSE",
    "Endpoint",
    "host_of",
    "require_secret",
    "seal_secret",
    "seal_url",
]

ENDPOINT: Final = ResourceName("endpoints/{endpoint}")
MAX_ENDPOINTS: Final = 20
"""How many an office has at most."""

URL_PURPOSE: Final = "endpoint url"
SIGNING_PURPOSE: Final = "endpoint secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an office gets messages."""

    id: str
    """The office's code and a word."""
    channel: Channel
    display_name: str
    topics: tuple[str, ...]
    """What it gets of that which is for the office: ``columns/{column}`` or ``petitions``."""
    disabled: bool
    """Nothing is sent to it."""
    sealed_url: bytes = field(repr=False)
    host: str
    """Of the url."""
    sealed_secret: bytes | None = field(repr=False)
    """What messages are signed with."""
    version: int
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``endpoints/{endpoint}``."""
        return ENDPOINT.name(self.id)

    @property
    def office(self) -> str:
        """The code of the department or place."""
        return codes.office_of(self.id)

    @property
    def district(self) -> str:
        """The code of the district that it belongs to."""
        return codes.district_of(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    def url(self, cipher: Cipher) -> str:
        """Where messages are sent. Raises CipherError."""
        return cipher.decrypt(self.sealed_url, URL_PURPOSE)

    def secret(self, cipher: Cipher) -> str:
        """What messages are signed with; empty if it has none. Raises CipherError."""
        return "" if self.sealed_secret is None else cipher.decrypt(self.sealed_secret, SIGNING_PURPOSE)


def seal_url(url: str, cipher: Cipher) -> bytes:
    """The url as it is stored."""
    return cipher.encrypt(url, URL_PURPOSE)


def seal_secret(secret: str, cipher: Cipher) -> bytes | None:
    """The secret as it is stored."""
    return cipher.encrypt(secret, SIGNING_PURPOSE) if secret else None


def host_of(url: str, *, plain: bool = False, hosts: Collection[str] = ()) -> str:
    """The host of a request's url. Raises InvalidRequest for one that nothing is sent to: one without TLS, unless
    `plain`, or one at another host, if there are `hosts`.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidRequest(FieldViolation("url", "is no address")) from None
    if parts.scheme != "https" and not (plain and parts.scheme == "http"):
        raise InvalidRequest(FieldViolation("url", "takes https://…"))
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidRequest(FieldViolation("url", "takes a host, no user and no fragment"))
    if hosts and parts.hostname not in hosts:
        raise InvalidRequest(FieldViolation("url", f"takes an address at {', '.join(sorted(hosts))}"))
    return parts.hostname


def require_secret(channel: Channel, secret: str) -> None:
    """Raise InvalidRequest if a request's secret can't sign what is sent by the channel."""
    if channel == Channel.CHANNEL_WEBHOOK and not is_webhook_secret(secret):
        raise InvalidRequest(FieldViolation("secret", "takes whsec_ and the base64 of 24 to 64 bytes"))
