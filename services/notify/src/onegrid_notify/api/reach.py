"""The methods on how far notices reached, and whom they must still reach."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.timestamps import timestamp
from onegrid_notify import messages, queries
from onegrid_notify.article import ARTICLE
from onegrid_notify.commands import escalation
from onegrid_notify.settings import NotifySettings

__all__ = ["ReachFigures"]


class ReachFigures:
    """The methods on how far notices reached, and whom they must still reach."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def GetReach(self, request: pb.GetReachRequest, call: Call) -> pb.GetReachResponse:
        id_ = ARTICLE.id(request.name)
        found = await self._db.read(lambda conn: queries.reach_of(conn, id_, request.place, call))
        return pb.GetReachResponse(
            total=messages.reach(found.total),
            parts=[messages.reach(part) for part in found.parts],
            counting=found.counting,
            as_of_time=timestamp(call.now),
        )

    async def ListRecipients(self, request: pb.ListRecipientsRequest, call: Call) -> pb.ListRecipientsResponse:
        id_ = ARTICLE.id(request.article)
        counting = await self._db.read(lambda conn: queries.require_published(conn, id_, call))
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.list_recipients(
                conn,
                id_,
                request.place,
                call,
                after,
                limit,
                show_confirmed=request.show_confirmed,
                to_visit=request.to_visit_only,
            ),
            position=lambda recipient: (recipient.place, recipient.user),
            message=messages.recipient,
        )
        return pb.ListRecipientsResponse(recipients=page.items, next_page_token=page.next_token, counting=counting)

    async def ConfirmRecipient(self, request: pb.ConfirmRecipientRequest, call: Call) -> bytes:
        id_ = ARTICLE.id(request.article)
        return await self._db.command(
            call,
            lambda conn: pb.ConfirmRecipientResponse(
                recipient=messages.recipient(
                    escalation.confirm_recipient(conn, id_, request.user, request.outcome, call)
                )
            ),
        )

    async def GetEscalation(self, request: pb.GetEscalationRequest, call: Call) -> pb.GetEscalationResponse:
        id_ = ARTICLE.id(request.name)
        found = await self._db.read(lambda conn: queries.escalation_of(conn, id_, call))
        return pb.GetEscalationResponse(
            rungs=[each.message() for each in found.rungs],
            to_visit=found.to_visit,
            visited=found.visited,
            not_found=found.not_found,
            as_of_time=timestamp(call.now),
        )
