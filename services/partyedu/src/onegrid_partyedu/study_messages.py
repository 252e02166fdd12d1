"""Between the contract's messages and study."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from onegrid.partyedu.v1 import study_pb2
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.course import LESSON
from onegrid_partyedu.course_progress import CourseCounts, CourseProgress, LessonProgress
from onegrid_partyedu.member import MEMBER

__all__ = ["course_counts", "course_progress", "duration"]


def course_progress(of: CourseProgress) -> study_pb2.CourseProgress:
    """How far a member is with a course, as a message."""
    return study_pb2.CourseProgress(
        member=MEMBER.name(of.member),
        course=of.course.name,
        course_display_name=of.course.display_name,
        credit_minutes=of.course.credit,
        lessons=(_lesson(of.course.id, each) for each in of.lessons),
        complete_time=timestamp(of.complete_time),
    )


def course_counts(organization: str, of: CourseCounts) -> study_pb2.CourseCounts:
    """How many study a course, as a message, for an organization, given by its name."""
    return study_pb2.CourseCounts(organization=organization, members=of.members, begun=of.begun, completed=of.completed)


def duration(of: timedelta) -> Duration:
    """The time as a message."""
    message = Duration()
    message.FromTimedelta(of)
    return message


def _lesson(course: str, of: LessonProgress) -> study_pb2.LessonProgress:
    return study_pb2.LessonProgress(
        lesson=LESSON.name(course, of.lesson.id),
        display_name=of.lesson.display_name,
        required_time=duration(of.lesson.required_time),
        study_time=duration(of.study_time),
        quiz=of.lesson.quiz,
        pass_time=timestamp(of.pass_time),
        complete_time=timestamp(of.complete_time),
    )
