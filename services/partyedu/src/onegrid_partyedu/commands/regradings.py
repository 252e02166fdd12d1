"""Regradings: worked out from what each attempt was shown and what was answered, looked at, and applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1.events_pb2 import QuizRegraded
from onegrid.partyedu.v1.quizzes_pb2 import QuizState
from onegrid.partyedu.v1.regradings_pb2 import RegradingState
from onegrid_kit import codes, ids, outbox, steps
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.steps import Progress, Work
from onegrid_partyedu import attempt_messages
from onegrid_partyedu.attempt import Attempt
from onegrid_partyedu.commands.completing import complete
from onegrid_partyedu.errors import QuizRunning, RegradingOpen, RegradingWrongState
from onegrid_partyedu.item import ItemRevision
from onegrid_partyedu.quiz import QUIZ
from onegrid_partyedu.regrading import (
    APPLY,
    CALCULATE,
    REGRADING,
    Change,
    ItemCorrection,
    ItemKey,
    Regrading,
    regraded,
    violations_of,
)
from onegrid_partyedu.store import attempts, pools, quizzes
from onegrid_partyedu.store import regradings as store

__all__ = [
    "apply_changes",
    "apply_regrading",
    "calculate_changes",
    "discard_regrading",
    "require_regrading",
    "start_regrading",
]

_CALCULATING: Final = RegradingState.REGRADING_STATE_CALCULATING
_READY: Final = RegradingState.REGRADING_STATE_READY
_APPLYING: Final = RegradingState.REGRADING_STATE_APPLYING
_APPLIED: Final = RegradingState.REGRADING_STATE_APPLIED
_DISCARDED: Final = RegradingState.REGRADING_STATE_DISCARDED
_MOST: Final = 200
"""How many attempts a step takes."""


def start_regrading(conn: Connection, quiz: str, corrections: Sequence[ItemCorrection], call: Call) -> Regrading:
    """Begin to work out what attempts at a quiz would be worth. Raises NotFound, QuizRunning or RegradingOpen;
    InvalidRequest for the corrections.
    """
    pools.lock_authoring(conn, codes.district_of(quiz))
    found = quizzes.find_quiz(conn, quiz)
    if found is None or found.state == QuizState.QUIZ_STATE_DRAFT:
        raise NotFound(QUIZ.name(quiz))
    end = found.revision.close_time
    begins = found.state == QuizState.QUIZ_STATE_PUBLISHED and (end is None or call.now < end)
    if begins or store.has_open_attempts(conn, quiz):
        raise QuizRunning(found.name)
    other = store.find_open(conn, quiz)
    if other is not None:
        raise RegradingOpen(other.name)
    _require_revisions(conn, corrections)
    new = Regrading(
        id=f"{codes.district_of(quiz)}-{ids.new_id()}",
        quiz=quiz,
        corrections=tuple(corrections),
        create_time=call.now,
    )
    store.save_regrading(conn, new)
    steps.start(conn, CALCULATE, f"{CALCULATE} {new.id}", subject=new.name)
    return new


def require_regrading(conn: Connection, id_: str, call: Call) -> Regrading:
    """A regrading that the caller may see. Raises PermissionDenied or NotFound."""
    return _allowed(store.find_regrading(conn, id_), id_, call)


def apply_regrading(conn: Connection, id_: str, etag: str, call: Call) -> Regrading:
    """Have a regrading applied. Raises PermissionDenied, NotFound, StaleEtag or RegradingWrongState."""
    before = _allowed(store.lock_regrading(conn, id_), id_, call)
    if before.state in (_APPLYING, _APPLIED):
        return before
    require_fresh(before.name, before.etag, etag)
    if before.state != _READY:
        raise RegradingWrongState(before.name, before.state_name)
    after = before.moved(_APPLYING, call.now)
    store.save_regrading(conn, after)
    steps.start(conn, APPLY, f"{APPLY} {after.id}", subject=after.name, total=after.changed)
    return after


def discard_regrading(conn: Connection, id_: str, etag: str, call: Call) -> Regrading:
    """Discard a regrading. Raises PermissionDenied, NotFound, StaleEtag or RegradingWrongState."""
    before = _allowed(store.lock_regrading(conn, id_), id_, call)
    if before.state == _DISCARDED:
        return before
    require_fresh(before.name, before.etag, etag)
    if before.state in (_APPLYING, _APPLIED):
        raise RegradingWrongState(before.name, before.state_name)
    after = before.moved(_DISCARDED, call.now)
    store.save_regrading(conn, after)
    return after


def calculate_changes(conn: Connection, work: Work, now: datetime) -> Progress:
    """Look at the next attempts: what each would be worth."""
    of = store.lock_regrading(conn, REGRADING.id(work.subject))
    if of is None or of.state != _CALCULATING:
        return Progress(work.cursor, 0, finished=True)
    found = store.scored_attempts(conn, of.quiz, work.cursor.get("attempt", ""), _MOST)
    changes = _changes(conn, of, found)
    store.add_changes(conn, of, changes)
    counted = of.counted(len(found), changes)
    if len(found) == _MOST:
        store.save_regrading(conn, counted)
        return Progress({"attempt": found[-1].id}, len(found), finished=False)
    store.save_regrading(conn, counted.moved(_READY, now))
    return Progress(work.cursor, len(found), finished=True)


def apply_changes(conn: Connection, work: Work, now: datetime) -> Progress:
    """Give the next attempts their scores, and record what is passed by them."""
    of = store.lock_regrading(conn, REGRADING.id(work.subject))
    if of is None or of.state != _APPLYING:
        return Progress(work.cursor, 0, finished=True)
    last = work.cursor.get("attempt")
    changes = store.changes_page(conn, of.id, (last,) if last else (), _MOST)
    call = Call(caller=ANONYMOUS, now=now, method=APPLY, traceparent=work.traceparent)
    _give(conn, of, changes, call)
    if len(changes) == _MOST:
        return Progress({"attempt": changes[-1].attempt}, len(changes), finished=False)
    after = of.moved(_APPLIED, now)
    store.save_regrading(conn, after)
    event = QuizRegraded(quiz=QUIZ.name(of.quiz), regrading=of.name, changed=of.changed)
    outbox.append(conn, call, [(QUIZ.name(of.quiz), event)])
    return Progress(work.cursor, len(changes), finished=True)


def _changes(conn: Connection, of: Regrading, found: Sequence[Attempt]) -> list[Change]:
    corrections = store.applied_corrections(conn, of.quiz)
    corrections |= {(each.ref, each.revision): each for each in of.corrections}
    papers = attempts.papers_of(conn, [each.id for each in found])
    saves = attempts.counting_saves(conn, [each.id for each in found])
    wanted: set[ItemKey] = {key for paper in papers.values() for key in paper.items}
    wanted |= {(each.ref, each.key_revision) for each in corrections.values() if each.key_revision}
    items: Mapping[ItemKey, ItemRevision] = pools.item_revisions(conn, wanted)
    judged_by = quizzes.revisions_of(conn, {each.judged_by for each in found})
    worked_out = [
        regraded(
            each,
            papers[each.id],
            saves.get(each.id, ()),
            items,
            judged_by[each.judged_by],
            corrections,
        )
        for each in found
    ]
    return [each for each in worked_out if each is not None]


def _give(conn: Connection, by: Regrading, changes: Sequence[Change], call: Call) -> None:
    locked = attempts.lock_attempts(conn, [each.attempt for each in changes])
    given = [
        replace(locked[each.attempt], version=each.version + 1, score=each.after)
        for each in changes
        if each.attempt in locked and locked[each.attempt].version == each.version
    ]
    attempts.save_ended(conn, given)
    outbox.append(conn, call, [(each.name, attempt_messages.scored(each, call.now, by.name)) for each in given])
    # One that is not passed any more takes nothing away that was credited.
    judged_by = quizzes.revisions_of(conn, {each.judged_by for each in given})
    completed = [each.completion(judged_by[each.judged_by]) for each in given]
    complete(conn, [each for each in completed if each is not None], call)


def _require_revisions(conn: Connection, corrections: Sequence[ItemCorrection]) -> None:
    shown = {(each.ref, each.revision) for each in corrections}
    keys = {(each.ref, each.key_revision) for each in corrections if each.key_revision}
    items = pools.item_revisions(conn, shown | keys)
    for ref, number in sorted(shown | keys):
        if (ref, number) not in items:
            raise NotFound(f"{ref.name}@{number}")
    wrong = [FieldViolation(field, what) for field, what in violations_of(corrections, items)]
    if wrong:
        raise InvalidRequest(*wrong)


def _allowed(found: Regrading | None, id_: str, call: Call) -> Regrading:
    found = call.existing(found, REGRADING, id_)
    call.caller.require(call.permission, found.office)
    return found
