"""How CAP writes values of enumerations, and moments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from onegrid.emergency.v1.warnings_pb2 import (
    CapCategory,
    CapCertainty,
    CapMessageType,
    CapScope,
    CapStatus,
    CapUrgency,
    WarningColour,
)

__all__ = [
    "CATEGORIES",
    "CERTAINTIES",
    "COLOURS",
    "MESSAGE_TYPES",
    "RESPONSE_TYPES",
    "SCOPES",
    "SEVERITIES",
    "STATUSES",
    "URGENCIES",
    "is_moment",
    "moment_text",
    "spelling_of",
]

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+](0\d|1[0-4]):[0-5]\d")


def _spelled(enum: Any, prefix: str, **irregular: str) -> Mapping[str, Any]:
    names = {name.removeprefix(prefix): value for name, value in enum.items() if value}
    return {irregular.get(name, name.title()): value for name, value in names.items()}


STATUSES: Final[Mapping[str, CapStatus]] = _spelled(CapStatus, "CAP_STATUS_")
MESSAGE_TYPES: Final[Mapping[str, CapMessageType]] = _spelled(CapMessageType, "CAP_MESSAGE_TYPE_")
SCOPES: Final[Mapping[str, CapScope]] = _spelled(CapScope, "CAP_SCOPE_")
CATEGORIES: Final[Mapping[str, CapCategory]] = _spelled(CapCategory, "CAP_CATEGORY_", CBRNE="CBRNE")
URGENCIES: Final[Mapping[str, CapUrgency]] = _spelled(CapUrgency, "CAP_URGENCY_")
CERTAINTIES: Final[Mapping[str, CapCertainty]] = _spelled(CapCertainty, "CAP_CERTAINTY_")
COLOURS: Final[Mapping[str, WarningColour]] = _spelled(WarningColour, "WARNING_COLOUR_")
"""As China's dialect writes severities."""
SEVERITIES: Final[Mapping[str, WarningColour]] = {
    "Extreme": WarningColour.WARNING_COLOUR_RED,
    "Severe": WarningColour.WARNING_COLOUR_ORANGE,
    "Moderate": WarningColour.WARNING_COLOUR_YELLOW,
    "Minor": WarningColour.WARNING_COLOUR_BLUE,
    "Unknown": WarningColour.WARNING_COLOUR_UNSPECIFIED,
}
RESPONSE_TYPES: Final = frozenset(
    {"Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"}
)


def spelling_of(spellings: Mapping[str, Any], value: int) -> str:
    """How a value is written."""
    return next(text for text, each in spellings.items() if each == value)


def is_moment(text: str) -> bool:
    """Whether the text is a moment as CAP writes it: to the second, with an offset that is no `Z`."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def moment_text(moment: datetime) -> str:
    """A moment as CAP writes it, to the second, at its own offset; UTC is `-00:00`."""
    text = moment.isoformat(timespec="seconds")
    return f"{text[:-6]}-00:00" if text.endswith("+00:00") else text
