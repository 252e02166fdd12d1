"""How what is learned about attempts decides on their sending. Pure functions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from onegrid_kit.sending.model import Outcome, State

__all__ = ["ENDED", "pause_s", "state_after", "stronger"]

ENDED: Final = frozenset(State) - {State.WAITING, State.SENDING}
_RANK: Final = {outcome: rank for rank, outcome in enumerate(Outcome)}
# What keeps a sending from being sent does not undo that it was.
_KEPT_BACK: Final = frozenset({State.DROPPED, State.EXPIRED, State.STOPPED})


def stronger(known: Outcome | None, learned: Outcome) -> bool:
    """Whether what is learned about an attempt replaces what is known."""
    return known is None or _RANK[learned] > _RANK[known]


def state_after(state: State, outcomes: Sequence[Outcome | None], *, replayed: bool, may_retry: bool) -> State:
    """The state of a sending now that something new is known about one of its attempts.

    `outcomes`: of all its attempts in their order. `replayed`: there was none since an operator replayed it.
    `may_retry`: it is tried again if its last attempt failed for the time being.
    """
    if Outcome.READ in outcomes:
        return State.READ
    if Outcome.DELIVERED in outcomes:
        return State.DELIVERED
    last = outcomes[-1]
    if last is None:
        return State.SENDING
    if Outcome.ACCEPTED in outcomes:
        return State.ACCEPTED
    if state in _KEPT_BACK or (state is State.WAITING and replayed):
        return state
    if last is Outcome.RETRYABLE:
        return State.WAITING if may_retry else State.FAILED
    return State(last)


def pause_s(tries: int, base_s: float, most_s: float, at_least_s: float | None = None) -> float:
    """How long to wait after so many tries: exponential, with full jitter, so that what failed at the same moment does
    not return at the same moment.
    """
    longest = min(base_s * 2.0 ** min(tries - 1, 60), most_s)
    return (at_least_s or 0.0) + random.uniform(0.0, longest)  # noqa: S311
