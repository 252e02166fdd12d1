"""Courses over real gRPC and a real database."""

from __future__ import annotations

from typing import Any

import pytest

from onegrid.partyedu.v1.courses_pb2 import Course, CourseState, Lesson, LessonMedia
from onegrid.partyedu.v1.events_pb2 import CourseDefined
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.events import announced_as, forget_announced
from onegrid_kit.timestamps import moment

from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, Line
from .people import (
    CITIZEN,
    COMMUNITY,
    COMMUNITY_DESK,
    DISTRICT,
    KEEPER,
    OTHER_STREET_DESK,
    STREET,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)
from .writing import Writing, a_quiz, drawn

HISTORY = f"courses/{COMMUNITY}-history"
MARCH_QUIZ = f"quizzes/{COMMUNITY}-march"
VIDEO = LessonMedia(uri="study/2020/1.mp4", media_type="video/mp4", size_bytes=1_000_000, sha256=bytes(32))
LESSONS = [
    Lesson(id="founding", display_name="一大", text="1921年。", required_minutes=10),
    Lesson(id="march", display_name="长征", media=VIDEO, required_minutes=20, quiz=MARCH_QUIZ),
]


def course(name: str = HISTORY, **fields: Any) -> Course:
    """One of two lessons for a community, unless it is otherwise said."""
    given = {"display_name": "党史专题", "organization": COMMUNITY_COMMITTEE, "lessons": LESSONS, **fields}
    return Course(name=name, **given)


async def write_quiz(line: Line, name: str = MARCH_QUIZ) -> None:
    """Write the quiz that a lesson ends with, and publish it."""
    writing = Writing(line.api)
    await writing.pool_of(2)
    await writing.quiz(a_quiz(drawn(2), name=name), publish=True)


async def define(line: Line, of: Course) -> Course:
    """Define a course."""
    defined: Course = (await line.api.call(KEEPER, "DefineCourse", course=of)).course
    return defined


async def publish(line: Line, of: Course) -> Course:
    """Define a course and publish it, with the quiz of its lessons."""
    if any(each.quiz for each in of.lessons):
        await write_quiz(line)
    await define(line, of)
    published: Course = (await line.api.call(KEEPER, "PublishCourse", name=of.name)).course
    return published


async def test_a_course_is_written_published_changed_and_retired(line: Line) -> None:
    draft = await define(line, course(summary="为了什么。"))
    assert (draft.state, list(draft.lessons)) == (CourseState.COURSE_STATE_DRAFT, LESSONS)
    assert await define(line, course(summary="为了什么。")) == draft
    unknown = await line.refused(KEEPER, "PublishCourse", name=HISTORY)
    assert (unknown.reason, unknown.metadata["subjects"]) == ("SUBJECT_UNKNOWN", MARCH_QUIZ)
    await write_quiz(line)
    published = (await line.api.call(KEEPER, "PublishCourse", name=HISTORY, etag=draft.etag)).course
    assert (published.state, moment(published.publish_time)) == (
        CourseState.COURSE_STATE_PUBLISHED,
        line.clock.now(),
    )
    again = await line.api.call(KEEPER, "PublishCourse", name=HISTORY)
    assert again.course == published
    other = Lesson(id="war", display_name="抗战", text="1931年。", required_minutes=1, quiz=f"quizzes/{COMMUNITY}-war")
    unknown = await line.refused(KEEPER, "DefineCourse", course=course(lessons=[*LESSONS, other]))
    assert (unknown.reason, unknown.metadata["subjects"]) == ("SUBJECT_UNKNOWN", other.quiz)
    changed = await define(line, course(lessons=LESSONS[::-1], etag=published.etag))
    assert (changed.state, [each.id for each in changed.lessons]) == (published.state, ["march", "founding"])
    stale = await line.refused(KEEPER, "RetireCourse", name=HISTORY, etag=published.etag)
    assert stale.reason == "STALE_ETAG"
    retired = (await line.api.call(KEEPER, "RetireCourse", name=HISTORY)).course
    assert (await line.api.call(KEEPER, "RetireCourse", name=HISTORY)).course == retired
    for method, fields in (("PublishCourse", {"name": HISTORY}), ("DefineCourse", {"course": course()})):
        refused = await line.refused(KEEPER, method, **fields)
        assert (refused.reason, refused.metadata["state"]) == ("COURSE_WRONG_STATE", "RETIRED")
    for version, (event, state) in enumerate(
        zip(announced_as(line.engine, CourseDefined), [draft, published, changed, retired], strict=True), start=1
    ):
        assert (event.version, event.course.state) == (version, state.state)
        assert not any(each.text for each in event.course.lessons)


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"lessons": []}, "INVALID_REQUEST", "course.lessons"),
        ({"lessons": [LESSONS[0], LESSONS[0]]}, "INVALID_REQUEST", "course.lessons[1].id"),
        (
            {"lessons": [Lesson(id="none", display_name="空", required_minutes=1)]},
            "INVALID_REQUEST",
            "course.lessons[0]",
        ),
        (
            {"lessons": [Lesson(id="q", display_name="测", text="x", required_minutes=1, quiz="quizzes/210603-q")]},
            "INVALID_REQUEST",
            "course.lessons[0].quiz",
        ),
        (
            {"lessons": [Lesson(id="p", display_name="课", text="电话13904151234", required_minutes=1)]},
            "PERSON_IN_TEXT",
            "course.lessons[0].text",
        ),
        ({"organization": "organizations/210603-committee"}, "INVALID_REQUEST", "course.organization"),
        ({"organization": f"organizations/{DISTRICT}-nobody"}, "NOT_FOUND", None),
        (
            {"lessons": [Lesson(id="f", display_name="课", media=LessonMedia(uri="ftp://x"), required_minutes=1)]},
            "INVALID_REQUEST",
            "course.lessons[0].media.uri",
        ),
    ],
)
async def test_a_course_that_cannot_be_studied_is_refused(
    line: Line, fields: dict[str, Any], reason: str, field: str | None
) -> None:
    refused = await line.refused(KEEPER, "DefineCourse", course=course(**fields))
    assert refused.reason == reason
    assert field is None or field in refused.fields


