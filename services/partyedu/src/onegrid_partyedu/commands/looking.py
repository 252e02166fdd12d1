"""What is looked at soon: sittings of which entries arrived, and courses that may be completed by now.

Everything follows from what is stored, so a look that is missed, repeated or late changes nothing that the next one
does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid_kit import ladder, steps
from onegrid_kit.names import ResourceName
from onegrid_kit.steps import Progress, Work
from onegrid_partyedu.course import COURSE, Course
from onegrid_partyedu.sitting import SITTING
from onegrid_partyedu.store import courses, study

__all__ = [
    "LOOK_AT_COURSE",
    "LOOK_AT_SITTING",
    "LOOK_AT_STUDY",
    "STUDY",
    "look_at_course",
    "look_at_course_soon",
    "look_at_quizzes",
    "look_at_sittings_soon",
    "look_at_study_soon",
]

STUDY: Final = ResourceName("members/{member}/courses/{course}")
LOOK_AT_STUDY: Final = "study"
LOOK_AT_SITTING: Final = "sitting"
LOOK_AT_COURSE: Final = "look at course"

_TOGETHER: Final = 1_000


def look_at_study_soon(conn: Connection, studies: Iterable[tuple[str, str]], now: datetime) -> None:
    """Have it looked at what these members completed of these courses, given by the ids of both."""
    # In one order, so that two transactions do not wait for one another.
    ladder.restart(conn, LOOK_AT_STUDY, sorted({STUDY.name(*each) for each in studies}), now)


def look_at_sittings_soon(conn: Connection, sittings: Iterable[tuple[str, str, str, str]], now: datetime) -> None:
    """Have these sittings judged: of member, course, lesson and id each."""
    ladder.restart(conn, LOOK_AT_SITTING, sorted({SITTING.name(*each) for each in sittings}), now)


def look_at_quizzes(conn: Connection, passed: Collection[tuple[str, str]], now: datetime) -> None:
    """Have it looked at what members completed by passing quizzes: by the member's id and the quiz's name."""
    look_at_study_soon(conn, courses.courses_with_quizzes(conn, passed), now)


def look_at_course_soon(conn: Connection, course: Course) -> None:
    """Have it looked at who completed a course by what it needs now."""
    steps.start(conn, LOOK_AT_COURSE, f"{course.name}/{course.version}", subject=course.name)


def look_at_course(conn: Connection, work: Work, now: datetime) -> Progress:
    """Have it looked at what some of those who began the course did of it."""
    course = COURSE.id(work.subject)
    students = study.students_after(conn, course, work.cursor.get("last", ""), _TOGETHER)
    look_at_study_soon(conn, ((each, course) for each in students), now)
    last = students[-1] if students else ""
    return Progress({"last": last}, len(students), finished=len(students) < _TOGETHER)
