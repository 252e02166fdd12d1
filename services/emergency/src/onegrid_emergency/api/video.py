"""The method on events of the video platform."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.emergency.v1 import sensors_pb2 as pb
from onegrid_emergency import messages
from onegrid_emergency.commands import video as commands
from onegrid_emergency.settings import EmergencySettings
from onegrid_kit.callers import Call
from onegrid_kit.locations import location_in
from onegrid_kit.runtime import Runtime

__all__ = ["Video"]


class Video:
    """The method on events of the video platform."""

    def __init__(self, runtime: Runtime[EmergencySettings]) -> None:
        self._db = runtime.db

    async def ReportVideoEvent(self, request: pb.ReportVideoEventRequest, call: Call) -> bytes:
        command = commands.ReportVideoEvent(
            district=request.district,
            kind=request.kind,
            link=request.link,
            place=request.place,
            location=location_in(request),
            occur_time=request.occur_time.ToDatetime(UTC) if request.HasField("occur_time") else None,
            confidence=request.confidence,
        )

        def report(conn: Connection) -> pb.ReportVideoEventResponse:
            return pb.ReportVideoEventResponse(report=messages.report(commands.report_video_event(conn, command, call)))

        return await self._db.command(call, report)
