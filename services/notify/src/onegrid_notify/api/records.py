"""The methods on departments' records."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify.settings import NotifySettings

__all__ = ["Records"]


class Records:
    """The methods on departments' records."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db

    async def PushRecords(self, request: pb.PushRecordsRequest, call: Call) -> pb.PushRecordsResponse:
        raise NotImplementedError

    async def ListRecords(self, request: pb.ListRecordsRequest, call: Call) -> pb.ListRecordsResponse:
        raise NotImplementedError