async def test_a_course_is_for_whom_its_author_may_speak_to(line: Line) -> None:
    defined = await line.api.call(COMMUNITY_DESK, "DefineCourse", course=course())
    assert defined.course.organization == COMMUNITY_COMMITTEE
    for of in (course(organization=""), course(organization=OTHER_COMMITTEE)):
        refused = await line.refused(COMMUNITY_DESK, "DefineCourse", course=of)
        assert refused.reason == "PERMISSION_DENIED"
    for caller in (OTHER_STREET_DESK, WORKER, CITIZEN, SUPERVISOR):
        refused = await line.refused(caller, "DefineCourse", course=course())
        assert refused.reason == "PERMISSION_DENIED"


async def test_members_see_what_is_published_for_them(line: Line) -> None:
    line.know("users/000studies")
    line.know("users/00elsewhere")
    await line.admit(BRANCH, user="users/000studies")
    await line.admit(OTHER_COMMITTEE, person_name="李秀英", user="users/00elsewhere")
    member, other = public("000studies", DISTRICT), public("00elsewhere", DISTRICT)
    await define(line, course())
    assert (await line.refused(member, "GetCourse", name=HISTORY)).reason == "PERMISSION_DENIED"
    await write_quiz(line)
    published = (await line.api.call(KEEPER, "PublishCourse", name=HISTORY)).course
    assert (await line.api.call(member, "GetCourse", name=HISTORY)).course == published
    for caller in (other, CITIZEN):
        assert (await line.refused(caller, "GetCourse", name=HISTORY)).reason == "PERMISSION_DENIED"
    await line.api.call(KEEPER, "RetireCourse", name=HISTORY)
    assert (await line.refused(member, "GetCourse", name=HISTORY)).reason == "PERMISSION_DENIED"
    assert (await line.api.call(STREET_DESK, "GetCourse", name=HISTORY)).course.etag != published.etag


async def test_courses_are_listed_by_place_and_state_without_their_texts(line: Line) -> None:
    forget_announced(line.engine)
    street = f"courses/{STREET}-law"
    await publish(line, course(street, organization=""))
    await define(line, course())

    async def listed(scope: str, **fields: object) -> list[str]:
        answer = await line.api.call(SUPERVISOR, "ListCourses", scope=scope, **fields)
        assert not any(lesson.text for each in answer.courses for lesson in each.lessons)
        return [each.name for each in answer.courses]

    assert await listed(DISTRICT) == [street, HISTORY]
    assert await listed(COMMUNITY) == [HISTORY]
    assert await listed(DISTRICT, state=CourseState.COURSE_STATE_PUBLISHED) == [street]
