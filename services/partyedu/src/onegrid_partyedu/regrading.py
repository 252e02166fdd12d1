"""Regrading the attempts at a quiz (重新评分), as the rules see it: a pure function of each attempt's own snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

from onegrid.partyedu.v1.regradings_pb2 import RegradingState
from onegrid_kit import codes
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName
from onegrid_partyedu.attempt import Attempt, Paper, Save, latest
from onegrid_partyedu.item import ItemRef, ItemRevision
from onegrid_partyedu.quiz import QuizRevision
from onegrid_partyedu.scoring import Correction, Score, score

__all__ = [
    "APPLY",
    "CALCULATE",
    "REGRADING",
    "Change",
    "ItemCorrection",
    "ItemKey",
    "Regrading",
    "regraded",
    "violations_of",
]

REGRADING: Final = ResourceName("regradings/{regrading}")
CALCULATE: Final = "calculate regrading"
"""The work of looking at attempts."""
APPLY: Final = "apply regrading"

_OVER: Final = (RegradingState.REGRADING_STATE_APPLIED, RegradingState.REGRADING_STATE_DISCARDED)

ItemKey: TypeAlias = tuple[ItemRef, int]
"""A revision of an item."""


@dataclass(frozen=True, slots=True)
class ItemCorrection:
    """How a revision of an item is scored after all."""

    ref: ItemRef
    revision: int
    """What attempts were shown."""
    key_revision: int
    """Whose key counts; 0: who was shown it gets all points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a regrading changes of one attempt."""

    attempt: str
    """The attempt's id."""
    member: str
    """The member's id."""
    version: int
    """The attempt's, when it was looked at: a later change of it is not overwritten."""
    before: Score
    after: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Regrading:
    """A regrading of a quiz."""

    id: str
    version: int = 1
    quiz: str
    """The quiz's id."""
    corrections: tuple[ItemCorrection, ...]
    state: RegradingState = RegradingState.REGRADING_STATE_CALCULATING
    attempts: int = 0
    changed: int = 0
    raised: int = 0
    lowered: int = 0
    newly_passed: int = 0
    newly_failed: int = 0
    create_time: datetime
    end_time: datetime | None = None

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def office(self) -> str:
        """The code of the place or department that gives the quiz."""
        return codes.office_of(self.quiz)

    @property
    def name(self) -> str:
        """``regradings/{regrading}``."""
        return REGRADING.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change of its state."""
        return str(self.version)

    @property
    def state_name(self) -> str:
        """``READY``."""
        return short_name(RegradingState, self.state)

    def moved(self, state: RegradingState, now: datetime) -> Regrading:
        """The regrading in that state."""
        return replace(self, version=self.version + 1, state=state, end_time=now if state in _OVER else None)

    def counted(self, attempts: int, changes: Sequence[Change]) -> Regrading:
        """The regrading after so many more attempts, of which these change."""
        return replace(
            self,
            attempts=self.attempts + attempts,
            changed=self.changed + len(changes),
            raised=self.raised + sum(each.after.hundredths > each.before.hundredths for each in changes),
            lowered=self.lowered + sum(each.after.hundredths < each.before.hundredths for each in changes),
            newly_passed=self.newly_passed + sum(each.after.passed > each.before.passed for each in changes),
            newly_failed=self.newly_failed + sum(each.after.passed < each.before.passed for each in changes),
        )


def violations_of(
    corrections: Sequence[ItemCorrection], items: Mapping[ItemKey, ItemRevision]
) -> Iterator[tuple[str, str]]:
    """What is wrong with corrections: fields, and what is wrong there. `items` has all revisions that they name."""
    seen: set[ItemKey] = set()
    for position, each in enumerate(corrections):
        field = f"corrections[{position}]"
        shown = each.ref, each.revision
        if shown in seen:
            yield field, "is of a revision that is corrected before"
        seen.add(shown)
        if each.key_revision:
            key = items[each.ref, each.key_revision]
            if set(key.option_ids) != set(items[shown].option_ids):
                yield f"{field}.key_revision", "has other options than what was shown"


def regraded(
    attempt: Attempt,
    paper: Paper,
    saves: Sequence[Save],
    items: Mapping[ItemKey, ItemRevision],
    quiz: QuizRevision,
    corrections: Mapping[ItemKey, ItemCorrection],
) -> Change | None:
    """What becomes of an attempt that has ended; None: its score stays. `items` has the revisions of its paper and
    those whose keys count. Raises KeyError if one is missing.
    """
    if attempt.score is None:
        return None
    answers = {slot - 1: paper.slots[slot - 1].chosen(save.answer) for slot, save in latest(saves).items()}
    by = {
        key: Correction(items[each.ref, each.key_revision] if each.key_revision else None)
        for key, each in corrections.items()
        if key in paper.items
    }
    after = score(paper.slots, items, answers, quiz.partial_credit, quiz.pass_percent, by)
    if after == attempt.score:
        return None
    return Change(attempt=attempt.id, member=attempt.member, version=attempt.version, before=attempt.score, after=after)
