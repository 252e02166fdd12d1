"""China's dialect of CAP (GB/T 35965.1), as the national and provincial warning centres send it.

It is translated at the edge; docs/warnings.md has the table. What it adds and nobody here reads (secClassification, the
means of dissemination in code) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

from onegrid_emergency.cap import spelling
from onegrid_emergency.cap.schema import NAMESPACE, SCHEMA

__all__ = ["is_dialect", "translated"]

_EVENT_CODE: Final = "GB/T 35965.1"
_CODE_NAME: Final = "GB/T 2260"
_CHINA: Final = "+08:00"
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?([-+]\d\d:\d\d|Z)?")
_TIMES: Final = ("effective", "onset", "expires")
_CATEGORIES: Final = (
    ("11A", "Met"),
    ("11B", "Met"),
    ("11C", "Geo"),
    ("11D", "Geo"),
    ("11E", "Met"),
    ("11F", "Env"),
    ("11G", "Fire"),
    ("12", "Safety"),
    ("13", "Health"),
    ("14", "Security"),
)
"""Of codes of events, by how they begin."""


def is_dialect(root: Any) -> bool:
    """Whether the document is written in the dialect: it has `sendTime` in the place of `sent`."""
    return etree.QName(root).localname == "alert" and _find(root, "sendTime") is not None


def translated(root: Any) -> Any:
    """The same message in CAP 1.2."""
    alert = etree.Element(f"{{{NAMESPACE}}}alert", nsmap={None: NAMESPACE})
    sender_code, sender_name = _text(root, "senderCode"), _text(root, "sender")
    values = {
        "sender": sender_code or sender_name,
        "sent": _moment(_text(root, "sendTime")),
        "references": _MOMENT.sub(lambda found: _moment(found[0]), _text(root, "references")),
    }
    for child in SCHEMA["alert"]:
        if child.name == "info":
            for each in _all(root, "info"):
                _info(etree.SubElement(alert, f"{{{NAMESPACE}}}info"), each, sender_name)
        elif child.name != "code":
            _add(alert, child.name, values.get(child.name, _text(root, child.name)))
    return alert


def _info(info: Any, found: Any, sender_name: str) -> None:
    event, headline = _text(found, "eventType"), _text(found, "headline")
    severity = _text(found, "severity")
    colour = spelling.COLOURS.get(severity)
    values = {
        **{name: _moment(_text(found, name)) for name in _TIMES},
        "event": _text(found, "event") or headline or event,
        "urgency": _text(found, "urgency") or "Unknown",
        "severity": spelling.spelling_of(spelling.SEVERITIES, colour) if colour else severity or "Unknown",
        "certainty": _text(found, "certainty") or "Unknown",
        "senderName": _text(found, "senderName") or sender_name,
    }
    categories = [_content(each) for each in _all(found, "category")] or [
        next((category for begin, category in _CATEGORIES if event.startswith(begin)), "Other")
    ]
    for child in SCHEMA["info"]:
        match child.name:
            case "category":
                for each in categories:
                    _add(info, "category", each)
            case "eventCode":
                _value(info, "eventCode", _EVENT_CODE, event)
            case "area":
                for each in _all(found, "area"):
                    _area(etree.SubElement(info, f"{{{NAMESPACE}}}area"), each)
            case "responseType":
                for each in _all(found, "responseType"):
                    _add(info, "responseType", _content(each))
            case "parameter" | "resource":
                pass
            case name:
                _add(info, name, values.get(name, _text(found, name)))


def _area(area: Any, found: Any) -> None:
    _add(area, "areaDesc", _text(found, "areaDesc"), empty=True)
    for name in ("polygon", "circle"):
        for each in _all(found, name):
            _add(area, name, _content(each))
    for each in _all(found, "geocode"):
        # A code alone; or a list of them; or a name and a value, as in CAP.
        value = _text(each, "value") or _content(each)
        for code in re.split(r"[\s,;]+", value):
            _value(area, "geocode", _CODE_NAME, code)


def _value(element: Any, name: str, value_name: str, value: str) -> None:
    if value:
        child = etree.SubElement(element, f"{{{NAMESPACE}}}{name}")
        _add(child, "valueName", value_name)
        _add(child, "value", value)


def _add(element: Any, name: str, text: str, *, empty: bool = False) -> None:
    if text or empty:
        etree.SubElement(element, f"{{{NAMESPACE}}}{name}").text = text


def _moment(text: str) -> str:
    """A moment as CAP writes it; without an offset it is China's time."""
    found = _MOMENT.fullmatch(text)
    return f"{found[1]}T{found[2]}{found[3] or _CHINA}" if found else text


def _all(element: Any, name: str) -> Iterator[Any]:
    """The children of that name, in CAP's namespace or in none."""
    return (each for each in element.iterchildren(name, f"{{{NAMESPACE}}}{name}"))


def _find(element: Any, name: str) -> Any:
    return next(_all(element, name), None)


def _text(element: Any, name: str) -> str:
    found = _find(element, name)
    return "" if found is None else _content(found)


def _content(element: Any) -> str:
    return str(element.xpath("string()")).strip()
