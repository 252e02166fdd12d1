"""Quizzes (测验), as the rules see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid.partyedu.v1.quizzes_pb2 import PartialCredit, QuizState, ReviewContent, ReviewTime
from onegrid_kit import codes
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName
from onegrid_partyedu.item import ItemRef

__all__ = [
    "QUIZ",
    "Drawn",
    "Fixed",
    "Quiz",
    "QuizRevision",
    "Section",
    "Source",
    "violations_of",
]

QUIZ: Final = ResourceName("quizzes/{quiz}")
MOST_SLOTS: Final = 200
"""How many items an attempt has at most: with their texts they fit into one answer."""
MOST_POOLS: Final = 20
"""How many pools a quiz takes items from at most: a process keeps what all that are taken at a time can draw."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Items that all members get, in order."""

    items: tuple[ItemRef, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Items that are drawn for each attempt."""

    pool: str
    """The pool's id."""
    count: int
    kind: ItemKind = ItemKind.ITEM_KIND_UNSPECIFIED
    """Unspecified: of whatever kind."""


Source: TypeAlias = Fixed | Drawn
"""Which items a section has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a quiz."""

    display_name: str = ""
    points_each: int = 0
    """0: as many as the item says."""
    source: Source

    @property
    def size(self) -> int:
        """How many items it has."""
        return self.source.count if isinstance(self.source, Drawn) else len(self.source.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuizRevision:
    """What a quiz is in one of its revisions: it never changes."""

    quiz: str
    """The quiz's id."""
    number: int = 1
    """Counted from 1."""
    display_name: str
    description: str = ""
    sections: tuple[Section, ...]
    shuffle_items: bool = False
    shuffle_options: bool = False
    minutes_allowed: int = 0
    """0: until it closes."""
    attempts_allowed: int = 0
    """0: any number."""
    pass_percent: int = 0
    """0: whoever submits has passed."""
    open_time: datetime | None = None
    close_time: datetime | None = None
    partial_credit: PartialCredit = PartialCredit.PARTIAL_CREDIT_NONE
    review_content: ReviewContent = ReviewContent.REVIEW_CONTENT_SCORE
    review_time: ReviewTime = ReviewTime.REVIEW_TIME_CLOSE
    study_minutes: int = 0
    """What counts as study time of who has passed."""
    create_time: datetime

    @property
    def items(self) -> tuple[ItemRef, ...]:
        """Those that it names itself."""
        return tuple(
            item for section in self.sections if isinstance(section.source, Fixed) for item in section.source.items
        )

    @property
    def pools(self) -> frozenset[str]:
        """The ids of the pools that its items are from."""
        drawn = {section.source.pool for section in self.sections if isinstance(section.source, Drawn)}
        return frozenset(drawn | {item.pool for item in self.items})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiz:
    """A quiz, with its current revision or another."""

    version: int = 1
    revision: QuizRevision
    state: QuizState = QuizState.QUIZ_STATE_DRAFT
    publish_time: datetime | None = None
    """When it was last published."""
    create_time: datetime
    update_time: datetime

    @property
    def id(self) -> str:
        """Of the quiz."""
        return self.revision.quiz

    @property
    def name(self) -> str:
        """``quizzes/{quiz}``."""
        return QUIZ.name(self.id)

    @property
    def office(self) -> str:
        """The code of the place or department that gives it."""
        return codes.office_of(self.id)

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def state_name(self) -> str:
        """``PUBLISHED``."""
        return short_name(QuizState, self.state)

    def is_open(self, now: datetime) -> bool:
        """Whether an attempt can begin."""
        of = self.revision
        return (
            self.state == QuizState.QUIZ_STATE_PUBLISHED
            and (of.open_time is None or of.open_time <= now)
            and (of.close_time is None or now < of.close_time)
        )


def violations_of(revision: QuizRevision) -> Iterator[tuple[str, str]]:
    """What is wrong with a quiz, whatever its pools hold: fields, and what is wrong there."""
    seen: set[ItemRef] = set()
    district = codes.district_of(revision.quiz)
    for position, section in enumerate(revision.sections):
        source, field = section.source, f"sections[{position}]"
        if isinstance(source, Drawn):
            if codes.district_of(source.pool) != district:
                yield f"{field}.drawn.pool", "is of another district"
            continue
        for place, item in enumerate(source.items):
            if item.district != district:
                yield f"{field}.fixed.items[{place}]", "is of another district"
            if item in seen:
                yield f"{field}.fixed.items[{place}]", "is in the quiz twice"
            seen.add(item)
    if sum(section.size for section in revision.sections) > MOST_SLOTS:
        yield "sections", f"have more than {MOST_SLOTS} items"
    if len(revision.pools) > MOST_POOLS:
        yield "sections", f"have items of more than {MOST_POOLS} pools"
    if not revision.minutes_allowed and revision.close_time is None:
        yield "minutes_allowed", "is to be given, or a close_time: an attempt would never end"
    if revision.open_time and revision.close_time and revision.close_time <= revision.open_time:
        yield "close_time", "is not after open_time"
