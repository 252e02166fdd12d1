"""Attempts at quizzes (答题): how long they have, which answers they take, what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, cast

from onegrid.partyedu.v1.attempts_pb2 import AttemptAction, AttemptActor, AttemptState
from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid.partyedu.v1.quizzes_pb2 import QuizState, ReviewContent, ReviewTime
from onegrid_kit import codes
from onegrid_kit.names import ResourceName
from onegrid_partyedu.attempt_lifecycle import LIFE
from onegrid_partyedu.completion import Completion
from onegrid_partyedu.drawing import LABELS, Slot
from onegrid_partyedu.item import ItemRef, ItemRevision
from onegrid_partyedu.quiz import QUIZ, QuizRevision
from onegrid_partyedu.scoring import Score, score

__all__ = [
    "ATTEMPT",
    "MOST_SAVES",
    "Attempt",
    "Form",
    "Grant",
    "Granted",
    "Paper",
    "Save",
    "Start",
    "Taken",
    "due_time",
    "latest",
    "replay",
    "reviewable",
    "unfit",
    "written",
]

ATTEMPT: Final = ResourceName("attempts/{attempt}")
MOST_SAVES: Final = 5_000
"""How many answers of an attempt are stored at most: its evidence fits into one answer."""

_OPEN: Final = AttemptState.ATTEMPT_STATE_OPEN
_EXPIRED: Final = AttemptState.ATTEMPT_STATE_EXPIRED
_MEMBER: Final = AttemptActor.ATTEMPT_ACTOR_MEMBER
_CLOCK: Final = AttemptActor.ATTEMPT_ACTOR_CLOCK


class Save(NamedTuple):
    """An answer as it was saved."""

    slot: int
    """Counted from 1."""
    sequence: int
    answer: tuple[str, ...]
    """The letters of the options that were chosen, in order; empty: it was taken back."""
    time: datetime


@dataclass(frozen=True, slots=True)
class Form:
    """Whose an attempt is, and what fits its slots. It hardly changes, and is small: a process keeps all of an exam."""

    user: str
    kinds: bytes
    """A kind of item a slot."""
    options: bytes
    """How many options each has."""

    def unfit(self, slot: int, answer: Sequence[str]) -> tuple[str, str] | None:
        """The field that is wrong with an answer, and why; None: it fits."""
        if slot > len(self.kinds):
            return "slot", f"is none of the {len(self.kinds)} that there are"
        why = unfit(self._kind(slot), self.options[slot - 1], answer)
        return ("answer", why) if why else None

    def written(self, slot: int, answer: Sequence[str]) -> tuple[str, ...]:
        """The answer as it is stored."""
        return written(self._kind(slot), answer)

    def _kind(self, slot: int) -> ItemKind:
        return cast("ItemKind", self.kinds[slot - 1])


@dataclass(frozen=True, slots=True)
class Grant:
    """What a member has more than others at a quiz."""

    extra_minutes: int = 0
    extra_attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Who was granted it (考试便利)."""

    quiz: str
    """The quiz's id."""
    member: str
    """The member's id."""
    grant: Grant
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt."""

    id: str
    version: int = 1
    """One more with each save and each change."""
    quiz: str
    """The quiz's id."""
    quiz_revision: int
    member: str
    """The member's id."""
    user: str
    """``users/{user}``: the member's account."""
    number: int
    stored_state: AttemptState = _OPEN
    begin_time: datetime
    due_time: datetime
    end_time: datetime | None = None
    score: Score | None = None

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``attempts/{attempt}``."""
        return ATTEMPT.name(self.id)

    @property
    def office(self) -> str:
        """The code of the place or department that gives the quiz."""
        return codes.office_of(self.quiz)

    @property
    def judged_by(self) -> tuple[str, int]:
        """The quiz's id, and which of its revisions."""
        return self.quiz, self.quiz_revision

    @property
    def ended(self) -> bool:
        """Whether it was submitted, or its expiry is stored."""
        return self.stored_state in LIFE.ended

    def state_at(self, now: datetime) -> AttemptState:
        """Where it stands: from its deadline on it is expired, before anybody has noted so."""
        return _EXPIRED if self.stored_state == _OPEN and now >= self.due_time else self.stored_state

    def submitted(self, worth: Score, now: datetime) -> Attempt:
        """The attempt handed in. Raises AttemptWrongState."""
        after = LIFE.advance(self.state_at(now), AttemptAction.ATTEMPT_ACTION_SUBMIT, _MEMBER)
        return replace(self, version=self.version + 1, stored_state=after, end_time=now, score=worth)

    def expired(self, worth: Score) -> Attempt:
        """The attempt ended by its deadline. Raises AttemptWrongState."""
        after = LIFE.advance(self.stored_state, AttemptAction.ATTEMPT_ACTION_EXPIRE, _CLOCK)
        return replace(self, version=self.version + 1, stored_state=after, end_time=self.due_time, score=worth)

    def completion(self, quiz: QuizRevision) -> Completion | None:
        """What it completes, by the revision that it is judged by; None: it has not ended, or is not passed."""
        if self.end_time is None or self.score is None or not self.score.passed:
            return None
        return Completion(
            member=self.member,
            subject=QUIZ.name(self.quiz),
            kind=CompletionKind.COMPLETION_KIND_QUIZ,
            minutes=quiz.study_minutes,
            percent=self.score.percent,
            complete_time=self.end_time,
        )

    def extended(self, due: datetime, now: datetime) -> Attempt:
        """The attempt with a later deadline; itself if it is none, or too late for it."""
        extend, editor = AttemptAction.ATTEMPT_ACTION_EXTEND, AttemptActor.ATTEMPT_ACTOR_EDITOR
        if due <= self.due_time or LIFE.after(self.state_at(now), extend, editor) is None:
            return self
        return replace(self, version=self.version + 1, due_time=due)

    def require_open(self, now: datetime) -> None:
        """Raise AttemptWrongState unless it takes answers."""
        LIFE.advance(self.state_at(now), AttemptAction.ATTEMPT_ACTION_SAVE, _MEMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What an attempt is made of; it never changes."""

    seed: str
    slots: tuple[Slot, ...]

    @property
    def items(self) -> frozenset[tuple[ItemRef, int]]:
        """The revisions that it names."""
        return frozenset((slot.ref, slot.revision) for slot in self.slots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An attempt with its paper, the saves that count, and what its member may review it by."""

    attempt: Attempt
    paper: Paper
    saves: tuple[Save, ...]
    quiz_state: QuizState
    close_time: datetime | None
    """When the quiz closes by its current revision, which others begin by."""
    running: bool
    """Whether somebody still answers the quiz."""
    corrected: Mapping[tuple[ItemRef, int], int]
    """Of revisions that the attempt was regraded by, the revision whose key counts; 0: all got the points."""

    @property
    def items(self) -> frozenset[tuple[ItemRef, int]]:
        """The revisions that are shown, and those whose keys count."""
        shown = self.paper.items
        return shown | {(key[0], by) for key, by in self.corrected.items() if by and key in shown}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What it depends on whether an attempt can begin."""

    member: str
    """The id of the caller's own record; empty: there is none."""
    quiz_state: QuizState
    """Unspecified: there is no such quiz."""
    quiz_revision: int
    pools: Mapping[str, int]
    """The versions of the pools that the quiz draws from, by their ids."""
    begun: int
    """How many attempts of the member have begun."""
    grant: Grant
    last: Attempt | None
    """The one that began last."""


def due_time(begin: datetime, quiz: QuizRevision, grant: Grant) -> datetime:
    """Until when an attempt that begins then takes answers. Raises ValueError for a quiz that never ends one."""
    ends = [quiz.close_time] if quiz.close_time else []
    if quiz.minutes_allowed:
        ends.append(begin + timedelta(minutes=quiz.minutes_allowed))
    return min(ends) + timedelta(minutes=grant.extra_minutes)


def unfit(kind: ItemKind, options: int, answer: Sequence[str]) -> str:
    """Why that is no answer to an item of so many options; empty: it is one, as is none."""
    if not set(answer) <= set(LABELS[:options]):
        return f"names more than the {options} options that there are"
    if kind in (ItemKind.ITEM_KIND_SINGLE, ItemKind.ITEM_KIND_TRUE_FALSE) and len(answer) > 1:
        return "is more than one option"
    if kind == ItemKind.ITEM_KIND_ORDERING and len(answer) not in (0, options):
        return "does not put all options in order"
    return ""


def written(kind: ItemKind, answer: Sequence[str]) -> tuple[str, ...]:
    """An answer in the one way of writing it: letters are in order, unless their order is the answer."""
    return tuple(answer) if kind == ItemKind.ITEM_KIND_ORDERING else tuple(sorted(answer))


def latest(saves: Sequence[Save]) -> dict[int, Save]:
    """Of each slot the save that counts, in whatever order they are given."""
    counting: dict[int, Save] = {}
    for save in saves:
        if save.slot not in counting or counting[save.slot].sequence < save.sequence:
            counting[save.slot] = save
    return counting


def replay(
    paper: Paper, items: Mapping[tuple[ItemRef, int], ItemRevision], saves: Sequence[Save], quiz: QuizRevision
) -> Score:
    """What these saves are worth: a pure function of what is on record of an attempt. Raises KeyError if a revision is
    missing.
    """
    answers = {slot - 1: paper.slots[slot - 1].chosen(save.answer) for slot, save in latest(saves).items()}
    return score(paper.slots, items, answers, quiz.partial_credit, quiz.pass_percent)


def reviewable(of: Taken, quiz: QuizRevision, now: datetime) -> ReviewContent:
    """How much of an attempt its member may review, by the revision that it is judged by; unspecified: nothing."""
    if of.attempt.score is None:
        return ReviewContent.REVIEW_CONTENT_UNSPECIFIED
    if quiz.review_time == ReviewTime.REVIEW_TIME_SUBMISSION:
        return quiz.review_content
    over = of.quiz_state in (QuizState.QUIZ_STATE_CLOSED, QuizState.QUIZ_STATE_RETIRED) or (
        of.close_time is not None and of.close_time <= now
    )
    return quiz.review_content if over and not of.running else ReviewContent.REVIEW_CONTENT_SCORE
