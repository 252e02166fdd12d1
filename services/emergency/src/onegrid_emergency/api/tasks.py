"""The tasks of incidents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import incident_methods_pb2 as pb
from onegrid_emergency import messages
from onegrid_emergency.commands import tasks as commands
from onegrid_emergency.incident import INCIDENT
from onegrid_emergency.incident_task import TASK, Task
from onegrid_emergency.settings import EmergencySettings
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Tasks"]

C = TypeVar("C")


class Tasks:
    """The methods on tasks."""

    def __init__(self, runtime: Runtime[EmergencySettings]) -> None:
        self._db = runtime.db

    async def AssignTask(self, request: pb.AssignTaskRequest, call: Call) -> bytes:
        within = request.acknowledge_within.ToTimedelta() if request.HasField("acknowledge_within") else None
        command = commands.AssignTask(
            incident=INCIDENT.id(request.incident),
            assignee=request.assignee,
            instruction=request.instruction,
            acknowledge_within=within,
            due_time=request.due_time.ToDatetime(UTC) if request.HasField("due_time") else None,
        )
        return await self._change(call, pb.AssignTaskResponse, commands.assign_task, command)

    async def AcknowledgeTask(self, request: pb.AcknowledgeTaskRequest, call: Call) -> bytes:
        command = commands.ActOnTask(task=TASK.id(request.name))
        return await self._change(call, pb.AcknowledgeTaskResponse, commands.acknowledge_task, command)

    async def ReportTaskProgress(self, request: pb.ReportTaskProgressRequest, call: Call) -> bytes:
        command = commands.ActOnTask(task=TASK.id(request.name), report=request.report)
        return await self._change(call, pb.ReportTaskProgressResponse, commands.report_task_progress, command)

    async def CompleteTask(self, request: pb.CompleteTaskRequest, call: Call) -> bytes:
        command = commands.ActOnTask(task=TASK.id(request.name), report=request.report)
        return await self._change(call, pb.CompleteTaskResponse, commands.complete_task, command)

    async def CancelTask(self, request: pb.CancelTaskRequest, call: Call) -> bytes:
        command = commands.ActOnTask(task=TASK.id(request.name), report=request.reason)
        return await self._change(call, pb.CancelTaskResponse, commands.cancel_task, command)

    async def _change(
        self, call: Call, response: Callable[..., Message], do: Callable[[Connection, C, Call], Task], command: C
    ) -> bytes:
        """Run a command; who may act on a task sees all of it."""

        def run(conn: Connection) -> Message:
            return response(task=messages.task(do(conn, command, call)))

        return await self._db.command(call, run)
