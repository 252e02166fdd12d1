"""Incidents that are one, and reports that are not one incident's."""

from __future__ import annotations

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import incident_methods_pb2 as pb
from onegrid_emergency import duplicates
from onegrid_emergency import incident_authority as authority
from onegrid_emergency.api.visible import VisibleIncidents
from onegrid_emergency.commands import merging as commands
from onegrid_emergency.incident import INCIDENT, REPORT
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import incidents as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Merging"]


class Merging:
    """The methods that merge incidents and split them."""

    def __init__(self, runtime: Runtime[EmergencySettings], visible: VisibleIncidents) -> None:
        self._db = runtime.db
        self._visible = visible

    async def MergeIncidents(self, request: pb.MergeIncidentsRequest, call: Call) -> bytes:
        command = commands.MergeIncidents(
            incident=INCIDENT.id(request.name),
            merged=tuple(INCIDENT.id(each) for each in request.merged),
            note=request.note,
            etag=request.etag,
        )
        return await self._visible.change(call, pb.MergeIncidentsResponse, commands.merge_incidents, command)

    async def SplitIncident(self, request: pb.SplitIncidentRequest, call: Call) -> bytes:
        command = commands.SplitIncident(
            incident=INCIDENT.id(request.name),
            reports=tuple(REPORT.id(each) for each in request.reports),
            note=request.note,
            etag=request.etag,
        )

        def split(conn: Connection) -> Message:
            remaining, other = commands.split_incident(conn, command, call)
            render = self._visible.render
            return pb.SplitIncidentResponse(incident=render(remaining, call), split=render(other, call))

        return await self._db.command(call, split)

    async def GetPossibleDuplicates(
        self, request: pb.GetPossibleDuplicatesRequest, call: Call
    ) -> pb.GetPossibleDuplicatesResponse:
        incident = await self._visible.require(INCIDENT.id(request.name), call)
        around = await self._db.read(
            lambda conn: store.incidents_around(conn, incident, duplicates.APART, duplicates.LOOKED_AT)
        )
        found = [
            pb.PossibleDuplicate(
                incident=self._visible.render(other, call),
                distance_m=duplicates.apart_m(incident, other),
                later=other.occur_time - incident.occur_time,
            )
            for other in around
            if authority.may_see(call, other) and duplicates.may_be_one(incident, other)
        ]
        return pb.GetPossibleDuplicatesResponse(duplicates=found[: duplicates.MOST])
