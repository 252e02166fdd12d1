"""Courses (课程) and their lessons (课时), as the rules see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid.partyedu.v1.courses_pb2 import CourseState
from onegrid_kit import codes
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName
from onegrid_partyedu.quiz import QUIZ

__all__ = ["COURSE", "LESSON", "Course", "Lesson", "Media", "violations_of"]

COURSE: Final = ResourceName("courses/{course}")
LESSON: Final = ResourceName("courses/{course}/lessons/{lesson}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What is known of a file of a lesson."""

    uri: str
    media_type: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A lesson."""

    id: str
    display_name: str
    text: str = ""
    media: Media | None = None
    required_minutes: int
    quiz: str = ""
    """``quizzes/{quiz}``; empty: none."""

    @property
    def required_time(self) -> timedelta:
        """How long it needs."""
        return timedelta(minutes=self.required_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course."""

    id: str
    version: int = 1
    display_name: str
    summary: str
    organization: str
    """The id of the organization whose line it is for; empty: all of the district."""
    lessons: tuple[Lesson, ...]
    """In order."""
    credit_minutes: int
    state: CourseState = CourseState.COURSE_STATE_DRAFT
    publish_time: datetime | None = None
    retire_time: datetime | None = None
    create_time: datetime
    update_time: datetime

    @property
    def office(self) -> str:
        """The code of the place or department that offers it."""
        return codes.office_of(self.id)

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``courses/{course}``."""
        return COURSE.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    @property
    def state_name(self) -> str:
        """``PUBLISHED``."""
        return short_name(CourseState, self.state)

    @property
    def is_published(self) -> bool:
        """Whether members study it."""
        return self.state == CourseState.COURSE_STATE_PUBLISHED

    @property
    def credit(self) -> int:
        """How many minutes its completion is credited with."""
        return self.credit_minutes or sum(each.required_minutes for each in self.lessons)

    def is_for(self, line: list[str]) -> bool:
        """Whether it is for members of an organization, given by the ids of the organization and of those above it."""
        return not self.organization or self.organization in line

    def changed(self, now: datetime, **fields: object) -> Course:
        """The course with these fields, one version on."""
        return replace(self, version=self.version + 1, update_time=now, **fields)  # type: ignore[arg-type]


def violations_of(course: Course) -> Iterator[tuple[str, str]]:
    """What is wrong with the course: the field, and what."""
    if course.organization and codes.district_of(course.organization) != course.district:
        yield "organization", "is of another district"
    seen: set[str] = set()
    for position, lesson in enumerate(course.lessons):
        field = f"lessons[{position}]"
        if lesson.id in seen:
            yield f"{field}.id", "comes twice"
        seen.add(lesson.id)
        if not lesson.text and lesson.media is None:
            yield field, "has neither text nor media"
        if lesson.quiz and codes.district_of(QUIZ.id(lesson.quiz)) != course.district:
            yield f"{field}.quiz", "is of another district"
