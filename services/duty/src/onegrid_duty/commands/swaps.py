"""Swaps: proposed, accepted, declined, withdrawn."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import SwapAccepted, SwapDeclined, SwapProposed, SwapWithdrawn
from onegrid.duty.v1.resources_pb2 import SwapState
from onegrid_duty import messages
from onegrid_duty.commands.overrides import require_locked, require_room
from onegrid_duty.commands.scheduling import reschedule
from onegrid_duty.errors import SwapImpossible
from onegrid_duty.roster import SHIFT, Override, Roster
from onegrid_duty.schedule import Period
from onegrid_duty.store import rosters, shifts
from onegrid_duty.store import swaps as store
from onegrid_duty.swap import Side, Swap, require_possible
from onegrid_kit import ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied

__all__ = ["ProposeSwap", "accept", "decline", "propose", "withdraw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeSwap:
    """Which shift of the caller's is to be whose, and for which."""

    shift: str
    """The shift's id."""
    partner: str
    partner_shift: str
    """The id of theirs; empty: none."""
    note: str


def propose(conn: Connection, command: ProposeSwap, call: Call) -> Swap:
    """Ask a colleague for a swap. Raises PermissionDenied or SwapImpossible."""
    shift = shifts.find_shift(conn, command.shift)
    if shift is None or shift.user != call.caller.user:
        raise PermissionDenied(call.permission)
    roster = require_locked(conn, shift.roster)
    given = Side(shift.id, shift.user, Period(shift.begin, shift.end))
    # As it is now that nobody else changes it.
    require_possible(roster, given, shifts.find_shift(conn, shift.id), command.partner, call.now)
    taken = None
    if command.partner_shift:
        other = shifts.find_shift(conn, command.partner_shift)
        if other is None:
            raise SwapImpossible(SHIFT.name(command.partner_shift))
        taken = Side(other.id, command.partner, Period(other.begin, other.end))
        require_possible(roster, taken, other, shift.user, call.now)
    new = Swap(
        id=f"{roster.id}-{ids.new_id()}",
        roster=roster.id,
        given=given,
        partner=command.partner,
        taken=taken,
        note=command.note,
        create_time=call.now,
    )
    store.insert_swap(conn, new)
    event = SwapProposed(swap=messages.swap(new), roster_display_name=roster.display_name)
    outbox.append(conn, call, [(new.name, event)])
    return new


def accept(conn: Connection, swap_id: str, call: Call) -> Swap:
    """Agree to a swap. Raises PermissionDenied, SwapDecided, SwapImpossible or OverrideLimitReached."""
    swap, roster = _required(conn, swap_id, call, by_proposer=False)
    after = swap.decided(SwapState.SWAP_STATE_ACCEPTED, call.now)
    sides = [(swap.given, swap.partner)] + ([(swap.taken, swap.proposer)] if swap.taken else [])
    for side, taker in sides:
        require_possible(roster, side, shifts.find_shift(conn, side.shift), taker, call.now)
        require_room(conn, roster, call.now)
        rosters.insert_override(
            conn,
            Override(
                id=f"{roster.id}-{ids.new_id()}",
                roster=roster.id,
                begin=side.period.begin,
                end=side.period.end,
                user=taker,
                reason=swap.note,
                author=side.user,
                swap=swap.id,
                create_time=call.now,
            ),
        )
    store.decide_swap(conn, after)
    event = SwapAccepted(swap=messages.swap(after), roster_display_name=roster.display_name)
    outbox.append(conn, call, [(after.name, event)])
    reschedule(conn, roster, call)
    return after


def decline(conn: Connection, swap_id: str, call: Call) -> Swap:
    """Refuse a swap. Raises PermissionDenied or SwapDecided."""
    swap, roster = _required(conn, swap_id, call, by_proposer=False)
    after = swap.decided(SwapState.SWAP_STATE_DECLINED, call.now)
    store.decide_swap(conn, after)
    event = SwapDeclined(swap=messages.swap(after), roster_display_name=roster.display_name)
    outbox.append(conn, call, [(after.name, event)])
    return after


def withdraw(conn: Connection, swap_id: str, call: Call) -> Swap:
    """Take a proposal back. Raises PermissionDenied or SwapDecided."""
    swap, roster = _required(conn, swap_id, call, by_proposer=True)
    after = swap.decided(SwapState.SWAP_STATE_WITHDRAWN, call.now)
    store.decide_swap(conn, after)
    event = SwapWithdrawn(swap=messages.swap(after), roster_display_name=roster.display_name)
    outbox.append(conn, call, [(after.name, event)])
    return after


def _required(conn: Connection, swap_id: str, call: Call, *, by_proposer: bool) -> tuple[Swap, Roster]:
    """The swap and its roster, both locked. Raises PermissionDenied for everybody but who decides."""
    # The roster first, as everywhere.
    roster = rosters.find_roster(conn, swap_id.rpartition("-")[0], lock=True)
    swap = store.lock_swap(conn, swap_id)
    if roster is None or swap is None or call.caller.user != (swap.proposer if by_proposer else swap.partner):
        raise PermissionDenied(call.permission)
    return swap, roster
