"""What is left of HTML that others wrote: what readers may get, in a form that stays the same if it is read again."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

import nh3

from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_notify.errors import BodyEmpty

__all__ = ["MAX_BYTES", "sanitized"]

MAX_BYTES: Final = 262_144
"""How large a text may be, before and after; the contract has the same number."""

_TEXT: Final = {"p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "span", "div"}
_EMPHASIS: Final = {"b", "strong", "i", "em", "u", "s", "sub", "sup", "small", "mark"}
_LISTS: Final = {"ul", "ol", "li", "dl", "dt", "dd"}
_TABLES: Final = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
_CLEANER: Final = nh3.Cleaner(
    tags={*_TEXT, *_EMPHASIS, *_LISTS, *_TABLES, "a", "img", "figure", "figcaption"},
    attributes={
        "*": set(),
        "a": {"href", "title"},
        "img": {"src", "alt", "title", "width", "height"},
        "ol": {"start"},
        "th": {"colspan", "rowspan", "scope"},
        "td": {"colspan", "rowspan"},
    },
    url_schemes={"https"},
    url_relative="deny",
    link_rel="noopener noreferrer",
)

_PASSES: Final = 8
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID: Final = "area base br col embed hr img input link meta source track wbr"
_ENDED_BY_THE_NEXT: Final = "p li dt dd tr td th thead tbody tfoot colgroup option optgroup rt rp"
_NOT_NESTING: Final = frozenset(f"{_VOID} {_ENDED_BY_THE_NEXT}".split())
_MOST_NESTING: Final = 500_000
"""The sum, over all tags, of the elements that are open at each. A long table has a tenth of it. Readers of HTML take a
time that grows with it: minutes for a text of many thousands of elements in one another."""
_INVISIBLE: Final = re.compile(
    r"[\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f"
    r"\u2060-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]*"
)


def sanitized(body_html: str, field: str) -> str:
    """What readers may get of the text. It takes a while for a long one: do it where nobody waits.

    Raises BodyEmpty if there is nothing in it, and InvalidRequest for the field if it is nested too deep, or is larger
    than MAX_BYTES once each link and each sign is written out.
    """
    if sum(_depths(body_html)) > _MOST_NESTING:
        raise InvalidRequest(FieldViolation(field, "has too many elements inside of one another"))
    clean = _stable(body_html, field)
    if len(clean.encode()) > MAX_BYTES:
        raise InvalidRequest(FieldViolation(field, f"has more than {MAX_BYTES} bytes once it is written out"))
    if not _Contents.of(clean).visible:
        raise BodyEmpty(field)
    return clean


def _stable(body_html: str, field: str) -> str:
    """The text as it stays however often it is read. What is wrongly nested may be put right only when it is read
    again, and readers would then see something else than what was approved.
    """
    before = body_html
    for _ in range(_PASSES):
        clean = _CLEANER.clean(before)
        if clean == before:
            return clean
        before = clean
    raise InvalidRequest(FieldViolation(field, "is nested in a way that browsers do not agree about"))


def _depths(body_html: str) -> Iterator[int]:
    """How many elements are open at each tag, about."""
    open_: Counter[str] = Counter()
    depth = 0
    for tag in _TAG.finditer(body_html):
        name = tag[2].lower()
        if name in _NOT_NESTING:
            yield depth
        elif not tag[1]:
            open_[name] += 1
            depth += 1
            yield depth
        elif open_[name]:
            open_[name] -= 1
            depth -= 1


class _Contents(HTMLParser):
    """Whether there is anything to be seen."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.visible = False

    @classmethod
    def of(cls, clean: str) -> _Contents:
        found = cls()
        found.feed(clean)
        found.close()
        return found

    def handle_data(self, data: str) -> None:
        self.visible = self.visible or _INVISIBLE.fullmatch(html.unescape(data)) is None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.visible = self.visible or (tag == "img" and any(name == "src" for name, _ in attrs))
