"""The statements over quizzes and their revisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Select, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.quizzes_pb2 import QuizState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.item import ItemRef
from onegrid_partyedu.quiz import Drawn, Fixed, Quiz, QuizRevision, Section
from onegrid_partyedu.tables import quiz, quiz_pool, quiz_revision

__all__ = ["add_revision", "find_quiz", "published_with", "quizzes_page", "revisions_of", "revisions_page", "save_quiz"]


def find_quiz(conn: Connection, id_: str, revision: int = 0) -> Quiz | None:
    """The quiz, in its current revision or that one."""
    q, r = quiz.c, quiz_revision.c
    query = _quizzes(r.number == (revision or q.revision)).where(q.district == codes.district_of(id_), q.id == id_)
    row = conn.execute(query).one_or_none()
    return None if row is None else _quiz(row)


def revisions_of(conn: Connection, wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], QuizRevision]:
    """These revisions of quizzes, by the quiz's id and their numbers. A revision never changes."""
    if not wanted:
        return {}
    r = quiz_revision.c
    keys = [(codes.district_of(id_), id_, number) for id_, number in sorted(wanted)]
    rows = conn.execute(select(quiz_revision).where(tuple_(r.district, r.quiz, r.number).in_(keys)))
    found = [_revision(row) for row in rows]
    return {(each.quiz, each.number): each for each in found}


def save_quiz(conn: Connection, changed: Quiz) -> None:
    """Enter a quiz, or store where it stands now; its revisions have a statement of their own."""
    values = {
        "version": changed.version,
        "revision": changed.revision.number,
        "state": changed.state,
        "publish_time": changed.publish_time,
        "create_time": changed.create_time,
        "update_time": changed.update_time,
    }
    statement = insert(quiz).values(district=changed.district, id=changed.id, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=list(quiz.primary_key), set_=values))


def add_revision(conn: Connection, new: QuizRevision) -> None:
    """Enter a revision of a quiz, which is the current one from now on."""
    key = {"district": codes.district_of(new.quiz), "quiz": new.quiz}
    values = {
        **key,
        "number": new.number,
        "display_name": new.display_name,
        "description": new.description,
        "sections": [_stored(each) for each in new.sections],
        "shuffle_items": new.shuffle_items,
        "shuffle_options": new.shuffle_options,
        "minutes_allowed": new.minutes_allowed,
        "attempts_allowed": new.attempts_allowed,
        "pass_percent": new.pass_percent,
        "open_time": new.open_time,
        "close_time": new.close_time,
        "partial_credit": new.partial_credit,
        "review_content": new.review_content,
        "review_time": new.review_time,
        "study_minutes": new.study_minutes,
        "create_time": new.create_time,
    }
    conn.execute(insert(quiz_revision).values(values))
    conn.execute(delete(quiz_pool).where(quiz_pool.c.district == key["district"], quiz_pool.c.quiz == new.quiz))
    conn.execute(insert(quiz_pool).values([{**key, "pool": pool} for pool in sorted(new.pools)]))


def published_with(conn: Connection, pool: str) -> list[Quiz]:
    """The published quizzes that take items from a pool, by id."""
    q, p = quiz.c, quiz_pool.c
    query = (
        _quizzes(quiz_revision.c.number == q.revision)
        .join(quiz_pool, (p.district == q.district) & (p.quiz == q.id))
        .where(p.district == codes.district_of(pool), p.pool == pool, q.state == QuizState.QUIZ_STATE_PUBLISHED)
    )
    return [_quiz(row) for row in conn.execute(query.order_by(q.id))]


def quizzes_page(conn: Connection, scope: str, state: QuizState, after: Position, limit: int) -> list[Quiz]:
    """The quizzes of a place or department and of those inside it, by id; without a state all but the retired."""
    q = quiz.c
    stands = q.state == state if state else q.state != QuizState.QUIZ_STATE_RETIRED
    query = _quizzes(quiz_revision.c.number == q.revision).where(
        q.district == codes.district_of(scope), q.id.startswith(scope), stands, behind(after, q.id)
    )
    return [_quiz(row) for row in conn.execute(query.order_by(q.id).limit(limit))]


def revisions_page(conn: Connection, id_: str, after: Position, limit: int) -> list[Quiz]:
    """A quiz in its revisions, the latest first."""
    q, r = quiz.c, quiz_revision.c
    query = _quizzes(r.number > 0).where(q.district == codes.district_of(id_), q.id == id_)
    query = query.where(behind(after, r.number, descending=True))
    return [_quiz(row) for row in conn.execute(query.order_by(r.number.desc()).limit(limit))]


def _quizzes(number: Any) -> Select[Any]:
    """Quizzes with those of their revisions."""
    q, r = quiz.c, quiz_revision.c
    of_quiz = (
        q.version,
        q.state,
        q.publish_time,
        q.create_time.label("enter_time"),
        q.update_time,
    )
    return select(quiz_revision, *of_quiz).join(quiz, (q.district == r.district) & (q.id == r.quiz) & number)


def _quiz(row: Any) -> Quiz:
    return Quiz(
        version=row.version,
        revision=_revision(row),
        state=row.state,
        publish_time=row.publish_time,
        create_time=row.enter_time,
        update_time=row.update_time,
    )


def _revision(row: Any) -> QuizRevision:
    return QuizRevision(
        quiz=row.quiz,
        number=row.number,
        display_name=row.display_name,
        description=row.description,
        sections=tuple(map(_section, row.sections)),
        shuffle_items=row.shuffle_items,
        shuffle_options=row.shuffle_options,
        minutes_allowed=row.minutes_allowed,
        attempts_allowed=row.attempts_allowed,
        pass_percent=row.pass_percent,
        open_time=row.open_time,
        close_time=row.close_time,
        partial_credit=row.partial_credit,
        review_content=row.review_content,
        review_time=row.review_time,
        study_minutes=row.study_minutes,
        create_time=row.create_time,
    )


def _stored(of: Section) -> Mapping[str, Any]:
    source = of.source
    if isinstance(source, Drawn):
        what: Mapping[str, Any] = {"pool": source.pool, "count": source.count, "kind": int(source.kind)}
    else:
        what = {"items": [[ref.pool, ref.item] for ref in source.items]}
    return {"display_name": of.display_name, "points_each": of.points_each, **what}


def _section(stored: Mapping[str, Any]) -> Section:
    source: Fixed | Drawn
    if "items" in stored:
        source = Fixed(tuple(ItemRef(pool, item) for pool, item in stored["items"]))
    else:
        source = Drawn(stored["pool"], stored["count"], stored["kind"])
    return Section(display_name=stored["display_name"], points_each=stored["points_each"], source=source)
