"""The methods on inboxes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify.settings import NotifySettings

__all__ = ["Inboxes"]


class Inboxes:
    """The methods on inboxes."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db

    async def ListInboxItems(self, request: pb.ListInboxItemsRequest, call: Call) -> pb.ListInboxItemsResponse:
        raise NotImplementedError

    async def CountInboxItems(self, request: pb.CountInboxItemsRequest, call: Call) -> pb.CountInboxItemsResponse:
        raise NotImplementedError

    async def AcknowledgeInboxItems(
        self, request: pb.AcknowledgeInboxItemsRequest, call: Call
    ) -> pb.AcknowledgeInboxItemsResponse:
        raise NotImplementedError

    async def StreamInbox(self, request: pb.StreamInboxRequest, call: Call) -> AsyncIterator[pb.StreamInboxResponse]:
        yield pb.StreamInboxResponse()
        raise NotImplementedError
