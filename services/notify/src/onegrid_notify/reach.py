"""How far a notice reached, and whom it must still reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onegrid.notify.v1.resources_pb2 import VisitOutcome

__all__ = ["COUNT_AUDIENCE", "Figures", "Reached", "Recipient", "counting_id"]

COUNT_AUDIENCE: Final = "count audience"
"""The kind of work."""


def counting_id(article: str) -> str:
    """The id of the work that counts the audience of this article, by its name."""
    return f"{COUNT_AUDIENCE} {article}"


@dataclass(frozen=True, slots=True)
class Figures:
    """How many people of a place a notice is for, and how many of them did what."""

    place: str
    """Empty for those whose place is not known."""
    audience: int = 0
    received: int = 0
    read: int = 0
    confirmed: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.place,
            self.audience + other.audience,
            self.received + other.received,
            self.read + other.read,
            self.confirmed + other.confirmed,
        )


@dataclass(frozen=True, slots=True)
class Reached:
    """The figures of a place."""

    total: Figures
    parts: Sequence[Figures]
    """Of the places directly inside it, by code; those whose place is not known come first."""
    counting: bool
    """Whether the audience is still being counted."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is asked to confirm a notice."""

    user: str
    place: str
    receive_time: datetime | None
    read_time: datetime | None
    """Unset while it is unread."""
    confirm_time: datetime | None
    visit_since: datetime | None
    """Since when they are to be visited; None if they are not."""
    visit_outcome: VisitOutcome
    visit_time: datetime | None
