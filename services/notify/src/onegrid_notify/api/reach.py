"""The methods on how far notices reached."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify.settings import NotifySettings

__all__ = ["ReachFigures"]


class ReachFigures:
    """The methods on how far notices reached."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db

    async def GetReach(self, request: pb.GetReachRequest, call: Call) -> pb.GetReachResponse:
        raise NotImplementedError

    async def ListRecipients(self, request: pb.ListRecipientsRequest, call: Call) -> pb.ListRecipientsResponse:
        raise NotImplementedError
