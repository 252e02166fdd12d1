"""Pages of lists, by keyset: each page begins behind the last row of the one before.

Page and resume tokens are signed, and good only for the query that they were made for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Connection, literal, true, tuple_

from onegrid_kit.database import Database
from onegrid_kit.errors import InvalidToken

__all__ = ["START", "Page", "PageTokens", "Pages", "Position", "Scan", "behind"]

M = TypeVar("M", bound=Message)
R = TypeVar("R")

Position: TypeAlias = tuple[str | int | datetime, ...]
"""A row's values in the columns that the list is ordered by."""
START: Final[Position] = ()
"""The position before the first row."""
DEFAULT_PAGE_SIZE: Final = 50
_CHUNK_ROWS = 100
"""Rows of one query: a page of 500 large rows that ends early by its bytes must not be held in memory first."""
_FIELD_BYTES = 6
"""Tag and length of an item inside of the response, at most."""
_MAC_BYTES = 16


class PagedRequest(Protocol):
    """The request of a list."""

    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """A page of messages."""

    items: list[M]
    next_token: str
    """Asks for the next page; empty on the last."""


@dataclass(frozen=True, slots=True)
class Scan(Generic[R]):
    """What a query found that looks at no more rows than it may, whether they match or not."""

    rows: Sequence[R]
    reached: Position | None = None
    """How far it looked, if it found fewer rows than it was asked for and stopped before the end of the list."""


Query: TypeAlias = Callable[[Connection, Position, int], Sequence[R] | Scan[R]]
"""Reads that many rows behind a position, in the list's order. Fewer rows are the end of the list, unless a Scan says
how far it looked.
"""


class Pages:
    """Reads lists page by page. A page ends after `page_size` items, or earlier: before it has more than `max_bytes`
    bytes, or where its query stopped looking. It holds one item at least, unless its query stopped before it found one.
    """

    def __init__(self, db: Database, tokens: PageTokens, max_bytes: int) -> None:
        self.tokens = tokens
        self._db = db
        self._max_bytes = max_bytes

    async def read(
        self,
        request: PagedRequest,
        query: Query[R],
        *,
        position: Callable[[R], Position],
        message: Callable[[R], M],
    ) -> Page[M]:
        """The page that the request asks for.

        Raises InvalidToken for a page token that was not made for this request, and whatever `query` raises.
        """
        tokens, of = self.tokens, cast(Message, request)
        after = tokens.open(of, request.page_token)
        size = request.page_size or DEFAULT_PAGE_SIZE
        room = self._max_bytes
        items: list[M] = []
        while True:
            # One more than the page takes, to know whether another page follows.
            limit = min(size + 1 - len(items), _CHUNK_ROWS)
            scan = await self._scan(query, after, limit)
            for row in scan.rows:
                item = message(row)
                room -= item.ByteSize() + _FIELD_BYTES
                if len(items) == size or (items and room < 0):
                    return Page(items, tokens.make(of, after))
                items.append(item)
                after = position(row)
            if scan.reached is not None:
                return Page(items, tokens.make(of, scan.reached))
            if len(scan.rows) < limit:
                return Page(items, "")

    async def _scan(self, query: Query[R], after: Position, limit: int) -> Scan[R]:
        found = await self._db.read(lambda conn: query(conn, after, limit))
        return found if isinstance(found, Scan) else Scan(found)


class PageTokens:
    """Makes and opens tokens."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"onegrid page token " + key.encode()).digest()

    def make(self, query: Message, position: Position) -> str:
        """A token for going on behind this position with the same query."""
        body = json.dumps(position, ensure_ascii=False, separators=(",", ":"), default=_encode_time).encode()
        return _base64(self._mac(query, body) + body)

    def open(self, query: Message, token: str, field: str = "page_token") -> Position:
        """The position; START for an empty token. Raises InvalidToken for one that was not made for this query."""
        if not token:
            return START
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            raise InvalidToken(field) from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # Python's decoder skips letters that are none of base64's.
        if not hmac.compare_digest(mac, self._mac(query, body)) or _base64(raw) != token:
            raise InvalidToken(field)
        return tuple(json.loads(body, object_hook=_decode_time))

    def _mac(self, query: Message, body: bytes) -> bytes:
        same = type(query)()
        same.CopyFrom(query)
        for field in ("page_token", "page_size", "resume_token"):
            if field in same.DESCRIPTOR.fields_by_name:
                same.ClearField(field)
        signed = same.DESCRIPTOR.full_name.encode() + b"\0" + same.SerializeToString(deterministic=True) + b"\0" + body
        return hmac.digest(self._key, signed, "sha256")[:_MAC_BYTES]


def behind(after: Position, *columns: ColumnElement[Any], descending: bool = False) -> ColumnElement[bool]:
    """The condition that a row comes behind the position in the order of these columns."""
    if not after:
        return true()
    position = tuple_(*(literal(value, column.type) for value, column in zip(after, columns, strict=True)))
    return tuple_(*columns) < position if descending else tuple_(*columns) > position


def _encode_time(value: datetime) -> dict[str, str]:
    return {"time": value.isoformat()}


def _decode_time(value: dict[str, str]) -> datetime:
    return datetime.fromisoformat(value["time"])


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
