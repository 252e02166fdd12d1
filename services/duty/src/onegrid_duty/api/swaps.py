"""The methods on swaps."""

from __future__ import annotations

from onegrid.duty.v1 import duty_service_pb2 as pb
from onegrid_duty import messages, queries
from onegrid_duty.commands import swaps as commands
from onegrid_duty.commands.swaps import ProposeSwap
from onegrid_duty.roster import ROSTER, SHIFT
from onegrid_duty.swap import SWAP
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Swaps"]


class Swaps:
    """The methods on swaps."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def ProposeSwap(self, request: pb.ProposeSwapRequest, call: Call) -> bytes:
        command = ProposeSwap(
            shift=SHIFT.id(request.shift),
            partner=request.partner,
            partner_shift=SHIFT.id(request.partner_shift) if request.partner_shift else "",
            note=request.note,
        )
        return await self._db.command(
            call, lambda conn: pb.ProposeSwapResponse(swap=messages.swap(commands.propose(conn, command, call)))
        )

    async def AcceptSwap(self, request: pb.AcceptSwapRequest, call: Call) -> bytes:
        swap = SWAP.id(request.name)
        return await self._db.command(
            call, lambda conn: pb.AcceptSwapResponse(swap=messages.swap(commands.accept(conn, swap, call)))
        )

    async def DeclineSwap(self, request: pb.DeclineSwapRequest, call: Call) -> bytes:
        swap = SWAP.id(request.name)
        return await self._db.command(
            call, lambda conn: pb.DeclineSwapResponse(swap=messages.swap(commands.decline(conn, swap, call)))
        )

    async def WithdrawSwap(self, request: pb.WithdrawSwapRequest, call: Call) -> bytes:
        swap = SWAP.id(request.name)
        return await self._db.command(
            call, lambda conn: pb.WithdrawSwapResponse(swap=messages.swap(commands.withdraw(conn, swap, call)))
        )

    async def ListSwaps(self, request: pb.ListSwapsRequest, call: Call) -> pb.ListSwapsResponse:
        roster = ROSTER.id(request.roster)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.swaps_page(conn, roster, after, limit),
            position=lambda swap: (swap.id,),
            message=messages.swap,
        )
        return pb.ListSwapsResponse(swaps=page.items, next_page_token=page.next_token)
