"""What is not so yet may be so in a moment: Prometheus scrapes and evaluates by intervals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

__all__ = ["first", "settled"]

_PAUSE_S: Final = 1
_SHOWN: Final = 5


async def settled(find: Callable[[], Awaitable[list[str]]], deadline: float) -> list[str]:
    """The faults that are left, when there are none or the deadline, of `time.monotonic`, has passed."""
    while faults := await find():
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(_PAUSE_S)
    return faults


def first(faults: Sequence[str]) -> str:
    """The first few of them, and how many there are."""
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return "; ".join(faults[:_SHOWN]) + more
