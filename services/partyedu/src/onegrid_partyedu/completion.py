"""What members completed (学习记录), and trainings that take place outside the platform (集中培训)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid_kit import codes
from onegrid_kit.clock import CHINA
from onegrid_kit.names import ResourceName

__all__ = ["TRAINING", "Completion", "Training", "year_of"]

TRAINING: Final = ResourceName("trainings/{training}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Something that a member completed."""

    member: str
    """The member's id."""
    subject: str
    """The name of what was completed: ``courses/{course}``."""
    kind: CompletionKind
    minutes: int
    """How long it counts as study."""
    percent: int | None = None
    """What was reached, 0 to 100; None: nothing was measured."""
    complete_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps the record."""
        return codes.district_of(self.member)

    @property
    def year(self) -> int:
        """The year that it counts in."""
        return year_of(self.complete_time)

    def with_that_of(self, other: Completion) -> Completion:
        """What is recorded of both, in one year: the first time, with its minutes, and the better percent."""
        percents = [each.percent for each in (self, other) if each.percent is not None]
        first = min(self, other, key=lambda each: each.complete_time)
        return replace(first, percent=max(percents, default=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A training that takes place outside the platform."""

    id: str
    display_name: str
    minutes: int
    """How long it counts as study."""
    create_time: datetime
    update_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``trainings/{training}``."""
        return TRAINING.name(self.id)


def year_of(moment: datetime) -> int:
    """The year of the moment in China."""
    return moment.astimezone(CHINA).year
