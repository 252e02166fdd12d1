"""The feed of current warnings (Atom, RFC 4287), and the messages that it links to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree
from sqlalchemy import Connection

from onegrid_emergency.cap.warning import MESSAGE, Message, Warning
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import places
from onegrid_emergency.store import warning_messages as messages
from onegrid_emergency.store import warnings as store
from onegrid_emergency.web.inbound import CAP
from onegrid_kit import codes
from onegrid_kit.errors import NotFound
from onegrid_kit.http.answers import Answer
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import ReadOnlyDatabase

__all__ = ["document", "show"]

_ATOM: Final = "http://www.w3.org/2005/Atom"
_FEED: Final = "application/atom+xml; charset=utf-8"
_MOST: Final = 200
_CACHED: Final = {"Cache-Control": "public, max-age=15"}
_ID: Final = re.compile(r"[0-9]{6}-[0-9a-f]{16}")


async def show(request: Request[EmergencySettings], db: ReadOnlyDatabase) -> Answer:
    """The warnings in force of a district that everybody may know of, the last changed first. Raises NotFound."""
    district = request.parameters["district"]
    if not codes.is_district(district):
        raise NotFound(district)
    now = request.call.now

    def read(conn: Connection) -> tuple[str, Sequence[Warning]]:
        names = places.office_names(conn, district, [district])
        return names.get(district, district), store.public_warnings(conn, district, now, _MOST)

    name, warnings = await db.read(read)
    base = f"{request.settings.http_url.rstrip('/')}/v1/districts/{district}/warnings"
    return Answer(200, _feed(base, district, name, warnings, now), _FEED, _CACHED)


async def document(request: Request[EmergencySettings], db: ReadOnlyDatabase) -> Answer:
    """One message as it came or was sent. Raises NotFound, also for one that is not for everybody."""
    district, id_ = request.parameters["district"], request.parameters["message"]

    def read(conn: Connection) -> Message | None:
        return messages.find_message(conn, id_) if _ID.fullmatch(id_) and id_.startswith(district) else None

    found = await db.read(read)
    # What is held is joined with nothing: nobody stands behind it yet.
    if found is None or not found.public or not found.warnings:
        raise NotFound(MESSAGE.name(id_))
    return Answer(200, found.document, CAP, _CACHED)


def _feed(base: str, district: str, name: str, warnings: Sequence[Warning], now: datetime) -> bytes:
    feed = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    updated = max((each.update_time for each in warnings), default=now)
    _add(feed, "id", f"urn:onegrid:warnings:{district}")
    _add(feed, "title", f"{name}预警")
    _add(feed, "updated", _moment(updated))
    _add(_add(feed, "author"), "name", name)
    _add(feed, "link", rel="self", type="application/atom+xml", href=f"{base}.atom")
    for each in warnings:
        content = each.content
        entry = _add(feed, "entry")
        _add(entry, "id", f"urn:onegrid:warning:{each.id}")
        _add(entry, "title", content.headline or content.event)
        _add(entry, "updated", _moment(each.update_time))
        _add(entry, "published", _moment(each.sent_time))
        _add(_add(entry, "author"), "name", content.sender_name or name)
        _add(entry, "summary", content.description)
        _add(entry, "link", rel="alternate", type=CAP, href=f"{base}/{each.message}")
    return bytes(etree.tostring(feed, xml_declaration=True, encoding="UTF-8"))


def _add(element: Any, name: str, text: str | None = None, **attributes: str) -> Any:
    child = etree.SubElement(element, f"{{{_ATOM}}}{name}", attributes)
    child.text = text
    return child


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
