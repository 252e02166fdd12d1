"""An outside system that does what a test tells it to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from onegrid_kit.sending import Attempt, Limit, Outgoing, Result, Send


async def accept(_: Outgoing, __: Send, attempt: Attempt) -> Result:
    """Take it."""
    return Result.accepted(str(attempt.key))


@dataclass(eq=False)
class FakeProvider:
    """Counts its calls by the sendings' ids."""

    name: str = "first"
    channel: str = "MAIL"
    districts: Collection[str] = ()
    limits: Sequence[Limit] = ()
    concurrency: int = 8
    answer: Callable[[Outgoing, Send, Attempt], Awaitable[Result]] = accept
    knows: Callable[[Attempt], Result | None] = lambda _: None
    calls: Counter[str] = field(default_factory=Counter)
    keys: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    closed: bool = False

    async def send(self, outgoing: Outgoing, message: Send, attempt: Attempt) -> Result:
        self.calls[outgoing.id] += 1
        self.keys.append(str(attempt.key))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await self.answer(outgoing, message, attempt)
        finally:
            self.running -= 1

    async def ask(self, attempt: Attempt) -> Result | None:
        await asyncio.sleep(0)
        return self.knows(attempt)

    async def close(self) -> None:
        self.closed = True
