"""The steps that take an incident from its report to its review."""

from __future__ import annotations

from onegrid.emergency.v1 import incident_methods_pb2 as pb
from onegrid_emergency import messages
from onegrid_emergency.api.visible import VisibleIncidents
from onegrid_emergency.commands import responding as commands
from onegrid_emergency.incident import INCIDENT
from onegrid_kit.callers import Call
from onegrid_kit.locations import location_in

__all__ = ["Responses"]


class Responses:
    """The methods that take an incident from its report to its review."""

    def __init__(self, visible: VisibleIncidents) -> None:
        self._visible = visible

    async def RespondToIncident(self, request: pb.RespondToIncidentRequest, call: Call) -> bytes:
        command = commands.RespondToIncident(
            incident=INCIDENT.id(request.name), commander=request.commander, note=request.note, etag=request.etag
        )
        return await self._visible.change(call, pb.RespondToIncidentResponse, commands.respond_to_incident, command)

    async def GradeIncident(self, request: pb.GradeIncidentRequest, call: Call) -> bytes:
        command = commands.GradeIncident(
            incident=INCIDENT.id(request.name), level=request.level, reason=request.reason, etag=request.etag
        )
        return await self._visible.change(call, pb.GradeIncidentResponse, commands.grade_incident, command)

    async def ConfirmIncident(self, request: pb.ConfirmIncidentRequest, call: Call) -> bytes:
        command = _act(request, request.note)
        return await self._visible.change(call, pb.ConfirmIncidentResponse, commands.confirm_incident, command)

    async def DismissIncident(self, request: pb.DismissIncidentRequest, call: Call) -> bytes:
        command = _act(request, request.reason)
        return await self._visible.change(call, pb.DismissIncidentResponse, commands.dismiss_incident, command)

    async def CorrectIncident(self, request: pb.CorrectIncidentRequest, call: Call) -> bytes:
        command = commands.CorrectIncident(
            incident=INCIDENT.id(request.name),
            kind=request.kind,
            category=request.category,
            place=request.place,
            location=location_in(request),
            note=request.note,
            etag=request.etag,
        )
        return await self._visible.change(call, pb.CorrectIncidentResponse, commands.correct_incident, command)

    async def OrganizeCommand(self, request: pb.OrganizeCommandRequest, call: Call) -> bytes:
        command = commands.OrganizeCommand(
            incident=INCIDENT.id(request.name),
            command=messages.command_of(request.command),
            note=request.note,
            etag=request.etag,
        )
        return await self._visible.change(call, pb.OrganizeCommandResponse, commands.organize_command, command)

    async def AnnotateIncident(self, request: pb.AnnotateIncidentRequest, call: Call) -> bytes:
        command = _act(request, request.note)
        return await self._visible.change(call, pb.AnnotateIncidentResponse, commands.annotate_incident, command)

    async def DeclareAllClear(self, request: pb.DeclareAllClearRequest, call: Call) -> bytes:
        command = commands.DeclareAllClear(
            incident=INCIDENT.id(request.name),
            note=request.note,
            open_tasks_reason=request.open_tasks_reason,
            etag=request.etag,
        )
        return await self._visible.change(call, pb.DeclareAllClearResponse, commands.declare_all_clear, command)

    async def ReopenIncident(self, request: pb.ReopenIncidentRequest, call: Call) -> bytes:
        command = _act(request, request.reason)
        return await self._visible.change(call, pb.ReopenIncidentResponse, commands.reopen_incident, command)

    async def ReviewIncident(self, request: pb.ReviewIncidentRequest, call: Call) -> bytes:
        command = commands.ReviewIncident(
            incident=INCIDENT.id(request.name), summary=request.summary, lessons=request.lessons, etag=request.etag
        )
        return await self._visible.change(call, pb.ReviewIncidentResponse, commands.review_incident, command)


def _act(
    request: pb.ConfirmIncidentRequest
    | pb.DismissIncidentRequest
    | pb.AnnotateIncidentRequest
    | pb.ReopenIncidentRequest,
    note: str,
) -> commands.ActOnIncident:
    return commands.ActOnIncident(incident=INCIDENT.id(request.name), note=note, etag=request.etag)
