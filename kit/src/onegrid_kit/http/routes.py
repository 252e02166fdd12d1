"""Routes: what a service serves over HTTP, as data. `GET` reads, and can do nothing else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from onegrid_kit.callers import Call
from onegrid_kit.database import Database
from onegrid_kit.failures import READ_ONLY, sqlstate
from onegrid_kit.http.answers import Answer
from onegrid_kit.http.requests import Request

__all__ = ["PUBLIC", "Access", "Permitted", "ReadOnlyDatabase", "Route", "Signed", "get", "post", "put"]

T = TypeVar("T")

_BODY_BYTES: Final = 64 * 1024
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_NAME: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Public:
    """Everybody may, with a token or without one."""


PUBLIC: Final = Public()


@dataclass(frozen=True, slots=True)
class Permitted:
    """Who bears a token that grants a permission, which a method of the contract names as well."""

    permission: str
    """For example ``notify.articles.publish``."""
    scope: Callable[[Request[Any]], str] | None = None
    """Reads the code of a place or department from the path or the query; None where any scope is enough."""
    basic: bool = False
    """Whether a service account may also come with its name and secret, as HTTP Basic has them (RFC 7617)."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who sends a signature, or a secret, that the route verifies itself; tokens mean nothing to it."""

    verify: Callable[[Request[Any]], Any]
    """Raises SignatureInvalid, or another domain error. What it returns is the request's `verified`."""


Access = Public | Permitted | Signed


class ReadOnlyDatabase:
    """A database in which PostgreSQL refuses every change."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run it in a transaction that only reads. Raises Unavailable, or TypeError if it would change something."""

        def refused(conn: Connection) -> T:
            try:
                return query(conn)
            except DBAPIError as error:
                if sqlstate(error) == READ_ONLY:
                    raise TypeError("a query of a GET would change something") from error
                raise

        return await self._db.read_only(refused)

    def audit_read(self, call: Call) -> asyncio.Future[None]:
        """Write to the audit trail, which is no part of what is read, that the call reads its resource; done when it is
        stored, which an answer waits for.
        """
        return self._db.audit_read(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path and method; made by `get` or `post`."""

    method: str
    path: str
    """``/v1/receipts/{provider}``: a name in braces stands for one segment."""
    access: Access
    max_body_bytes: int
    """A larger body is refused, before it is read where its length is announced; 0: none is read."""
    handle: Callable[[Request[Any], Any], Awaitable[Answer]]
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that each of its answers has, problems too, unless the answer has them itself."""
    in_forms: bool = False
    """Whether a POST to its path may hold the request in a form, as `carried` reads it."""

    @property
    def name(self) -> str:
        """What audit trail, traces and logs call it: ``POST /v1/receipts/{provider}``."""
        return f"{self.method} {self.path}"

    @property
    def methods(self) -> tuple[str, ...]:
        """What it answers: HEAD is GET without the body (RFC 9110, section 9.3.2)."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)

    def matcher(self) -> Callable[[str], Mapping[str, str] | None]:
        """Reads the parameters from the path as it was sent; None if it is another path."""
        names = _NAME.findall(self.path)
        fixed = [re.escape(part) for part in _NAME.split(self.path)[::2]]
        pattern = re.compile("([^/]+)".join(fixed))

        def match(path: str) -> Mapping[str, str] | None:
            found = pattern.fullmatch(path)
            return {name: unquote(value) for name, value in zip(names, found.groups(), strict=True)} if found else None

        return match


def get(
    path: str,
    access: Access,
    handle: Callable[[Request[Any], ReadOnlyDatabase], Awaitable[Answer]],
    *,
    headers: Mapping[str, str] = _NONE,
    in_forms: bool = False,
) -> Route:
    """A route that only reads: whoever prefetches or scans it changes nothing."""
    return Route(
        method="GET", path=path, access=access, max_body_bytes=0, handle=handle, headers=headers, in_forms=in_forms
    )


def post(
    path: str,
    access: Access,
    handle: Callable[[Request[Any], Database], Awaitable[Answer]],
    *,
    max_body_bytes: int = _BODY_BYTES,
    headers: Mapping[str, str] = _NONE,
    in_forms: bool = False,
) -> Route:
    """A route that changes something."""
    return Route(
        method="POST",
        path=path,
        access=access,
        max_body_bytes=max_body_bytes,
        handle=handle,
        headers=headers,
        in_forms=in_forms,
    )


def put(
    path: str,
    access: Access,
    handle: Callable[[Request[Any], Database], Awaitable[Answer]],
    *,
    max_body_bytes: int = _BODY_BYTES,
    headers: Mapping[str, str] = _NONE,
    in_forms: bool = False,
) -> Route:
    """A route that stores something under a name which the caller gives, once however often it is asked to."""
    made = post(path, access, handle, max_body_bytes=max_body_bytes, headers=headers, in_forms=in_forms)
    return replace(made, method="PUT")
