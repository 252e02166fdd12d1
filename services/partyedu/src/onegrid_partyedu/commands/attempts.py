"""Attempts: begun, saved to, handed in; what is granted to a member beside what all have."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection

from onegrid.partyedu.v1.attempts_pb2 import AttemptState
from onegrid.partyedu.v1.quizzes_pb2 import QuizState
from onegrid_kit import codes, ids, ladder
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_partyedu.attempt import (
    ATTEMPT,
    MOST_SAVES,
    Attempt,
    Form,
    Grant,
    Granted,
    Paper,
    Save,
    Start,
    Taken,
    due_time,
    latest,
    replay,
)
from onegrid_partyedu.drawing import CannotFill, draw
from onegrid_partyedu.errors import (
    AnswerSuperseded,
    AttemptsUsedUp,
    PoolTooSmall,
    QuizNotOpen,
    QuizOver,
    SaveLimitReached,
)
from onegrid_partyedu.item import POOL
from onegrid_partyedu.member import ME, MEMBER
from onegrid_partyedu.quiz import QUIZ, QuizRevision
from onegrid_partyedu.shelf import Shelf
from onegrid_partyedu.store import attempts as store
from onegrid_partyedu.store import members, quizzes
from onegrid_partyedu.store.attempt_statements import CLIMB

__all__ = [
    "Begun",
    "NothingToDo",
    "SaveAnswer",
    "begin",
    "fitting_save",
    "require_saved",
    "set_accommodation",
    "submit",
]

_OPEN = AttemptState.ATTEMPT_STATE_OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveAnswer:
    """An answer that is given."""

    attempt: str
    """The attempt's id."""
    slot: int
    sequence: int
    answer: tuple[str, ...]


class NothingToDo(Exception):
    """The attempt is already what it is to become."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.name)
        self.attempt = attempt


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that begins."""

    attempt: Attempt
    paper: Paper
    grant: Grant


def begin(known: Start, quiz_id: str, shelf: Shelf, call: Call) -> Begun:
    """Begin an attempt of the caller's. Raises NotFound, PermissionDenied, QuizNotOpen, QuizOver, AttemptsUsedUp or
    PoolTooSmall; NothingToDo with the one that is open; Missing.
    """
    call.caller.require(call.permission, owner=call.caller.user)
    if not known.member:
        raise NotFound(MEMBER.name(ME))
    if known.quiz_state in (QuizState.QUIZ_STATE_UNSPECIFIED, QuizState.QUIZ_STATE_DRAFT):
        raise NotFound(QUIZ.name(quiz_id))
    if known.last is not None and known.last.state_at(call.now) == _OPEN:
        raise NothingToDo(known.last)
    quiz = shelf.quiz(quiz_id, known.quiz_revision)
    _require_open(quiz, known.quiz_state, call)
    allowed = quiz.attempts_allowed and quiz.attempts_allowed + known.grant.extra_attempts
    if allowed and known.begun >= allowed:
        raise AttemptsUsedUp(QUIZ.name(quiz_id), allowed)
    paper = _drawn(quiz, known, shelf)
    attempt = Attempt(
        id=f"{codes.district_of(quiz_id)}-{ids.new_id()}",
        quiz=quiz_id,
        quiz_revision=quiz.number,
        member=known.member,
        user=call.caller.user,
        number=known.begun + 1,
        begin_time=call.now,
        due_time=due_time(call.now, quiz, known.grant),
    )
    return Begun(attempt, paper, known.grant)


def fitting_save(form: Form | None, command: SaveAnswer, call: Call) -> Save:
    """The answer as it is to be stored. Raises NotFound or PermissionDenied; InvalidRequest if it does not fit."""
    form = call.existing(form, ATTEMPT, command.attempt)
    call.caller.require(call.permission, owner=form.user)
    if (wrong := form.unfit(command.slot, command.answer)) is not None:
        raise InvalidRequest(FieldViolation(*wrong))
    return Save(command.slot, command.sequence, form.written(command.slot, command.answer), call.now)


