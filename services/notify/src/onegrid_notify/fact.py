"""What a fact of an event is: what it is called, what form it has, to whom it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

__all__ = ["Facts", "Form", "Recipient", "about"]


class Recipient(StrEnum):
    """As what somebody gets a message."""

    PETITIONER = "petitioner"
    OFFICE = "office"
    GRID_WORKER = "grid_worker"
    PERSON = "person"
    """Whom the event is about."""


class Form(StrEnum):
    """How a fact is written in a language; also the name of the filter that does so."""

    TEXT = ""
    MOMENT = "moment"
    OFFICE = "office"
    OFFICES = "offices"
    KIND = "kind"
    ROLE = "role"
    POST = "post"
    MEETINGS = "meetings"
    LIST = "list"
    FLAG = "flag"
    """True or false: only to be asked for."""


def about(doc: str, sample: Any, form: Form = Form.TEXT, *, required: bool = False) -> Mapping[str, Any]:
    """What is known of a fact. `required`: each short text must mention it."""
    return {"doc": doc, "sample": sample, "form": form, "required": required}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What every event has. What an event does not have is empty."""

    time: datetime | None = field(
        default=None, metadata=about("When it happened.", datetime(2020, 11, 11, 6, 36, tzinfo=UTC), Form.MOMENT)
    )
