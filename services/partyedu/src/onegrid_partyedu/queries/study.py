"""How far members are with courses, and whether they can study them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from onegrid.partyedu.v1.courses_pb2 import CourseState
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound, PermissionDenied
from onegrid_kit.paging import Position
from onegrid_partyedu.authority import require_member
from onegrid_partyedu.completion import year_of
from onegrid_partyedu.course import COURSE, LESSON, Course
from onegrid_partyedu.course_progress import CourseCounts, CourseProgress, progress_of
from onegrid_partyedu.errors import CourseWrongState
from onegrid_partyedu.member import ME, MEMBER, Member
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import courses, members, organizations, study

__all__ = ["count_progress", "course_progress", "progress_page", "require_studying"]


def require_studying(conn: Connection, course: str, lesson: str, call: Call) -> None:
    """Raise NotFound, CourseWrongState or PermissionDenied if the caller can't study the lesson."""
    own = members.find_member_of(conn, call.caller.district, call.caller.user)
    if own is None:
        raise NotFound(MEMBER.name(ME))
    found = _visible(conn, course)
    if not found.is_for(organizations.line_of(conn, own.organization)):
        raise PermissionDenied(call.permission)
    if not found.is_published:
        raise CourseWrongState(found.name, found.state_name)
    if lesson not in {each.id for each in found.lessons}:
        raise NotFound(LESSON.name(course, lesson))


def course_progress(conn: Connection, member: str, course: str, call: Call) -> CourseProgress:
    """How far a member is with a course. Raises PermissionDenied or NotFound."""
    own = require_member(conn, member, call)
    found = _visible(conn, course)
    progress = _progress(conn, own, [found], call.now)[0]
    if not progress.is_begun and not found.is_for(organizations.line_of(conn, own.organization)):
        raise NotFound(found.name)
    return progress


def progress_page(conn: Connection, member: str, call: Call, after: Position, limit: int) -> Sequence[CourseProgress]:
    """The courses that are published for a member, by id, each with how far the member is. Raises PermissionDenied or
    NotFound.
    """
    own = require_member(conn, member, call)
    line = organizations.line_of(conn, own.organization)
    return _progress(conn, own, courses.published_page(conn, own.district, line, after, limit), call.now)


def count_progress(conn: Connection, organization: str, course: str, year: int, now: datetime) -> CourseCounts:
    """How many members of an organization, and of those below it, the course is for, how many of them began it, and
    how many completed it in a year; 0: in this one. Raises NotFound.
    """
    if organizations.find_organization(conn, organization) is None:
        raise NotFound(ORGANIZATION.name(organization))
    found = _visible(conn, course)
    if not found.is_for(organizations.line_of(conn, organization)):
        # It is for fewer than are asked for, or for others.
        if organization not in organizations.line_of(conn, found.organization):
            return CourseCounts()
        organization = found.organization
    return study.count_progress(conn, organization, found.id, found.name, year or year_of(now))


def _visible(conn: Connection, id_: str) -> Course:
    found = courses.find_course(conn, id_)
    if found is None or found.state == CourseState.COURSE_STATE_DRAFT:
        raise NotFound(COURSE.name(id_))
    return found


def _progress(conn: Connection, of: Member, found: Sequence[Course], now: datetime) -> list[CourseProgress]:
    subjects = {each.name for each in found} | {lesson.quiz for each in found for lesson in each.lessons if lesson.quiz}
    evidence = study.evidence_of(conn, [of.id], subjects)[of.id]
    return [progress_of(of.id, each, evidence, now) for each in found]
