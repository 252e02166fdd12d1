"""What an HTTP request is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

__all__ = ["NO_CONTENT", "Answer", "json_answer", "page"]


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
