"""From a message to the bytes that the schema of CAP 1.2 takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from lxml import etree

from onegrid_emergency.cap import spelling
from onegrid_emergency.cap.message import Alert, Area, Info, Key, Resource, Value
from onegrid_emergency.cap.schema import NAMESPACE

__all__ = ["write"]

_Content: TypeAlias = "str | Sequence[tuple[str, _Content]]"
"""The text of an element, or its children."""


def write(alert: Alert) -> bytes:
    """The document of a message. What it breaks of the rules, it breaks in the document, too; ValueError: it has
    characters that no document can have.
    """
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    _fill(root, list(_alert(alert)))
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _fill(element: Any, children: Sequence[tuple[str, _Content]]) -> None:
    for name, content in children:
        child = etree.SubElement(element, f"{{{NAMESPACE}}}{name}")
        if isinstance(content, str):
            child.text = content
        else:
            _fill(child, content)


def _alert(alert: Alert) -> Iterator[tuple[str, _Content]]:
    yield "identifier", alert.identifier
    yield "sender", alert.sender
    yield "sent", spelling.moment_text(alert.sent)
    yield "status", spelling.spelling_of(spelling.STATUSES, alert.status)
    yield "msgType", spelling.spelling_of(spelling.MESSAGE_TYPES, alert.message_type)
    yield from _optional("source", alert.source)
    yield "scope", spelling.spelling_of(spelling.SCOPES, alert.scope)
    yield from _optional("restriction", alert.restriction)
    yield from _optional("addresses", alert.addresses)
    yield from (("code", each) for each in alert.codes)
    yield from _optional("note", alert.note)
    yield from _optional("references", " ".join(map(_reference, alert.references)))
    yield from _optional("incidents", alert.incidents)
    yield from (("info", list(_info(each))) for each in alert.infos)


def _info(info: Info) -> Iterator[tuple[str, _Content]]:
    yield from _optional("language", info.language)
    yield from (("category", spelling.spelling_of(spelling.CATEGORIES, each)) for each in info.categories)
    yield "event", info.event
    yield from (("responseType", each) for each in info.response_types)
    yield "urgency", spelling.spelling_of(spelling.URGENCIES, info.urgency)
    yield "severity", spelling.spelling_of(spelling.SEVERITIES, info.colour)
    yield "certainty", spelling.spelling_of(spelling.CERTAINTIES, info.certainty)
    yield from _optional("audience", info.audience)
    yield from _values("eventCode", info.event_codes)
    yield from _moment("effective", info.effective)
    yield from _moment("onset", info.onset)
    yield from _moment("expires", info.expires)
    yield from _optional("senderName", info.sender_name)
    yield from _optional("headline", info.headline)
    yield from _optional("description", info.description)
    yield from _optional("instruction", info.instruction)
    yield from _optional("web", info.web)
    yield from _optional("contact", info.contact)
    yield from _values("parameter", info.parameters)
    yield from (("resource", list(_resource(each))) for each in info.resources)
    yield from (("area", list(_area(each))) for each in info.areas)


def _resource(resource: Resource) -> Iterator[tuple[str, _Content]]:
    yield "resourceDesc", resource.description
    yield "mimeType", resource.mime_type
    yield from _optional("size", resource.size)
    yield from _optional("uri", resource.uri)
    yield from _optional("derefUri", resource.deref_uri)
    yield from _optional("digest", resource.digest)


def _area(area: Area) -> Iterator[tuple[str, _Content]]:
    yield "areaDesc", area.description
    yield from (("polygon", each) for each in area.polygons)
    yield from (("circle", each) for each in area.circles)
    yield from _values("geocode", area.geocodes)
    yield from _optional("altitude", area.altitude)
    yield from _optional("ceiling", area.ceiling)


def _values(name: str, values: Sequence[Value]) -> Iterator[tuple[str, _Content]]:
    yield from ((name, [("valueName", each.name), ("value", each.value)]) for each in values)


def _optional(name: str, text: str) -> Iterator[tuple[str, _Content]]:
    if text:
        yield name, text


def _moment(name: str, moment: datetime | None) -> Iterator[tuple[str, _Content]]:
    if moment:
        yield name, spelling.moment_text(moment)


def _reference(key: Key) -> str:
    return f"{key.sender},{key.identifier},{spelling.moment_text(key.sent)}"
