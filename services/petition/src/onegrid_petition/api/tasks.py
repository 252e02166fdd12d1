"""What assignees do with their tasks."""

from __future__ import annotations

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_petition.api.visible import VisiblePetitions
from onegrid_petition.commands import tasks as commands
from onegrid_petition.petition import TASK

__all__ = ["Tasks"]


class Tasks:
    """The methods on tasks."""

    def __init__(self, visible: VisiblePetitions) -> None:
        self._visible = visible

    async def TakeTask(self, request: pb.TakeTaskRequest, call: Call) -> bytes:
        command = _on_task(request, public_note=request.public_note)
        return await self._visible.change(call, pb.TakeTaskResponse, commands.take_task, command)

    async def ReturnTask(self, request: pb.ReturnTaskRequest, call: Call) -> bytes:
        command = _on_task(request, internal_note=request.internal_note)
        return await self._visible.change(call, pb.ReturnTaskResponse, commands.return_task, command)

    async def ReportTask(self, request: pb.ReportTaskRequest, call: Call) -> bytes:
        command = _on_task(request, public_note=request.public_note, internal_note=request.internal_note)
        return await self._visible.change(call, pb.ReportTaskResponse, commands.report_task, command)

    async def ConcludeTask(self, request: pb.ConcludeTaskRequest, call: Call) -> bytes:
        command = _on_task(request, public_note=request.public_note, internal_note=request.internal_note)
        return await self._visible.change(call, pb.ConcludeTaskResponse, commands.conclude_task, command)


def _on_task(
    request: pb.TakeTaskRequest | pb.ReturnTaskRequest | pb.ReportTaskRequest | pb.ConcludeTaskRequest,
    *,
    public_note: str = "",
    internal_note: str = "",
) -> commands.ActOnTask:
    petition_id, number = TASK.ids(request.name)
    return commands.ActOnTask(
        petition=petition_id,
        number=int(number),
        public_note=public_note,
        internal_note=internal_note,
        etag=request.etag,
    )
