"""Swaps: who gives which shift to whom, and for which."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.duty.v1.resources_pb2 import SwapState
from onegrid_duty.errors import SwapDecided, SwapImpossible
from onegrid_duty.roster import SHIFT, Roster
from onegrid_duty.schedule import Period
from onegrid_duty.shifts import Shift
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName

__all__ = ["SWAP", "Side", "Swap", "require_possible"]

SWAP: Final = ResourceName("swaps/{swap}")


@dataclass(frozen=True, slots=True)
class Side:
    """A shift that is given away."""

    shift: str
    """Its id."""
    user: str
    """Whose it is."""
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A swap, as it was proposed, and what became of it."""

    id: str
    roster: str
    """The roster's id."""
    given: Side
    """What its proposer gives."""
    partner: str
    """``users/{user}`` who is asked."""
    taken: Side | None
    """What they give for it."""
    state: SwapState = SwapState.SWAP_STATE_PROPOSED
    note: str
    create_time: datetime
    decide_time: datetime | None = None

    @property
    def name(self) -> str:
        """``swaps/{swap}``."""
        return SWAP.name(self.id)

    @property
    def proposer(self) -> str:
        """``users/{user}`` who proposed it."""
        return self.given.user

    def decided(self, state: SwapState, now: datetime) -> Swap:
        """The swap as it is once somebody has decided. Raises SwapDecided if somebody has."""
        if self.state != SwapState.SWAP_STATE_PROPOSED:
            raise SwapDecided(self.name, short_name(SwapState, self.state))
        return replace(self, state=state, decide_time=now)


def require_possible(roster: Roster, side: Side, shift: Shift | None, taker: str, now: datetime) -> None:
    """Raise SwapImpossible unless the shift is as the side has it, has not begun, and the taker is of its roster."""
    same = shift is not None and (shift.roster, shift.user) == (roster.id, side.user)
    if not (
        same
        and side.period.begin > now
        and shift is not None
        and Period(shift.begin, shift.end) == side.period
        and taker in roster.people
        and taker != side.user
    ):
        raise SwapImpossible(SHIFT.name(side.shift))
