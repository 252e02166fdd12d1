"""Quizzes: entered, changed by new revisions, published, closed, retired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1.quizzes_pb2 import QuizState
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.persons import require_nobody
from onegrid_partyedu import quiz_messages as messages
from onegrid_partyedu.drawing import shortage
from onegrid_partyedu.errors import ItemRetired, PoolTooSmall, QuizOver, QuizWrongState
from onegrid_partyedu.item import POOL
from onegrid_partyedu.quiz import QUIZ, Quiz, QuizRevision, violations_of
from onegrid_partyedu.store import pools
from onegrid_partyedu.store import quizzes as store
from onegrid_partyedu.store.known import known_cells

__all__ = ["close_quiz", "define_quiz", "publish_quiz", "retire_quiz"]

READ_POOLS: Final = "partyedu.pools.read"
"""The permission over the place of a pool that a quiz takes items from."""

_DRAFT, _PUBLISHED = QuizState.QUIZ_STATE_DRAFT, QuizState.QUIZ_STATE_PUBLISHED
_CLOSED, _RETIRED = QuizState.QUIZ_STATE_CLOSED, QuizState.QUIZ_STATE_RETIRED


def define_quiz(conn: Connection, asked: QuizRevision, etag: str, call: Call) -> Quiz:
    """Enter a quiz as a draft, or make its next revision.

    Raises NotFound, StaleEtag, PermissionDenied, QuizWrongState, ItemRetired, PoolTooSmall or PersonInText;
    InvalidRequest for its sections or times.
    """
    require_nobody(partial(known_cells, conn), **dict(_texts(asked)))
    pools.lock_authoring(conn, codes.district_of(asked.quiz))
    before = store.find_quiz(conn, asked.quiz)
    require_fresh(QUIZ.name(asked.quiz), "" if before is None else before.etag, etag)
    if before is not None and before.state == _RETIRED:
        raise QuizWrongState(before.name, before.state_name)
    wrong = [FieldViolation(f"quiz.{field}", what) for field, what in violations_of(asked)]
    if wrong:
        raise InvalidRequest(*wrong)
    _require_pools(conn, asked, call)
    if before is None:
        after = Quiz(revision=asked, create_time=call.now, update_time=call.now)
    else:
        same = replace(asked, number=before.revision.number, create_time=before.revision.create_time)
        if same == before.revision:
            return before
        after = _next(replace(before, revision=replace(asked, number=before.revision.number + 1)), call)
    if after.state == _PUBLISHED:
        _require_filled(conn, after)
    store.add_revision(conn, after.revision)
    return _saved(conn, after, call)


def publish_quiz(conn: Connection, id_: str, etag: str, call: Call) -> Quiz:
    """Let members take a quiz. Raises NotFound, StaleEtag, QuizWrongState, QuizOver, ItemRetired or PoolTooSmall."""
    before = _locked(conn, id_, etag)
    if before.state == _PUBLISHED:
        return before
    if before.state == _RETIRED:
        raise QuizWrongState(before.name, before.state_name)
    end = before.revision.close_time
    if end is not None and end <= call.now:
        raise QuizOver(before.name)
    _require_filled(conn, before)
    return _saved(conn, _next(replace(before, state=_PUBLISHED, publish_time=call.now), call), call)


def close_quiz(conn: Connection, id_: str, etag: str, call: Call) -> Quiz:
    """End a published quiz. Raises NotFound, StaleEtag or QuizWrongState."""
    before = _locked(conn, id_, etag)
    if before.state == _CLOSED:
        return before
    if before.state != _PUBLISHED:
        raise QuizWrongState(before.name, before.state_name)
    return _saved(conn, _next(replace(before, state=_CLOSED), call), call)


def retire_quiz(conn: Connection, id_: str, etag: str, call: Call) -> Quiz:
    """Take a draft or a closed quiz out of use. Raises NotFound, StaleEtag or QuizWrongState."""
    before = _locked(conn, id_, etag)
    if before.state == _RETIRED:
        return before
    if before.state not in (_DRAFT, _CLOSED):
        raise QuizWrongState(before.name, before.state_name)
    return _saved(conn, _next(replace(before, state=_RETIRED), call), call)


def _locked(conn: Connection, id_: str, etag: str) -> Quiz:
    pools.lock_authoring(conn, codes.district_of(id_))
    found = store.find_quiz(conn, id_)
    if found is None:
        raise NotFound(QUIZ.name(id_))
    require_fresh(found.name, found.etag, etag)
    return found


def _require_pools(conn: Connection, asked: QuizRevision, call: Call) -> None:
    """Raise PermissionDenied or NotFound unless the quiz may take items from its pools, and they are there."""
    office = codes.office_of(asked.quiz)
    for id_ in sorted(asked.pools):
        keeper = codes.office_of(id_)
        # What is kept above is for all below it; another place has to let its pool be used.
        if not codes.contains(keeper, office):
            call.caller.require(READ_POOLS, keeper)
        if pools.find_pool(conn, id_) is None:
            raise NotFound(POOL.name(id_))
    found = pools.retired_among(conn, asked.items)
    for ref in asked.items:
        if ref not in found:
            raise NotFound(ref.name)


def _require_filled(conn: Connection, quiz: Quiz) -> None:
    """Raise ItemRetired or PoolTooSmall unless each of its sections has enough items."""
    retired = [ref.name for ref, out in pools.retired_among(conn, quiz.revision.items).items() if out]
    if retired:
        raise ItemRetired(quiz.name, retired)
    short = shortage(quiz.revision, pools.candidates_of(conn, quiz.revision.pools))
    if short is not None:
        raise PoolTooSmall(
            quiz.name, POOL.name(short.pool), section=short.section + 1, items=short.items, needed=short.needed
        )


def _next(of: Quiz, call: Call) -> Quiz:
    return replace(of, version=of.version + 1, update_time=call.now)


def _saved(conn: Connection, of: Quiz, call: Call) -> Quiz:
    store.save_quiz(conn, of)
    outbox.append(conn, call, [(of.name, messages.quiz_defined(of))])
    return of


def _texts(of: QuizRevision) -> Iterator[tuple[str, str]]:
    yield "quiz.display_name", of.display_name
    yield "quiz.description", of.description
    for position, section in enumerate(of.sections):
        yield f"quiz.sections[{position}].display_name", section.display_name
