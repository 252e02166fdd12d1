"""Courses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.partyedu.v1 import course_methods_pb2 as pb
from onegrid.partyedu.v1.courses_pb2 import Course, Lesson
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists", "published"]

_numbers = itertools.count(1)


def a_course(office: str = DISTRICT) -> Course:
    """One that is not entered yet, for all of the district."""
    lesson = Lesson(id="first", display_name="第一课", text="一九二一年七月。", required_minutes=1)
    return Course(name=f"courses/{office}-c{next(_numbers)}", display_name="党史专题", lessons=[lesson])


def course(district: District, office: str = DISTRICT) -> Course:
    """A new draft."""
    return district.do(pb.DefineCourseRequest(course=a_course(office)), "admin", pb.DefineCourseResponse).course


def published(district: District, office: str = DISTRICT) -> Course:
    """A new one that is published."""
    request = pb.PublishCourseRequest(name=course(district, office).name)
    return district.do(request, "admin", pb.PublishCourseResponse).course


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    name = course(district, place).name if there else a_course(place).name
    other = a_course(place)
    other.name = name
    yield pb.DefineCourseRequest(course=other)
    yield pb.PublishCourseRequest(name=name)
    yield pb.RetireCourseRequest(name=name)
    yield pb.GetCourseRequest(name=name)
    yield pb.ListCoursesRequest(scope=place)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    for office in (STREET, STREET, STREET, DISTRICT):
        course(district, office)
    return {"ListCourses": (pb.ListCoursesRequest(scope=STREET), pb.ListCoursesRequest(scope=DISTRICT))}


def publishing(district: District) -> tuple[str, Message]:
    new = course(district)
    return "admin", pb.PublishCourseRequest(name=new.name, etag=new.etag)


def retiring(district: District) -> tuple[str, Message]:
    new = published(district)
    return "admin", pb.RetireCourseRequest(name=new.name, etag=new.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineCourse": lambda _: ("admin", pb.DefineCourseRequest(course=a_course())),
    "PublishCourse": publishing,
    "RetireCourse": retiring,
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineCourse": lambda request: setattr(request.course, "display_name", "别的"),  # type: ignore[attr-defined]
}
"""Something of each request that can be other without breaking its rules."""
