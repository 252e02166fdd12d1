"""Streams end when what admitted them ends: the caller's token, session or permission."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from onegrid_kit.clock import Clock
from onegrid_kit.errors import DomainError

__all__ = ["OpenStreams"]

_CHECK_S: Final = 0.5


class OpenStreams:
    """The streams of one service that are open in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[asyncio.Future[DomainError], Callable[[datetime], None]] = {}

    @contextmanager
    def opened(self, recheck: Callable[[datetime], None]) -> Iterator[asyncio.Future[DomainError]]:
        """Check a stream again and again while in here. The future gets the first error that `recheck` raises."""
        ended: asyncio.Future[DomainError] = asyncio.get_running_loop().create_future()
        self._open[ended] = recheck
        try:
            yield ended
        finally:
            del self._open[ended]

    async def run(self) -> None:
        """Check the open streams until cancelled."""
        while True:
            now = self._clock.now()
            for ended, recheck in list(self._open.items()):
                if ended.done():
                    continue
                try:
                    recheck(now)
                except DomainError as error:
                    ended.set_result(error)
            await asyncio.sleep(_CHECK_S)
