"""Courses: written, published, retired."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from onegrid.partyedu.v1.courses_pb2 import CourseState
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import Conflict, FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.persons import require_nobody
from onegrid_partyedu import course_messages
from onegrid_partyedu.commands.looking import look_at_course_soon
from onegrid_partyedu.commands.organizations import require_existing
from onegrid_partyedu.course import COURSE, Course, Lesson, violations_of
from onegrid_partyedu.errors import CourseWrongState, SubjectUnknown
from onegrid_partyedu.store import courses as store
from onegrid_partyedu.store.known import known_cells
from onegrid_partyedu.store.organizations import hold_line
from onegrid_partyedu.store.subjects import missing

__all__ = ["DefineCourse", "define_course", "publish_course", "retire_course"]

_RETIRED = CourseState.COURSE_STATE_RETIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineCourse:
    """A course as it is to be."""

    id: str
    display_name: str
    summary: str
    organization: str
    """The id of the organization whose line it is for; empty: all of the district."""
    lessons: tuple[Lesson, ...]
    credit_minutes: int
    etag: str


def define_course(conn: Connection, command: DefineCourse, call: Call) -> Course:
    """Enter a course, or make it what it is to be.

    Raises StaleEtag, NotFound, PermissionDenied, OrganizationDissolved, CourseWrongState, SubjectUnknown,
    PersonInText or InvalidRequest.
    """
    hold_line(conn, codes.district_of(command.id))
    before = store.lock_course(conn, command.id)
    require_fresh(COURSE.name(command.id), "" if before is None else before.etag, command.etag)
    fields = {
        "display_name": command.display_name,
        "summary": command.summary,
        "organization": command.organization,
        "lessons": command.lessons,
        "credit_minutes": command.credit_minutes,
    }
    if before is None:
        after = Course(id=command.id, create_time=call.now, update_time=call.now, **fields)  # type: ignore[arg-type]
    elif before.state == _RETIRED:
        raise CourseWrongState(before.name, before.state_name)
    else:
        after = before.changed(call.now, **fields)
    _require_right(conn, after)
    _require_audience(conn, after, call)
    if after.is_published:
        _require_quizzes(conn, after)
    if before is not None and after == before.changed(call.now):
        return before
    saved = _saved(conn, after, call)
    if saved.is_published:
        look_at_course_soon(conn, saved)
    return saved


def publish_course(conn: Connection, id_: str, etag: str, call: Call) -> Course:
    """Have members study a course. Raises NotFound, StaleEtag, CourseWrongState, OrganizationDissolved,
    PermissionDenied or SubjectUnknown.
    """
    hold_line(conn, codes.district_of(id_))
    before = _locked(conn, id_, etag)
    _require_audience(conn, before, call)
    if before.is_published:
        return before
    if before.state == _RETIRED:
        raise CourseWrongState(before.name, before.state_name)
    _require_quizzes(conn, before)
    after = before.changed(call.now, state=CourseState.COURSE_STATE_PUBLISHED, publish_time=call.now)
    return _saved(conn, after, call)


def retire_course(conn: Connection, id_: str, etag: str, call: Call) -> Course:
    """Have nobody study a course any more. Raises NotFound or StaleEtag."""
    before = _locked(conn, id_, etag)
    if before.state == _RETIRED:
        return before
    return _saved(conn, before.changed(call.now, state=_RETIRED, retire_time=call.now), call)


def _locked(conn: Connection, id_: str, etag: str) -> Course:
    found = store.lock_course(conn, id_)
    if found is None:
        raise NotFound(COURSE.name(id_))
    require_fresh(found.name, found.etag, etag)
    return found


def _require_right(conn: Connection, course: Course) -> None:
    wrong = [FieldViolation(f"course.{field}", what) for field, what in violations_of(course)]
    if wrong:
        raise InvalidRequest(*wrong)
    texts = {"course.display_name": course.display_name, "course.summary": course.summary}
    for position, lesson in enumerate(course.lessons):
        texts[f"course.lessons[{position}].display_name"] = lesson.display_name
        texts[f"course.lessons[{position}].text"] = lesson.text
    require_nobody(partial(known_cells, conn), **texts)


def _require_quizzes(conn: Connection, course: Course) -> None:
    quizzes = {each.quiz for each in course.lessons if each.quiz}
    if unknown := missing(conn, course.district, quizzes):
        raise SubjectUnknown(unknown)


def _require_audience(conn: Connection, course: Course, call: Call) -> None:
    if not course.organization:
        call.caller.require(call.permission, course.district)
        return
    require_existing(conn, course.organization)
    # Within its own place a course is for whom its office says; others have to let it.
    if not codes.contains(course.office, codes.office_of(course.organization)):
        call.caller.require(call.permission, codes.office_of(course.organization))


def _saved(conn: Connection, course: Course, call: Call) -> Course:
    if not store.save_course(conn, course):
        raise Conflict
    outbox.append(conn, call, [(course.name, course_messages.course_defined(course))])
    return course
