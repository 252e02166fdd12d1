"""Waiting for conditions, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

__all__ = ["HANG_S", "eventually", "eventually_async"]

HANG_S: Final = 600.0
"""After so many seconds something hangs. A busy machine is slow, but not that slow."""


def eventually(happens: Callable[[], bool], describe: Callable[[], object] = str) -> None:
    """Return once it happens; `describe` gives what there is instead."""
    deadline = time.monotonic() + HANG_S
    while not happens():
        assert time.monotonic() < deadline, f"it did not happen: {describe()}"
        time.sleep(0.02)


async def eventually_async(happens: Callable[[], Awaitable[bool]], describe: Callable[[], object] = str) -> None:
    """The same for what is asked with `await`."""
    deadline = time.monotonic() + HANG_S
    while not await happens():
        assert time.monotonic() < deadline, f"it did not happen: {describe()}"
        await asyncio.sleep(0.02)
