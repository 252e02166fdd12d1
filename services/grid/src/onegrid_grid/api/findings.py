"""The methods on findings."""

from __future__ import annotations

from onegrid.grid.v1 import grid_service_pb2 as pb
from onegrid_grid import messages
from onegrid_grid.commands.findings import EscalateFinding, escalate_finding, transfer_finding
from onegrid_grid.finding import FINDING
from onegrid_grid.inspection_round import ROUND
from onegrid_grid.settings import GridSettings
from onegrid_grid.store import findings as store
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime

__all__ = ["Findings"]


class Findings:
    """The methods on findings."""

    def __init__(self, runtime: Runtime[GridSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def GetFinding(self, request: pb.GetFindingRequest, call: Call) -> pb.GetFindingResponse:
        found = await self._db.read(lambda conn: store.find_finding(conn, FINDING.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetFindingResponse(finding=messages.finding(found))

    async def ListFindings(self, request: pb.ListFindingsRequest, call: Call) -> pb.ListFindingsResponse:
        round_ = ROUND.id(request.round) if request.round else ""
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.findings_page(conn, request.parent, round_, request.kinds, after, limit),
            position=lambda finding: (finding.create_time, finding.id),
            message=messages.finding,
        )
        return pb.ListFindingsResponse(findings=page.items, next_page_token=page.next_token)

    async def EscalateFinding(self, request: pb.EscalateFindingRequest, call: Call) -> bytes:
        command = EscalateFinding(
            finding=FINDING.id(request.name),
            kind=request.incident_kind,
            level=request.incident_level,
            note=request.note,
        )
        return await self._db.command(
            call,
            lambda conn: pb.EscalateFindingResponse(finding=messages.finding(escalate_finding(conn, command, call))),
        )

    async def TransferFinding(self, request: pb.TransferFindingRequest, call: Call) -> bytes:
        id_ = FINDING.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.TransferFindingResponse(
                finding=messages.finding(transfer_finding(conn, id_, request.note, call))
            ),
        )
