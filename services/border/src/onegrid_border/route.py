"""Routes (巡逻路线) and their checkpoints (打卡点), as the rules see them: frozen, and changed only into others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from onegrid.border.v1.resources_pb2 import Evidence
from onegrid_kit import codes
from onegrid_kit.errors import FieldViolation
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName

__all__ = ["ROUTE", "Checkpoint", "Course", "Route", "faults_of"]

ROUTE: Final = ResourceName("routes/{route}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A point of a route."""

    id: str
    """A word, the same over revisions."""
    display_name: str
    location: Location
    tolerance_m: int
    """How near a check-in must be."""
    due: timedelta
    """After the patrol's planned start."""
    tolerance: timedelta
    """How long before or after that a check-in is in time."""
    evidence: Evidence = Evidence.EVIDENCE_UNSPECIFIED
    """What a check-in must show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a revision of a route says."""

    display_name: str
    checkpoints: tuple[Checkpoint, ...]
    """In the order in which they are passed."""
    corridor_m: int = 0
    """How far a patrol may stray from the line through them; 0: as far as it likes."""
    max_speed_kmh: int = 0
    """How fast it moves at most on average between two of them; 0: nothing is too fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A revision of a route."""

    id: str
    version: int = 1
    """Of the route: grows with each revision, and with its retirement."""
    revision: int = 1
    course: Course
    effective_time: datetime
    retire_time: datetime | None = None
    create_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``routes/{route}``."""
        return ROUTE.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change of the route."""
        return str(self.version)


def faults_of(checkpoints: Sequence[Checkpoint]) -> Iterator[FieldViolation]:
    """Why these can't be passed in this order."""
    seen: set[str] = set()
    for number, each in enumerate(checkpoints):
        if each.id in seen:
            yield FieldViolation(f"route.checkpoints[{number}].id", f"{each.id} stands there twice")
        seen.add(each.id)
    for number, (before, after) in enumerate(pairwise(checkpoints), start=1):
        if after.due < before.due:
            field = f"route.checkpoints[{number}].due_minutes"
            yield FieldViolation(field, f"is before that of {before.id}, which stands before it")