def require_saved(known: Taken | None, id_: str, save: Save, call: Call) -> Save | None:
    """The same answer as it was saved before; None: nothing keeps it from being saved now. Raises PermissionDenied,
    AttemptWrongState, AnswerSuperseded or SaveLimitReached.
    """
    known = call.existing(known, ATTEMPT, id_)
    call.caller.require(call.permission, owner=known.attempt.user)
    before = latest(known.saves).get(save.slot)
    # Whoever heard no answer at the last moment learns that it was in time.
    if before is not None and (before.sequence, before.answer) == (save.sequence, save.answer):
        return before
    known.attempt.require_open(call.now)
    if before is not None and before.sequence >= save.sequence:
        raise AnswerSuperseded(known.attempt.name, save.slot, before.sequence)
    if known.attempt.version > MOST_SAVES:
        raise SaveLimitReached(known.attempt.name, MOST_SAVES)
    return None


def submit(known: Taken | None, id_: str, shelf: Shelf, call: Call) -> Attempt:
    """The caller's attempt, handed in and scored. Raises NotFound or PermissionDenied; NothingToDo if it has ended;
    Missing.
    """
    known = call.existing(known, ATTEMPT, id_)
    before = known.attempt
    call.caller.require(call.permission, owner=before.user)
    if before.ended:
        raise NothingToDo(before)
    quiz = shelf.quiz(before.quiz, before.quiz_revision)
    worth = replay(known.paper, shelf.items(known.paper.items), known.saves, quiz)
    return before.submitted(worth, call.now) if before.state_at(call.now) == _OPEN else before.expired(worth)


def set_accommodation(conn: Connection, quiz_id: str, member: str, grant: Grant, call: Call) -> Granted:
    """Grant a member more time and attempts than others have. Raises NotFound or InvalidRequest."""
    if quizzes.find_quiz(conn, quiz_id) is None:
        raise NotFound(QUIZ.name(quiz_id))
    if codes.district_of(member) != codes.district_of(quiz_id):
        raise InvalidRequest(FieldViolation("member", "is of another district"))
    if members.find_member(conn, member) is None:
        raise NotFound(MEMBER.name(member))
    store.save_grant(conn, quiz_id, member, grant, call.now)
    open_ = store.lock_open(conn, quiz_id, member, call.now)
    if open_ is not None:
        _extend(conn, open_, grant, call)
    return Granted(quiz=quiz_id, member=member, grant=grant, time=call.now)


def _extend(conn: Connection, before: Attempt, grant: Grant, call: Call) -> None:
    quiz = quizzes.find_quiz(conn, before.quiz, before.quiz_revision)
    if quiz is None:
        raise LookupError(f"{before.name} has lost its quiz")
    after = before.extended(due_time(before.begin_time, quiz.revision, grant), call.now)
    if after != before:
        store.extend_attempt(conn, after)
        ladder.reschedule(conn, CLIMB, after.name, after.due_time)


def _require_open(quiz: QuizRevision, state: QuizState, call: Call) -> None:
    name = QUIZ.name(quiz.quiz)
    ahead = quiz.open_time if quiz.open_time and quiz.open_time > call.now else None
    if state != QuizState.QUIZ_STATE_PUBLISHED or ahead:
        raise QuizNotOpen(name, ahead)
    if quiz.close_time is not None and quiz.close_time <= call.now:
        raise QuizOver(name)


def _drawn(quiz: QuizRevision, known: Start, shelf: Shelf) -> Paper:
    seed = secrets.token_hex(32)
    try:
        return Paper(seed=seed, slots=draw(seed, quiz, shelf.pools(known.pools)))
    except CannotFill as error:
        short = error.short
        name, pool = QUIZ.name(quiz.quiz), POOL.name(short.pool)
        raise PoolTooSmall(name, pool, section=short.section + 1, items=short.items, needed=short.needed) from error
