"""What an HTTP request is answered with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

__all__ = ["NO_CONTENT", "Answer", "feed", "json_answer", "page"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and headers beside those that every answer has, or instead of them."""

    status: int
    body: bytes = b""
    content_type: str = ""
    """Empty where there is no body."""
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT: Final = Answer(204)
"""Done; there is nothing to say."""


def json_answer(content: Any, status: int = 200) -> Answer:
    """With this content as JSON."""
    return Answer(status, orjson.dumps(content), "application/json")


def page(html: str, status: int = 200) -> Answer:
    """With this document, which robots are asked not to index."""
    return Answer(status, html.encode(), "text/html; charset=utf-8", {"X-Robots-Tag": "noindex"})


def feed(body: bytes, content_type: str, if_none_match: str) -> Answer:
    """With what a reader behind a secret link asks for again and again: without the body where they have it
    (RFC 9110, section 13.1.2).
    """
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex"}
    known = {each.strip() for each in if_none_match.split(",")}
    if not known.isdisjoint((etag, "W/" + etag, "*")):
        return Answer(304, headers=headers)
    return Answer(200, body, content_type, headers)
