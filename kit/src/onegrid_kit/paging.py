"""Page and resume tokens: signed, and good only for the query that they were made for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from google.protobuf.message import Message

from onegrid_kit.errors import InvalidToken

__all__ = ["DEFAULT_PAGE_SIZE", "PageTokens", "page_size"]

DEFAULT_PAGE_SIZE = 50
_MAC_BYTES = 16


def page_size(asked: int) -> int:
    """How many rows a page has."""
    return asked or DEFAULT_PAGE_SIZE


class PageTokens:
    """Makes and opens tokens."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"onegrid page token " + key.encode()).digest()

    def make(self, query: Message, position: Sequence[str | int]) -> str:
        """A token for going on behind this position with the same query."""
        body = json.dumps(list(position), ensure_ascii=False, separators=(",", ":")).encode()
        return _written(self._mac(query, body) + body)

    def open(self, query: Message, token: str, field: str = "page_token") -> list[str | int] | None:
        """The position; None for an empty token. Raises InvalidToken for one that was not made for this query."""
        if not token:
            return None
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raise InvalidToken(field) from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # Python's decoder skips letters that are none of base64's.
        if not hmac.compare_digest(mac, self._mac(query, body)) or _written(raw) != token:
            raise InvalidToken(field)
        position: list[str | int] = json.loads(body)
        return position

    def _mac(self, query: Message, body: bytes) -> bytes:
        same = type(query)()
        same.CopyFrom(query)
        for field in ("page_token", "page_size", "resume_token"):
            if field in same.DESCRIPTOR.fields_by_name:
                same.ClearField(field)
        what = same.DESCRIPTOR.full_name.encode() + b"\0" + same.SerializeToString(deterministic=True) + b"\0" + body
        return hmac.digest(self._key, what, "sha256")[:_MAC_BYTES]


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
