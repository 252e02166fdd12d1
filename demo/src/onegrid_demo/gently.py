"""Many calls about as many things, without a rush."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

__all__ = ["each_of"]

_AT_ONCE: Final = 4
"""More at once wait for one another in a small api, which then misses its objectives."""
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


async def each_of(items: Iterable[_Item], ask: Callable[[_Item], Awaitable[_Answer]]) -> list[_Answer]:
    """What is answered about each item, in their order."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def answered(item: _Item) -> _Answer:
        async with limit:
            return await ask(item)

    return await asyncio.gather(*map(answered, items))
