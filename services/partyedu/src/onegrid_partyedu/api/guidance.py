"""The methods on guidance tasks."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.partyedu.v1 import guidance_methods_pb2 as pb
from onegrid.partyedu.v1 import guidance_pb2
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.timestamps import moment
from onegrid_partyedu import guidance_messages as messages
from onegrid_partyedu.authority import require_guidance
from onegrid_partyedu.commands import guidance as commands
from onegrid_partyedu.guidance import TASK, Assignment
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import guidance as store

__all__ = ["Guidance"]


class Guidance:
    """The methods on guidance tasks."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def SendGuidanceTask(self, request: pb.SendGuidanceTaskRequest, call: Call) -> bytes:
        command = commands.SendTask(
            sender=ORGANIZATION.id(request.sender),
            to_all_below=request.to_all_below,
            title=request.title,
            text=request.text,
            media=tuple(request.media),
            due_time=moment(request.due_time),
            report_wanted=request.report_wanted,
            upper=request.upper,
            article=request.article,
        )
        return await self._db.command(
            call,
            lambda conn: pb.SendGuidanceTaskResponse(task=messages.task(commands.send_task(conn, command, call))),
        )

    async def WithdrawGuidanceTask(self, request: pb.WithdrawGuidanceTaskRequest, call: Call) -> bytes:
        id_ = TASK.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.WithdrawGuidanceTaskResponse(
                task=messages.task(commands.withdraw_task(conn, id_, request.reason, call))
            ),
        )

    async def GetGuidanceTask(self, request: pb.GetGuidanceTaskRequest, call: Call) -> pb.GetGuidanceTaskResponse:
        def read(conn: Connection) -> pb.GetGuidanceTaskResponse:
            found = require_guidance(conn, TASK.id(request.name), call)
            sent = call.caller.may(call.permission, codes.office_of(found.sender))
            progress = store.progress_of(conn, found, call.now) if sent else ()
            return pb.GetGuidanceTaskResponse(task=messages.task(found), progress=map(messages.progress, progress))

        return await self._db.read(read)

    async def ListGuidanceTasks(self, request: pb.ListGuidanceTasksRequest, call: Call) -> pb.ListGuidanceTasksResponse:
        sender = ORGANIZATION.id(request.sender)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.tasks_page(conn, sender, after, limit),
            position=lambda task: (task.create_time, task.id),
            message=messages.task,
        )
        return pb.ListGuidanceTasksResponse(tasks=page.items, next_page_token=page.next_token)

    async def ListGuidanceAssignments(
        self, request: pb.ListGuidanceAssignmentsRequest, call: Call
    ) -> pb.ListGuidanceAssignmentsResponse:
        task, under = TASK.id(request.task), ORGANIZATION.id(request.below) if request.below else ""
        before = call.now if request.overdue_only else None
        of = await self._db.read(lambda conn: commands.require_task(conn, task, call))
        call.caller.require(call.permission, codes.office_of(of.sender))
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.assignments_page(conn, task, under, request.state, before, after, limit),
            position=lambda each: (each.organization,),
            message=lambda each: messages.assignment(each, call.now),
        )
        return pb.ListGuidanceAssignmentsResponse(assignments=page.items, next_page_token=page.next_token)

    async def ListOrganizationGuidance(
        self, request: pb.ListOrganizationGuidanceRequest, call: Call
    ) -> pb.ListOrganizationGuidanceResponse:
        id_ = ORGANIZATION.id(request.organization)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.organization_page(
                conn, id_, ended=request.show_ended, after=after, limit=limit
            ),
            position=lambda each: (each.task.create_time, each.task.id),
            message=lambda each: messages.assignment(each, call.now),
        )
        return pb.ListOrganizationGuidanceResponse(assignments=page.items, next_page_token=page.next_token)

    async def ListOverdueGuidance(
        self, request: pb.ListOverdueGuidanceRequest, call: Call
    ) -> pb.ListOverdueGuidanceResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.overdue_page(conn, request.scope, call.now, after, limit),
            position=lambda each: (each.task.due_time, each.task.id, each.organization),
            message=lambda each: messages.assignment(each, call.now),
        )
        return pb.ListOverdueGuidanceResponse(assignments=page.items, next_page_token=page.next_token)

    async def ReadGuidance(self, request: pb.ReadGuidanceRequest, call: Call) -> bytes:
        def read(conn: Connection) -> pb.ReadGuidanceResponse:
            return pb.ReadGuidanceResponse(assignment=_now(commands.read_guidance(conn, request.name, call), call))

        return await self._db.command(call, read)

    async def ReportGuidance(self, request: pb.ReportGuidanceRequest, call: Call) -> bytes:
        media = tuple(request.media)

        def report(conn: Connection) -> pb.ReportGuidanceResponse:
            after = commands.report_guidance(conn, request.name, request.report, media, request.etag, call)
            return pb.ReportGuidanceResponse(assignment=_now(after, call))

        return await self._db.command(call, report)

    async def AcceptGuidanceReport(self, request: pb.AcceptGuidanceReportRequest, call: Call) -> bytes:
        def accept(conn: Connection) -> pb.AcceptGuidanceReportResponse:
            after = commands.accept_report(conn, request.name, request.etag, call)
            return pb.AcceptGuidanceReportResponse(assignment=_now(after, call))

        return await self._db.command(call, accept)

    async def ReturnGuidanceReport(self, request: pb.ReturnGuidanceReportRequest, call: Call) -> bytes:
        def return_(conn: Connection) -> pb.ReturnGuidanceReportResponse:
            after = commands.return_report(conn, request.name, request.reason, request.etag, call)
            return pb.ReturnGuidanceReportResponse(assignment=_now(after, call))

        return await self._db.command(call, return_)


def _now(of: Assignment, call: Call) -> guidance_pb2.GuidanceAssignment:
    return messages.assignment(of, call.now)
