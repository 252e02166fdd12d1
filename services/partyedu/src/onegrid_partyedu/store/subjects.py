"""What there is that members can complete."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, select, true

from onegrid.partyedu.v1.courses_pb2 import CourseState
from onegrid.partyedu.v1.meetings_pb2 import MeetingState
from onegrid.partyedu.v1.quizzes_pb2 import QuizState
from onegrid_kit.names import ResourceName
from onegrid_partyedu.completion import TRAINING
from onegrid_partyedu.course import COURSE
from onegrid_partyedu.meeting import MEETING
from onegrid_partyedu.quiz import QUIZ
from onegrid_partyedu.tables import course, meeting, quiz, training

__all__ = ["missing"]

# Who passed a quiz before it was closed has completed it.
_OPEN: Final[Mapping[ResourceName, tuple[Table, ColumnElement[Any]]]] = {
    COURSE: (course, course.c.state == CourseState.COURSE_STATE_PUBLISHED),
    QUIZ: (quiz, quiz.c.state.in_((QuizState.QUIZ_STATE_PUBLISHED, QuizState.QUIZ_STATE_CLOSED))),
    TRAINING: (training, true()),
    MEETING: (meeting, meeting.c.state != MeetingState.MEETING_STATE_CANCELLED),
}


def missing(conn: Connection, district: str, subjects: Collection[str], line: Collection[str] = ()) -> list[str]:
    """Those of the subjects, given by their names, that not everybody can complete below an organization, given by the
    ids of its line: there is no such course, quiz, training or meeting, it is a draft, was retired or cancelled, or the
    course is for others.
    """
    there: set[str] = set()
    for kind, (table, is_open) in _OPEN.items():
        collection = kind.name("")
        ids = [each.removeprefix(collection) for each in subjects if each.startswith(collection)]
        if ids:
            query = select(table.c.id).where(table.c.district == district, table.c.id.in_(ids), is_open)
            if table is course:
                query = query.where(course.c.organization.in_(["", *line]))
            there.update(map(kind.name, conn.execute(query).scalars()))
    return sorted(set(subjects) - there)
