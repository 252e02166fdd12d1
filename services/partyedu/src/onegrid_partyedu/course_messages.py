"""Between the contract's messages and courses."""

from __future__ import annotations

from onegrid.partyedu.v1 import courses_pb2, events_pb2
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.course import Course, Lesson, Media
from onegrid_partyedu.organization import ORGANIZATION

__all__ = ["course", "course_defined", "lesson_of", "outline"]


def course(of: Course) -> courses_pb2.Course:
    """The course as a message."""
    return courses_pb2.Course(
        name=of.name,
        display_name=of.display_name,
        summary=of.summary,
        organization=ORGANIZATION.name(of.organization) if of.organization else "",
        lessons=map(_lesson, of.lessons),
        credit_minutes=of.credit_minutes,
        state=of.state,
        publish_time=timestamp(of.publish_time),
        retire_time=timestamp(of.retire_time),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def outline(of: Course) -> courses_pb2.Course:
    """The course without the texts of its lessons."""
    message = course(of)
    for lesson in message.lessons:
        lesson.ClearField("text")
    return message


def course_defined(of: Course) -> events_pb2.CourseDefined:
    """The course as others hear of it."""
    return events_pb2.CourseDefined(course=outline(of), version=of.version)


def lesson_of(message: courses_pb2.Lesson) -> Lesson:
    """The lesson that a message describes."""
    media = None
    if message.HasField("media"):
        media = Media(
            uri=message.media.uri,
            media_type=message.media.media_type,
            size_bytes=message.media.size_bytes,
            sha256=message.media.sha256,
        )
    return Lesson(
        id=message.id,
        display_name=message.display_name,
        text=message.text,
        media=media,
        required_minutes=message.required_minutes,
        quiz=message.quiz,
    )


def _lesson(of: Lesson) -> courses_pb2.Lesson:
    media = None
    if of.media is not None:
        media = courses_pb2.LessonMedia(
            uri=of.media.uri,
            media_type=of.media.media_type,
            size_bytes=of.media.size_bytes,
            sha256=of.media.sha256,
        )
    return courses_pb2.Lesson(
        id=of.id,
        display_name=of.display_name,
        text=of.text,
        media=media,
        required_minutes=of.required_minutes,
        quiz=of.quiz,
    )
