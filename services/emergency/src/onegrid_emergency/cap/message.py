"""A message of CAP, as the rules see it. Names are the standard's, in Python's spelling."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from onegrid.emergency.v1.warnings_pb2 import (
    CapCategory,
    CapCertainty,
    CapMessageType,
    CapRule,
    CapScope,
    CapStatus,
    CapUrgency,
    WarningColour,
)

__all__ = ["TOLERATED", "Alert", "Area", "Info", "Key", "Resource", "Value", "Violation"]


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a message breaks."""

    rule: CapRule
    field: str
    """``info[0].area[1].polygon[0]``"""
    description: str


TOLERATED: Final = frozenset(
    {
        CapRule.CAP_RULE_ORDER,
        CapRule.CAP_RULE_TIME_OFFSET,
        CapRule.CAP_RULE_INFO,
        CapRule.CAP_RULE_POLYGON,
        CapRule.CAP_RULE_POLYGON_CLOSED,
        CapRule.CAP_RULE_COORDINATES,
        CapRule.CAP_RULE_CIRCLE,
        CapRule.CAP_RULE_GEOCODE,
        CapRule.CAP_RULE_ALTITUDE,
        CapRule.CAP_RULE_EXPIRY,
    }
)
"""What a message that is received may break: it is used as far as it can be."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What makes a message the same one."""

    sent: datetime
    sender: str
    identifier: str

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits. The same moment at another offset is the same moment."""
        text = "\n".join((self.sender, self.identifier, self.sent.astimezone(UTC).isoformat()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Value:
    """A value with a name whose meaning others define: eventCode, parameter, geocode."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A file that belongs to the message."""

    description: str
    mime_type: str
    size: str = ""
    uri: str = ""
    deref_uri: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A part of the ground. Shapes are as they were written: they may be broken."""

    description: str
    polygons: tuple[str, ...] = ()
    """``40.1,124.4 40.1,124.5 40.2,124.5 40.1,124.4``: latitude comes first."""
    circles: tuple[str, ...] = ()
    """``40.1,124.4 2.5``: kilometres."""
    geocodes: tuple[Value, ...] = ()
    altitude: str = ""
    ceiling: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What is said, in one language."""

    language: str = ""
    categories: tuple[CapCategory, ...]
    event: str
    response_types: tuple[str, ...] = ()
    urgency: CapUrgency
    colour: WarningColour
    """Its severity."""
    certainty: CapCertainty
    audience: str = ""
    event_codes: tuple[Value, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    parameters: tuple[Value, ...] = ()
    resources: tuple[Resource, ...] = ()
    areas: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A message."""

    identifier: str
    sender: str
    sent: datetime
    status: CapStatus
    message_type: CapMessageType
    source: str = ""
    scope: CapScope
    restriction: str = ""
    addresses: str = ""
    codes: tuple[str, ...] = ()
    note: str = ""
    references: tuple[Key, ...] = ()
    incidents: str = ""
    infos: tuple[Info, ...] = ()

    @property
    def key(self) -> Key:
        """What makes it the same message."""
        return Key(self.sent, self.sender, self.identifier)
