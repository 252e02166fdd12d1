"""The methods on pages and the handover book."""

from __future__ import annotations

from onegrid.duty.v1 import duty_service_pb2 as pb
from onegrid_duty import messages, queries
from onegrid_duty.commands import handovers, pages
from onegrid_duty.escalation import HANDOVER, PAGE
from onegrid_duty.roster import ROSTER, SHIFT
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Escalation"]


class Escalation:
    """The methods on pages and the handover book."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def PageOnDuty(self, request: pb.PageOnDutyRequest, call: Call) -> bytes:
        roster = ROSTER.id(request.roster)
        return await self._db.command(
            call,
            lambda conn: pb.PageOnDutyResponse(
                page=messages.page(pages.page_on_duty(conn, roster, request.title, call))
            ),
        )

    async def AcknowledgePage(self, request: pb.AcknowledgePageRequest, call: Call) -> bytes:
        page = PAGE.id(request.name)
        return await self._db.command(
            call, lambda conn: pb.AcknowledgePageResponse(page=messages.page(pages.acknowledge(conn, page, call)))
        )

    async def ListPages(self, request: pb.ListPagesRequest, call: Call) -> pb.ListPagesResponse:
        roster = ROSTER.id(request.roster)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.pages_page(conn, roster, after, limit),
            position=lambda each: (each.id,),
            message=messages.page,
        )
        return pb.ListPagesResponse(pages=page.items, next_page_token=page.next_token)

    async def WriteHandover(self, request: pb.WriteHandoverRequest, call: Call) -> bytes:
        shift = SHIFT.id(request.shift)
        return await self._db.command(
            call,
            lambda conn: pb.WriteHandoverResponse(
                handover=messages.handover(handovers.write(conn, shift, request.text, call))
            ),
        )

    async def AcknowledgeHandover(self, request: pb.AcknowledgeHandoverRequest, call: Call) -> bytes:
        handover = HANDOVER.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.AcknowledgeHandoverResponse(
                handover=messages.handover(handovers.acknowledge(conn, handover, call))
            ),
        )

    async def ListHandovers(self, request: pb.ListHandoversRequest, call: Call) -> pb.ListHandoversResponse:
        roster = ROSTER.id(request.roster)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.handovers_page(conn, roster, after, limit),
            position=lambda each: (each.create_time, each.id),
            message=messages.handover,
        )
        return pb.ListHandoversResponse(handovers=page.items, next_page_token=page.next_token)
