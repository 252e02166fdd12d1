"""The methods on columns."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify.settings import NotifySettings

__all__ = ["Columns"]


class Columns:
    """The methods on columns."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db

    async def DefineColumn(self, request: pb.DefineColumnRequest, call: Call) -> pb.DefineColumnResponse:
        raise NotImplementedError

    async def ListColumns(self, request: pb.ListColumnsRequest, call: Call) -> pb.ListColumnsResponse:
        raise NotImplementedError
