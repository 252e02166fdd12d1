"""The methods on transfers."""

from __future__ import annotations

from onegrid.partyedu.v1 import member_methods_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import messages
from onegrid_partyedu.authority import require_transfer
from onegrid_partyedu.commands import transfers as commands
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import transfers as store
from onegrid_partyedu.transfer import TRANSFER

__all__ = ["Transfers"]


class Transfers:
    """The methods on transfers."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def RequestTransfer(self, request: pb.RequestTransferRequest, call: Call) -> bytes:
        member, target = MEMBER.id(request.member), ORGANIZATION.id(request.target)
        return await self._db.command(
            call,
            lambda conn: pb.RequestTransferResponse(
                transfer=messages.transfer(commands.request_transfer(conn, member, target, call), call.now)
            ),
        )

    async def AcceptTransfer(self, request: pb.AcceptTransferRequest, call: Call) -> bytes:
        id_ = TRANSFER.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.AcceptTransferResponse(
                transfer=messages.transfer(commands.accept_transfer(conn, id_, call), call.now)
            ),
        )

    async def DeclineTransfer(self, request: pb.DeclineTransferRequest, call: Call) -> bytes:
        id_ = TRANSFER.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.DeclineTransferResponse(
                transfer=messages.transfer(commands.decline_transfer(conn, id_, request.reason, call), call.now)
            ),
        )

    async def WithdrawTransfer(self, request: pb.WithdrawTransferRequest, call: Call) -> bytes:
        id_ = TRANSFER.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.WithdrawTransferResponse(
                transfer=messages.transfer(commands.withdraw_transfer(conn, id_, request.reason, call), call.now)
            ),
        )

    async def GetTransfer(self, request: pb.GetTransferRequest, call: Call) -> pb.GetTransferResponse:
        found = await self._db.read(lambda conn: require_transfer(conn, TRANSFER.id(request.name), call))
        return pb.GetTransferResponse(transfer=messages.transfer(found, call.now))

    async def ListTransfers(self, request: pb.ListTransfersRequest, call: Call) -> pb.ListTransfersResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.transfers_page(conn, request.scope, request.state, call.now, after, limit),
            position=lambda transfer: (transfer.create_time, transfer.id),
            message=lambda transfer: messages.transfer(transfer, call.now),
        )
        return pb.ListTransfersResponse(transfers=page.items, next_page_token=page.next_token)
