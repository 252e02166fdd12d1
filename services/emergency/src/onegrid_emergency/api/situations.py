"""Reports of the situation."""

from __future__ import annotations

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import incident_methods_pb2 as pb
from onegrid_emergency import incident_authority as authority
from onegrid_emergency import messages
from onegrid_emergency.api.visible import VisibleIncidents
from onegrid_emergency.commands import situations as commands
from onegrid_emergency.incident import INCIDENT
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import situations as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import visible_to

__all__ = ["Situations"]


class Situations:
    """The methods on reports of the situation."""

    def __init__(self, runtime: Runtime[EmergencySettings], visible: VisibleIncidents) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._visible = visible

    async def ReportSituation(self, request: pb.ReportSituationRequest, call: Call) -> bytes:
        command = commands.ReportSituation(
            incident=INCIDENT.id(request.incident),
            text=request.text,
            casualties=messages.casualties_of(request.casualties),
            final=request.final,
        )

        def report(conn: Connection) -> Message:
            made = messages.situation_report(commands.report_situation(conn, command, call))
            return pb.ReportSituationResponse(situation_report=made)

        return await self._db.command(call, report)

    async def ListSituationReports(
        self, request: pb.ListSituationReportsRequest, call: Call
    ) -> pb.ListSituationReportsResponse:
        incident = await self._visible.require(INCIDENT.id(request.incident), call)
        viewer = authority.viewer_of(call, incident)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.situation_reports_page(conn, incident.id, after, limit),
            position=lambda report: (report.number,),
            message=lambda report: visible_to(viewer, messages.situation_report(report)),
        )
        return pb.ListSituationReportsResponse(situation_reports=page.items, next_page_token=page.next_token)
