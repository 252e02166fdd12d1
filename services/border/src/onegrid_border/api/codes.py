"""The methods on codes of checkpoints."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid_border import messages
from onegrid_border.checkpoint_code import CHECKPOINT_CODE, Keys
from onegrid_border.commands import codes as commands
from onegrid_border.route import ROUTE
from onegrid_border.store import codes as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Codes"]


class Codes:
    """The methods on codes of checkpoints."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def IssueCheckpointCode(self, request: pb.IssueCheckpointCodeRequest, call: Call) -> bytes:
        command = commands.IssueCode(
            route=ROUTE.id(request.route),
            checkpoint=request.checkpoint,
            effective_time=_moment(request.effective_time),
        )
        return await self._db.command(
            call,
            lambda conn: pb.IssueCheckpointCodeResponse(
                code=messages.checkpoint_code(
                    commands.issue_code(conn, command, self._cipher, call), self._cipher, call.now
                )
            ),
        )

    async def RegisterCheckpointTag(self, request: pb.RegisterCheckpointTagRequest, call: Call) -> bytes:
        command = commands.RegisterTag(
            route=ROUTE.id(request.route),
            checkpoint=request.checkpoint,
            effective_time=_moment(request.effective_time),
            uid=request.uid,
            keys=Keys(request.file_read_key, request.meta_read_key),
        )
        return await self._db.command(
            call,
            lambda conn: pb.RegisterCheckpointTagResponse(
                code=messages.checkpoint_code(
                    commands.register_tag(conn, command, self._cipher, call), self._cipher, call.now
                )
            ),
        )

    async def RetireCheckpointCode(self, request: pb.RetireCheckpointCodeRequest, call: Call) -> bytes:
        route, checkpoint, number = CHECKPOINT_CODE.ids(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.RetireCheckpointCodeResponse(
                code=messages.checkpoint_code(
                    commands.retire_code(conn, route, checkpoint, int(number), call), self._cipher, call.now
                )
            ),
        )

    async def ListCheckpointCodes(
        self, request: pb.ListCheckpointCodesRequest, call: Call
    ) -> pb.ListCheckpointCodesResponse:
        route = ROUTE.id(request.route)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.codes_page(
                conn, route, call.now, after, limit, show_ended=request.show_ended
            ),
            position=lambda code: (code.checkpoint, code.number),
            message=lambda code: messages.checkpoint_code(code, self._cipher, call.now),
        )
        return pb.ListCheckpointCodesResponse(codes=page.items, next_page_token=page.next_token)


def _moment(time: Timestamp) -> datetime | None:
    return time.ToDatetime(UTC) if time.ByteSize() else None
