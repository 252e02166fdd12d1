"""The methods on study."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.field.v1.field_pb2 import BatchResult
from onegrid.partyedu.v1 import study_methods_pb2 as pb
from onegrid_kit import codes
from onegrid_kit.batches import Item, VersionChanged
from onegrid_kit.callers import Call
from onegrid_kit.clock import CHINA
from onegrid_kit.errors import Conflict
from onegrid_kit.field.counting import begin_counting, count_entries
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import study_messages as messages
from onegrid_partyedu.commands.study_entries import append_entries
from onegrid_partyedu.completion import year_of
from onegrid_partyedu.course import COURSE, LESSON
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.queries import study as queries
from onegrid_partyedu.store.study import report_study
from onegrid_partyedu.study_time import REPORT_INTERVAL

__all__ = ["Study"]

_REPORTED: Final = pb.ReportStudyResponse(report_interval=messages.duration(REPORT_INTERVAL))


class Study:
    """The methods on study."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._reports = runtime.db.batched(report_study, name="report_study")
        begin_counting("partyedu")

    async def ReportStudy(self, request: pb.ReportStudyRequest, call: Call) -> bytes:
        call.caller.require(call.permission, owner=call.caller.user)
        course, lesson = LESSON.ids(request.lesson)
        row = {
            "district": codes.district_of(course),
            "course": course,
            "lesson": lesson,
            "device": request.device,
            "year_begin": datetime(year_of(call.now), 1, 1, tzinfo=CHINA),
        }
        try:
            return await self._reports.run(Item(call, row, None, _REPORTED))
        except VersionChanged:
            await self._db.read(lambda conn: queries.require_studying(conn, course, lesson, call))
            raise Conflict from None

    async def AppendStudyEntries(self, request: pb.AppendStudyEntriesRequest, call: Call) -> bytes:
        done: list[BatchResult] = []

        def append(conn: Connection) -> pb.AppendStudyEntriesResponse:
            done.append(append_entries(conn, request.batch, call))
            return pb.AppendStudyEntriesResponse(result=done[-1])

        answer = await self._db.command(call, append)
        count_entries("partyedu", done[-1])
        return answer

    async def GetCourseProgress(self, request: pb.GetCourseProgressRequest, call: Call) -> pb.GetCourseProgressResponse:
        member, course = MEMBER.id(request.member), COURSE.id(request.course)
        found = await self._db.read(lambda conn: queries.course_progress(conn, member, course, call))
        return pb.GetCourseProgressResponse(progress=messages.course_progress(found))

    async def ListCourseProgress(
        self, request: pb.ListCourseProgressRequest, call: Call
    ) -> pb.ListCourseProgressResponse:
        member = MEMBER.id(request.member)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.progress_page(conn, member, call, after, limit),
            position=lambda each: (each.course.id,),
            message=messages.course_progress,
        )
        return pb.ListCourseProgressResponse(courses=page.items, next_page_token=page.next_token)

    async def CountCourseProgress(
        self, request: pb.CountCourseProgressRequest, call: Call
    ) -> pb.CountCourseProgressResponse:
        organization, course = ORGANIZATION.id(request.organization), COURSE.id(request.course)
        counts = await self._db.read(
            lambda conn: queries.count_progress(conn, organization, course, request.year, call.now)
        )
        return pb.CountCourseProgressResponse(counts=messages.course_counts(request.organization, counts))
