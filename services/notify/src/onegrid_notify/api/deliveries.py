"""The methods on what leaves the platform."""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.notify.v1 import deliveries_pb2
from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.sending import Outgoing
from onegrid_kit.timestamps import timestamp
from onegrid_notify import messages, queries
from onegrid_notify.article import ARTICLE
from onegrid_notify.commands import deliveries as commands
from onegrid_notify.deliveries import sending_of
from onegrid_notify.explaining import ChannelFate, Explanation, explain
from onegrid_notify.item import ITEM
from onegrid_notify.party import ORGANIZATION
from onegrid_notify.people import Destinations
from onegrid_notify.settings import NotifySettings

__all__ = ["Deliveries"]


class Deliveries:
    """The methods on what leaves the platform."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def StopDelivery(self, request: pb.StopDeliveryRequest, call: Call) -> bytes:
        id_ = ARTICLE.id(request.article)
        return await self._db.command(
            call, lambda conn: pb.StopDeliveryResponse(stopped=commands.stop(conn, id_, call))
        )

    async def ResumeDelivery(self, request: pb.ResumeDeliveryRequest, call: Call) -> bytes:
        id_ = ARTICLE.id(request.article)
        return await self._db.command(
            call, lambda conn: pb.ResumeDeliveryResponse(resumed=commands.resume(conn, id_, call))
        )

    async def SendTest(self, request: pb.SendTestRequest, call: Call) -> bytes:
        return await self._change(
            call,
            pb.SendTestResponse,
            lambda conn: commands.send_test(conn, request.subject, request.channel, call),
        )

    async def ReplayDelivery(self, request: pb.ReplayDeliveryRequest, call: Call) -> bytes:
        id_ = sending_of(request.name)
        return await self._change(call, pb.ReplayDeliveryResponse, lambda conn: commands.replay(conn, id_, call))

    async def SettleDelivery(self, request: pb.SettleDeliveryRequest, call: Call) -> bytes:
        id_ = sending_of(request.name)
        return await self._change(
            call,
            pb.SettleDeliveryResponse,
            lambda conn: commands.settle(conn, id_, call, delivered=request.delivered),
        )

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, call: Call) -> pb.ListDeliveriesResponse:
        article = ARTICLE.id(request.article) if request.article else ""
        if article:
            await self._db.read(lambda conn: queries.require_owned(conn, article, request.parent, call))

        def query(conn: Connection, after: Position, limit: int) -> list[tuple[Outgoing, str]]:
            found = queries.list_deliveries(
                conn, article, request.parent, request.states, request.channels, after, limit
            )
            destinations = Destinations(conn, found, self._cipher)
            return [(each, destinations.masked(each)) for each in found]

        page = await self._pages.read(
            request,
            query,
            position=lambda found: (found[0].id,) if article else (found[0].create_time, found[0].id),
            message=lambda found: messages.delivery(*found),
        )
        return pb.ListDeliveriesResponse(deliveries=page.items, next_page_token=page.next_token)

    async def CountDeliveries(self, request: pb.CountDeliveriesRequest, call: Call) -> pb.CountDeliveriesResponse:
        id_ = ARTICLE.id(request.article)
        found = await self._db.read(lambda conn: queries.count_deliveries(conn, id_, call))
        return pb.CountDeliveriesResponse(
            counts=messages.delivery_counts(found.counts),
            planning=found.planning,
            stopped=found.stopped,
            as_of_time=timestamp(call.now),
        )

    async def ExplainDelivery(self, request: pb.ExplainDeliveryRequest, call: Call) -> pb.ExplainDeliveryResponse:
        def query(conn: Connection) -> pb.ExplainDeliveryResponse:
            found = explain(conn, ITEM.id(request.item), request.user, call)
            destinations = Destinations(conn, found.sendings, self._cipher, found.people)
            return pb.ExplainDeliveryResponse(
                explanation=_explanation(found, destinations.masked),
                as_of_time=timestamp(call.now),
            )

        return await self._db.read(query)

    async def _change(
        self, call: Call, response: Callable[..., Message], change: Callable[[Connection], Outgoing]
    ) -> bytes:
        def run(conn: Connection) -> Message:
            changed = change(conn)
            masked = Destinations(conn, [changed], self._cipher).masked(changed)
            return response(delivery=messages.delivery(changed, masked))

        return await self._db.command(call, run)


def _explanation(of: Explanation, masked: Callable[[Outgoing], str]) -> deliveries_pb2.DeliveryExplanation:
    """Why somebody did or did not get something; `masked` knows where deliveries go."""
    match = of.match
    return deliveries_pb2.DeliveryExplanation(
        audience=deliveries_pb2.AudienceExplanation(
            included=match is not None,
            place=match.place if match else "",
            member_of=match.member_of if match else "",
            role=match.role if match else "",
            time=timestamp(of.time),
            party_organization=ORGANIZATION.name(match.organization) if match and match.organization else "",
        ),
        inbox=deliveries_pb2.InboxExplanation(
            present=of.inbox.present,
            article_state=of.inbox.article_state,
            receive_time=timestamp(of.inbox.receive_time),
            read_time=timestamp(of.inbox.read_time),
            confirm_time=timestamp(of.inbox.confirm_time),
        ),
        channels=[_channel_explanation(fate, masked) for fate in of.channels],
    )


def _channel_explanation(of: ChannelFate, masked: Callable[[Outgoing], str]) -> deliveries_pb2.ChannelExplanation:
    def sent(outgoing: Outgoing) -> deliveries_pb2.ExplainedDelivery:
        return deliveries_pb2.ExplainedDelivery(
            delivery=messages.delivery(outgoing, masked(outgoing)),
            attempts=map(messages.delivery_attempt, of.attempts.get(outgoing.id, ())),
        )

    return deliveries_pb2.ChannelExplanation(
        channel=of.channel,
        chosen=of.chosen,
        reason=of.reason,
        until_time=timestamp(of.until),
        deliveries=map(sent, of.sendings),
        digest=None if of.digest is None else sent(of.digest),
    )
