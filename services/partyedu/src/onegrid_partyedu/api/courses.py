"""The methods on courses."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.partyedu.v1 import course_methods_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import course_messages as messages
from onegrid_partyedu.authority import require_course
from onegrid_partyedu.commands import courses as commands
from onegrid_partyedu.course import COURSE
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import courses as store

__all__ = ["Courses"]


class Courses:
    """The methods on courses."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineCourse(self, request: pb.DefineCourseRequest, call: Call) -> bytes:
        asked = request.course
        command = commands.DefineCourse(
            id=COURSE.id(asked.name),
            display_name=asked.display_name,
            summary=asked.summary,
            organization=ORGANIZATION.id(asked.organization) if asked.organization else "",
            lessons=tuple(map(messages.lesson_of, asked.lessons)),
            credit_minutes=asked.credit_minutes,
            etag=asked.etag,
        )
        return await self._db.command(
            call,
            lambda conn: pb.DefineCourseResponse(course=messages.course(commands.define_course(conn, command, call))),
        )

    async def PublishCourse(self, request: pb.PublishCourseRequest, call: Call) -> bytes:
        id_ = COURSE.id(request.name)

        def publish(conn: Connection) -> pb.PublishCourseResponse:
            course = commands.publish_course(conn, id_, request.etag, call)
            return pb.PublishCourseResponse(course=messages.course(course))

        return await self._db.command(call, publish)

    async def RetireCourse(self, request: pb.RetireCourseRequest, call: Call) -> bytes:
        id_ = COURSE.id(request.name)

        def retire(conn: Connection) -> pb.RetireCourseResponse:
            course = commands.retire_course(conn, id_, request.etag, call)
            return pb.RetireCourseResponse(course=messages.course(course))

        return await self._db.command(call, retire)

    async def GetCourse(self, request: pb.GetCourseRequest, call: Call) -> pb.GetCourseResponse:
        found = await self._db.read(lambda conn: require_course(conn, COURSE.id(request.name), call))
        return pb.GetCourseResponse(course=messages.course(found))

    async def ListCourses(self, request: pb.ListCoursesRequest, call: Call) -> pb.ListCoursesResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.courses_page(conn, request.scope, request.state, after, limit),
            position=lambda course: (course.id,),
            message=messages.outline,
        )
        return pb.ListCoursesResponse(courses=page.items, next_page_token=page.next_token)
