"""How far members are with courses: a pure function of what they studied and passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from onegrid_kit.clock import CHINA
from onegrid_partyedu.completion import year_of
from onegrid_partyedu.course import LESSON, Course, Lesson
from onegrid_partyedu.study_time import Interval, clipped, credited, duration, reached

__all__ = ["CourseCounts", "CourseProgress", "Evidence", "LessonProgress", "progress_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a member's study."""

    studied: Mapping[str, Iterable[Interval]] = field(default_factory=dict)
    """When which lesson was studied, of all courses: by the lessons' names."""
    done: Mapping[str, datetime] = field(default_factory=dict)
    """When lessons were done, as it was found before: by the lessons' names."""
    completed: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    """When courses were completed, and quizzes passed: by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonProgress:
    """What a member did of a lesson."""

    lesson: Lesson
    study_time: timedelta
    pass_time: datetime | None
    """When its quiz was passed; None: not yet, or it has none."""
    complete_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseProgress:
    """What a member did of a course."""

    member: str
    """The member's id."""
    course: Course
    lessons: tuple[LessonProgress, ...]
    complete_time: datetime | None
    """When it was completed this year, as is recorded."""

    @property
    def is_begun(self) -> bool:
        """Whether anything was done of it."""
        return self.complete_time is not None or any(
            each.study_time or each.complete_time is not None for each in self.lessons
        )

    @property
    def finish_time(self) -> datetime | None:
        """When the last of its lessons was done; None: some are not."""
        times = [each.complete_time for each in self.lessons if each.complete_time is not None]
        return max(times) if len(times) == len(self.lessons) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseCounts:
    """How many members of an organization, and of those below it, study a course."""

    members: int = 0
    begun: int = 0
    completed: int = 0
    """In a year."""


def progress_of(member: str, course: Course, evidence: Evidence, now: datetime) -> CourseProgress:
    """How far a member, given by the id, is with a course this year.

    What was done until the end of a year in which the course was completed counts no more after it.
    """
    completed = evidence.completed.get(course.name, ())
    before = [year_of(each) for each in completed if year_of(each) < year_of(now)]
    since = datetime(max(before) + 1, 1, 1, tzinfo=CHINA) if before else None
    times = credited(evidence.studied)
    return CourseProgress(
        member=member,
        course=course,
        lessons=tuple(_lesson(course, each, times, evidence, since) for each in course.lessons),
        complete_time=min((each for each in completed if year_of(each) == year_of(now)), default=None),
    )


def _lesson(
    course: Course,
    lesson: Lesson,
    times: Mapping[str, tuple[Interval, ...]],
    evidence: Evidence,
    since: datetime | None,
) -> LessonProgress:
    name = LESSON.name(course.id, lesson.id)
    studied = clipped(times.get(name, ()), since)
    passed = (each for each in evidence.completed.get(lesson.quiz, ()) if since is None or each >= since)
    pass_time = min(passed, default=None)
    done = evidence.done.get(name)
    if done is None or (since is not None and done < since):
        done = reached(studied, lesson.required_time)
        if done is not None and lesson.quiz:
            done = None if pass_time is None else max(done, pass_time)
    return LessonProgress(lesson=lesson, study_time=duration(studied), pass_time=pass_time, complete_time=done)
