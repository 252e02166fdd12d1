"""The methods on what inspections found."""

from __future__ import annotations

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid_border import messages
from onegrid_border.commands import defects as commands
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Defects"]


class Defects:
    """The methods that bring a defect to petition and to emergency."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db

    async def RequestRepair(self, request: pb.RequestRepairRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.RequestRepairResponse(
                inspection=messages.inspection(commands.request_repair(conn, request.name, request.note, call))
            ),
        )

    async def EscalateInspection(self, request: pb.EscalateInspectionRequest, call: Call) -> bytes:
        command = commands.EscalateInspection(
            name=request.name, kind=request.incident_kind, level=request.incident_level, note=request.note
        )
        return await self._db.command(
            call,
            lambda conn: pb.EscalateInspectionResponse(
                inspection=messages.inspection(commands.escalate_inspection(conn, command, call))
            ),
        )
