"""The statements over courses and their lessons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.courses_pb2 import CourseState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.course import Course, Lesson, Media
from onegrid_partyedu.tables import course, lesson

__all__ = [
    "courses_page",
    "courses_with_quizzes",
    "find_course",
    "find_courses",
    "lock_course",
    "published_page",
    "save_course",
]

_c, _l = course.c, lesson.c


def find_course(conn: Connection, id_: str) -> Course | None:
    """The course of that id."""
    return find_courses(conn, [id_]).get(id_)


def find_courses(conn: Connection, ids: Collection[str]) -> dict[str, Course]:
    """These courses, by id, those that there are."""
    return {each.id: each for each in _courses(conn, _with_ids(ids))}


def lock_course(conn: Connection, id_: str) -> Course | None:
    """The course of that id, which nobody else changes until the transaction ends."""
    found = _courses(conn, _with_ids([id_]).with_for_update())
    return found[0] if found else None


def save_course(conn: Connection, changed: Course) -> bool:
    """Enter a course, or store it as it is now, with its lessons; False if somebody else entered it just now."""
    values = {
        "version": changed.version,
        "display_name": changed.display_name,
        "summary": changed.summary,
        "organization": changed.organization,
        "credit_minutes": changed.credit_minutes,
        "state": changed.state,
        "publish_time": changed.publish_time,
        "retire_time": changed.retire_time,
        "create_time": changed.create_time,
        "update_time": changed.update_time,
    }
    statement = insert(course).values(district=changed.district, id=changed.id, **values)
    stored = conn.execute(
        statement.on_conflict_do_update(
            index_elements=list(course.primary_key),
            set_={name: statement.excluded[name] for name in values},
            where=_c.version == changed.version - 1,
        )
    )
    if not stored.rowcount:
        return False
    conn.execute(delete(lesson).where(_l.district == changed.district, _l.course == changed.id))
    conn.execute(insert(lesson), [_values(changed, *each) for each in enumerate(changed.lessons)])
    return True


def courses_page(conn: Connection, scope: str, state: CourseState, after: Position, limit: int) -> list[Course]:
    """The courses of a place or department, and of those inside it, by id; in that state, if one is given."""
    query = select(course).where(_c.district == codes.district_of(scope), _c.id.startswith(scope), behind(after, _c.id))
    if state:
        query = query.where(_c.state == state)
    return _courses(conn, query.order_by(_c.id).limit(limit))


def courses_with_quizzes(conn: Connection, of: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of members, by id, and quizzes, by name: the members and the ids of the courses that have these quizzes."""
    if not of:
        return []
    districts = {codes.district_of(member) for member, _ in of}
    query = select(_l.course, _l.quiz).where(
        _l.district.in_(districts), _l.quiz.in_({quiz for _, quiz in of}), _l.quiz != ""
    )
    courses: dict[str, list[str]] = {}
    for row in conn.execute(query):
        courses.setdefault(row.quiz, []).append(row.course)
    return [(member, each) for member, quiz in of for each in courses.get(quiz, ())]


def published_page(conn: Connection, district: str, line: Collection[str], after: Position, limit: int) -> list[Course]:
    """The courses that are published for an organization, given by the ids of its line, by id."""
    query = select(course).where(
        _c.district == district,
        _c.state == CourseState.COURSE_STATE_PUBLISHED,
        _c.organization.in_(["", *line]),
        behind(after, _c.id),
    )
    return _courses(conn, query.order_by(_c.id).limit(limit))


def _with_ids(ids: Collection[str]) -> Select[Any]:
    return select(course).where(_c.district.in_({codes.district_of(each) for each in ids}), _c.id.in_(ids))


def _courses(conn: Connection, query: Select[Any]) -> list[Course]:
    rows = conn.execute(query).all()
    lessons: dict[str, list[Lesson]] = {row.id: [] for row in rows}
    if rows:
        of_these = tuple_(_l.district, _l.course).in_([(row.district, row.id) for row in rows])
        for each in conn.execute(select(lesson).where(of_these).order_by(_l.course, _l.position)):
            lessons[each.course].append(_lesson(each))
    return [_course(row, lessons[row.id]) for row in rows]


def _course(row: Any, lessons: Sequence[Lesson]) -> Course:
    return Course(
        id=row.id,
        version=row.version,
        display_name=row.display_name,
        summary=row.summary,
        organization=row.organization,
        lessons=tuple(lessons),
        credit_minutes=row.credit_minutes,
        state=row.state,
        publish_time=row.publish_time,
        retire_time=row.retire_time,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _lesson(row: Any) -> Lesson:
    media = None
    if row.media_uri:
        media = Media(
            uri=row.media_uri,
            media_type=row.media_type,
            size_bytes=row.media_size_bytes,
            sha256=bytes(row.media_sha256),
        )
    return Lesson(
        id=row.id,
        display_name=row.display_name,
        text=row.text,
        media=media,
        required_minutes=row.required_minutes,
        quiz=row.quiz,
    )


def _values(of: Course, position: int, each: Lesson) -> dict[str, object]:
    return {
        "district": of.district,
        "course": of.id,
        "id": each.id,
        "position": position,
        "display_name": each.display_name,
        "text": each.text,
        "media_uri": "" if each.media is None else each.media.uri,
        "media_type": "" if each.media is None else each.media.media_type,
        "media_size_bytes": 0 if each.media is None else each.media.size_bytes,
        "media_sha256": b"" if each.media is None else each.media.sha256,
        "required_minutes": each.required_minutes,
        "quiz": each.quiz,
    }
