"""The methods on inboxes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages
from onegrid_notify.commands.inboxes import acknowledge
from onegrid_notify.item import ITEM, KEPT, reader_of
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store import inboxes as store
from onegrid_notify.streaming import Streams

__all__ = ["Inboxes"]


class Inboxes:
    """The methods on inboxes."""

    def __init__(self, runtime: Runtime[NotifySettings], streams: Streams) -> None:
        self._streams = streams
        self._db = runtime.db
        self._pages = runtime.pages
        self._acknowledgements = runtime.db.versioned(
            store.known_items, store.acknowledge_items, name="acknowledgements"
        )

    async def ListInboxItems(self, request: pb.ListInboxItemsRequest, call: Call) -> pb.ListInboxItemsResponse:
        reader = reader_of(call.caller)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.inbox_items(
                conn, reader, call.now, after, limit, unread_only=request.unread_only
            ),
            position=lambda item: (item.create_time, item.id, item.rank),
            message=messages.inbox_item,
        )
        return pb.ListInboxItemsResponse(items=page.items, next_page_token=page.next_token)

    async def CountInboxItems(self, request: pb.CountInboxItemsRequest, call: Call) -> pb.CountInboxItemsResponse:
        count = await self._db.read(lambda conn: store.count_items(conn, reader_of(call.caller), call.now))
        return pb.CountInboxItemsResponse(unread=count.unread, unconfirmed=count.unconfirmed)

    async def AcknowledgeInboxItems(self, request: pb.AcknowledgeInboxItemsRequest, call: Call) -> bytes:
        versions = {ITEM.id(item.name): item.version for item in request.items}
        reader = reader_of(call.caller)
        return await self._acknowledgements.run(
            call,
            lambda known: acknowledge(call, request.acknowledgement, versions, known),
            user_name=reader.user,
            districts=reader.districts,
            items=list(versions),
            now=call.now,
            oldest=call.now - KEPT,
        )

    def StreamInbox(self, request: pb.StreamInboxRequest, call: Call) -> AsyncIterator[bytes]:
        return self._streams.follow(reader_of(call.caller), request.resume_token)
