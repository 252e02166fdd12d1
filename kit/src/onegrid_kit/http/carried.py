"""Requests that stand in the form of a POST, for callers that can set neither method nor headers (xAPI 1.0.3, Part 3,
1.3, Alternate Request Syntax).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import CIMultiDict

from onegrid_kit.errors import MalformedRequest

__all__ = ["Carried", "carried"]

_FIELDS: Final = 100
_HEADERS: Final = frozenset(
    {"authorization", "content-type", "content-length", "if-match", "if-none-match", "x-experience-api-version"}
)
"""The fields that are headers."""
_CONTENT: Final = "content"


@dataclass(frozen=True, slots=True)
class Carried:
    """What a form holds, as an endpoint reads a request."""

    method: str
    headers: CIMultiDict[str]
    query: Mapping[str, str]
    remote: str | None
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type of the content, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()


def carried(incoming: web.BaseRequest, body: bytes) -> Carried:
    """The request that the form holds. Raises MalformedRequest if it is none, or has parameters beside the form."""
    if set(incoming.query) != {"method"}:
        raise MalformedRequest("beside `method`, parameters stand in the form")
    try:
        fields = dict(
            parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, strict_parsing=bool(body))
        )
    except ValueError:
        raise MalformedRequest("the body is no form") from None
    headers = CIMultiDict(incoming.headers)
    headers.popall("content-type", None)
    query: dict[str, str] = {}
    for name, value in fields.items():
        if name.lower() in _HEADERS:
            headers[name] = value
        elif name != _CONTENT:
            query[name] = value
    if _CONTENT in fields:
        headers.setdefault("content-type", "application/json")
    return Carried(incoming.query["method"], headers, query, incoming.remote, fields.get(_CONTENT, "").encode())
