"""Requests that wait at the same moment are stored, or read, together: one transaction for many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from onegrid_kit import metrics
from onegrid_kit.errors import OutcomeUnknown, Unavailable

__all__ = ["Coalescer"]

_CROWD = 2

I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741


class Coalescer(Generic[I, O]):
    """Hands what has gathered to `flush`, at most `most` at a time and `flushes` at once.

    Nothing waits for company: an item that comes while a flush is free goes at once. Only where there is a
    crowd already, flushes begin at least `pace_s` apart: a loop that is busy with small batches would never get
    to accept the requests that make a large one.

    `flush` answers for each item, with an exception for one that failed alone. If it raises, each item is tried
    by itself, so that one can't harm another.
    """

    def __init__(
        self,
        name: str,
        flush: Callable[[Sequence[I]], Awaitable[Sequence[O | Exception]]],
        *,
        most: int = 64,
        flushes: int = 1,
        pace_s: float = 0.008,
    ) -> None:
        self._flush = flush
        self._most = most
        self._free = flushes
        self._pace = pace_s
        self._waiting: deque[tuple[I, asyncio.Future[O]]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._size = metrics.BATCH_SIZE.labels(name)

    def submit(self, item: I, answer: asyncio.Future[O] | None = None) -> asyncio.Future[O]:
        """What `flush` will answer for the item, in `answer` if that is given. A caller that goes away does not take
        the item with it.
        """
        future: asyncio.Future[O] = answer or asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._work())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return future

    async def _work(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while self._waiting:
                began = clock()
                batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                self._size.observe(len(batch))
                await self._answer(batch)
                early = began + self._pace - clock()
                if early > 0 and len(batch) + len(self._waiting) > _CROWD:
                    await asyncio.sleep(early)
        finally:
            self._free += 1

    async def _answer(self, batch: Sequence[tuple[I, asyncio.Future[O]]]) -> None:
        try:
            answers = await self._flush([item for item, _ in batch])
            settled = list(zip(batch, answers, strict=True))
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Unavailable | OutcomeUnknown):
                for one in batch:
                    await self._answer([one])
                return
            # One item alone is the cause; or none is: what is away for one is away for all, and what may have been done
            # must not be tried again.
            settled = [(one, error) for one in batch]
        for (_, future), answer in settled:
            _settle(future, answer)


def _settle(future: asyncio.Future[O], answer: O | Exception) -> None:
    if future.done():  # its caller went away
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
