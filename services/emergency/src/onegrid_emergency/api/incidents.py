"""The methods on incidents."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.emergency.v1 import emergency_service_pb2 as pb
from onegrid.emergency.v1.resources_pb2 import Source
from onegrid_emergency import messages
from onegrid_emergency.api.visible import VisibleIncidents
from onegrid_emergency.commands import incidents as commands
from onegrid_emergency.incident import INCIDENT
from onegrid_emergency.incident_authority import OWNER
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import incidents as store
from onegrid_kit.callers import Call
from onegrid_kit.locations import location_in
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import visible_to

__all__ = ["Incidents"]


class Incidents:
    """The methods on incidents."""

    def __init__(self, runtime: Runtime[EmergencySettings], visible: VisibleIncidents) -> None:
        self._visible = visible
        self._db = runtime.db
        self._pages = runtime.pages

    async def ReportIncident(self, request: pb.ReportIncidentRequest, call: Call) -> bytes:
        command = commands.ReportIncident(
            district=request.district,
            kind=request.kind,
            text=request.text,
            place=request.place,
            location=location_in(request),
            address=request.address,
            source=request.source or Source.SOURCE_CALL,
            occur_time=request.occur_time.ToDatetime(UTC) if request.HasField("occur_time") else None,
        )

        def report(conn: Connection) -> pb.ReportIncidentResponse:
            made = messages.report(commands.report_incident(conn, command, call))
            return pb.ReportIncidentResponse(report=visible_to(OWNER, made))

        return await self._db.command(call, report)

    async def GetIncident(self, request: pb.GetIncidentRequest, call: Call) -> pb.GetIncidentResponse:
        found = await self._visible.require(INCIDENT.id(request.name), call)
        return pb.GetIncidentResponse(incident=self._visible.render(found, call))

    async def ListIncidents(self, request: pb.ListIncidentsRequest, call: Call) -> pb.ListIncidentsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.incidents_page(conn, request.place, request.states, after, limit),
            position=lambda each: (each.create_time, each.id),
            message=lambda each: self._visible.render(each, call),
        )
        return pb.ListIncidentsResponse(incidents=page.items, next_page_token=page.next_token)
