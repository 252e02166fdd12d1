"""Where a person gets what is sent by a channel (接收地址), and how it is proved to be theirs: a one-time code that is
sent there.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from onegrid.notify.v1.delivery_pb2 import Channel, WebPushSubscription
from onegrid_kit import telephone
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import RateLimited
from onegrid_kit.names import ResourceName
from onegrid_kit.one_time_codes import require_code_pause
from onegrid_notify.contents import PushSubscription

__all__ = [
    "ADDRESS",
    "CODES_COUNTED",
    "CODE_LASTS",
    "MAX_ADDRESSES",
    "PERSON",
    "UNVERIFIED_FOR",
    "VALUE_PURPOSE",
    "Address",
    "CodeRequests",
    "Destination",
    "OneTimeCode",
]

ADDRESS: Final = ResourceName("users/{user}/addresses/{address}")
PERSON: Final = ResourceName("users/{user}")
MAX_ADDRESSES: Final = 20
"""How many a person has at most: all of them are one answer."""
UNVERIFIED_FOR: Final = timedelta(days=7)
"""How long an address is kept that is not verified."""

CODE_LASTS: Final = timedelta(minutes=10)
"""How long a code is good."""
_CODES_OF_PERSON: Final = 20
_CODES_TO_ADDRESS: Final = 10
CODES_COUNTED: Final = timedelta(hours=24)
"""The time in which the codes are counted that a person asks for, or that go to an address."""

VALUE_PURPOSE: Final = "address"
_CODE: Final = "address code"


@dataclass(frozen=True, slots=True, repr=False)
class Destination:
    """A channel and a value of it, in the one form that it is stored, compared and sent to in."""

    channel: Channel
    value: str
    """An e-mail address; a number, E.164; of a browser, the JSON of its subscription."""

    @classmethod
    def of_email(cls, address: str) -> Destination:
        """An e-mail address. Its domain has no case."""
        local, _, domain = address.rpartition("@")
        return cls(Channel.CHANNEL_EMAIL, f"{local}@{domain.lower()}")

    @classmethod
    def of_phone(cls, number: str, field: str) -> Destination:
        """A telephone number. Raises InvalidRequest, of that field."""
        return cls(Channel.CHANNEL_SMS, telephone.normalize(number, field))

    @classmethod
    def of_browser(cls, subscription: WebPushSubscription) -> Destination:
        """A browser's subscription, as browsers write it."""
        given = PushSubscription(
            endpoint=subscription.endpoint, p256dh=_base64(subscription.p256dh), auth=_base64(subscription.auth)
        )
        return cls(Channel.CHANNEL_WEB_PUSH, given.address)

    @classmethod
    def opened(cls, channel: Channel, sealed: bytes, cipher: Cipher) -> Destination:
        """What was sealed. Raises CipherError."""
        return cls(channel, cipher.decrypt(sealed, VALUE_PURPOSE))

    def sealed(self, cipher: Cipher) -> bytes:
        """The value as it is stored."""
        return cipher.encrypt(self.value, VALUE_PURPOSE)

    def index(self, cipher: Cipher) -> bytes:
        """The blind index: the same for what is the same address, however it is written."""
        match self.channel:
            case Channel.CHANNEL_EMAIL:
                key = self.value.lower()
            case Channel.CHANNEL_WEB_PUSH:
                key = PushSubscription.of(self.value).endpoint
            case _:
                key = self.value
        return cipher.blind_index(f"{int(self.channel)} {key}", VALUE_PURPOSE)

    @property
    def is_proved(self) -> bool:
        """Whether it needs no code: a browser gives its subscription to who uses it alone."""
        return self.channel == Channel.CHANNEL_WEB_PUSH

    @property
    def masked(self) -> str:
        """What its owner recognises it by."""
        match self.channel:
            case Channel.CHANNEL_EMAIL:
                return f"{self.value[0]}***@{self.value.rpartition('@')[2]}"
            case Channel.CHANNEL_WEB_PUSH:
                return urlsplit(PushSubscription.of(self.value).endpoint).hostname or ""
            case _:
                return telephone.masked(self.value)


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A code that was sent to an address."""

    index: bytes
    """A keyed digest of it."""
    expire_time: datetime
    tries: int = 0
    """How often it was guessed."""

    @staticmethod
    def digest(address: str, code: str, cipher: Cipher) -> bytes:
        """The index of a code for the address of this id. Keyed: six digits could be guessed from a plain hash."""
        return cipher.blind_index(f"{address} {code}", _CODE)

    def matches(self, index: bytes, now: datetime) -> bool:
        """Whether it is good, and the code of this index. The guess was counted before it is compared."""
        return now < self.expire_time and secrets.compare_digest(self.index, index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A person's address."""

    user: str
    """``users/{user}``."""
    id: str
    district: str
    """The code of the district that keeps the person's account."""
    channel: Channel
    sealed_value: bytes
    value_index: bytes
    create_time: datetime
    verify_time: datetime | None = None
    """None: not verified."""
    code: OneTimeCode | None = None
    """The one that was sent last, unless it was used."""

    @property
    def name(self) -> str:
        """``users/{user}/addresses/{address}``."""
        return ADDRESS.name(PERSON.id(self.user), self.id)

    def destination(self, cipher: Cipher) -> Destination:
        """Where it leads. Raises CipherError."""
        return Destination.opened(self.channel, self.sealed_value, cipher)

    def verified(self, now: datetime) -> Address:
        """Verified, with its code used up."""
        return replace(self, verify_time=now, code=None)


@dataclass(frozen=True, slots=True)
class CodeRequests:
    """The codes that a person asked for, or that went to an address, since a moment."""

    count: int
    begin: datetime
    last: datetime | None

    def one_more(self, now: datetime) -> CodeRequests:
        """With another one, now."""
        if now >= self.begin + CODES_COUNTED:
            return CodeRequests(1, now, now)
        return CodeRequests(self.count + 1, self.begin, now)

    def require_more_of_person(self, now: datetime) -> None:
        """Raise RateLimited if the person has asked for as many as one may."""
        self._require_fewer(_CODES_OF_PERSON, now)

    def require_more_to_address(self, now: datetime) -> None:
        """Raise RateLimited if the last one went there just now, or as many as may go there."""
        if self.last is not None:
            require_code_pause(self.last, now)
        self._require_fewer(_CODES_TO_ADDRESS, now)

    def _require_fewer(self, limit: int, now: datetime) -> None:
        end = self.begin + CODES_COUNTED
        if self.count >= limit and now < end:
            raise RateLimited(end - now)


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
