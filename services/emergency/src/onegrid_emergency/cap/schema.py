"""The structure of a message, as the schema of CAP 1.2 has it (CAP-v1.2.xsd, OASIS, 1 July 2010)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["NAMESPACE", "SCHEMA", "SIGNATURE", "Child"]

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"


@dataclass(frozen=True, slots=True)
class Child:
    """An element inside of another."""

    name: str
    required: bool
    repeated: bool


def _children(text: str) -> tuple[Child, ...]:
    """Written as regular expressions are: `?` for what may be missing, `+` and `*` for what may be repeated."""
    return tuple(Child(each.rstrip("?+*"), each[-1] not in "?*", each[-1] in "+*") for each in text.split())


_VALUE: Final = _children("valueName value")
SCHEMA: Final[Mapping[str, tuple[Child, ...]]] = {
    "alert": _children(
        "identifier sender sent status msgType source? scope restriction? addresses? code* note? references? incidents?"
        " info*"
    ),
    "info": _children(
        "language? category+ event responseType* urgency severity certainty audience? eventCode* effective? onset?"
        " expires? senderName? headline? description? instruction? web? contact? parameter* resource* area*"
    ),
    "resource": _children("resourceDesc mimeType size? uri? derefUri? digest?"),
    "area": _children("areaDesc polygon* circle* geocode* altitude? ceiling?"),
    "eventCode": _VALUE,
    "parameter": _VALUE,
    "geocode": _VALUE,
}
"""What elements that have children have, in order; all others have text alone."""
