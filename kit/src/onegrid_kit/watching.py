"""Live timelines for any number of watchers: one query an interval serves them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from onegrid_kit.callers import Call
from onegrid_kit.errors import Unavailable
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import Viewer

__all__ = ["Watchers"]


class Step(Protocol):
    """An entry of a timeline."""

    @property
    def sequence(self) -> int:
        """Its number: one more than the one before."""

    @property
    def state(self) -> int:
        """Where the resource stood after it."""


class Watched(Protocol):
    """A resource that has a timeline."""

    @property
    def id(self) -> str:
        """What `read` finds its steps by."""

    @property
    def sequence(self) -> int:
        """The number of its last step."""

    @property
    def state(self) -> int:
        """Where it stands."""


S = TypeVar("S", bound=Step)
W = TypeVar("W", bound=Watched)


class _Watcher(Generic[S]):
    def __init__(self, after: int) -> None:
        self.after = after
        self.news: asyncio.Queue[S | Exception] = asyncio.Queue()


class Watchers(Generic[S]):
    """Those who watch resources of one kind on this process. Steps are read from the database, so it does not matter
    who takes them where.
    """

    def __init__(
        self,
        runtime: Runtime[Any],
        interval_s: float,
        read: Callable[[Connection, Mapping[str, int]], Mapping[str, Sequence[S]]],
        ended: Collection[int],
    ) -> None:
        """`read` finds for each resource's id the steps after that sequence number, the oldest first; nothing follows
        the states that are `ended`.
        """
        self._db = runtime.db
        self._clock = runtime.clock
        self._closing = runtime.closing
        self._interval = interval_s
        self._read = read
        self._ended = ended
        self._watchers: dict[str, set[_Watcher[S]]] = {}
        self._has_watchers = asyncio.Event()

    async def watch(
        self,
        call: Call,
        watched: W,
        after: int,
        require: Callable[[str, Call], Awaitable[W]],
        viewer_of: Callable[[Call, W], Viewer],
    ) -> AsyncIterator[tuple[S, Viewer]]:
        """The steps of a resource after that sequence number, as they are taken, each with what the caller is to the
        resource then; until it has ended.

        Raises what `require` raises once the caller may not see it any more, and Unavailable when the server stops.
        """
        if watched.state in self._ended and after >= watched.sequence:
            return
        viewer = viewer_of(call, watched)
        async for step in self._follow(watched.id, after):
            if step.sequence > watched.sequence:
                # With this step, or since the stream began, the resource may have left the caller's view.
                now = replace(call, caller=call.caller.at(self._clock.now()))
                watched = await require(watched.id, now)
                viewer = viewer_of(now, watched)
            yield step, viewer
            if step.state in self._ended:
                return

    async def _follow(self, id_: str, after: int) -> AsyncIterator[S]:
        watcher: _Watcher[S] = _Watcher(after)
        self._watchers.setdefault(id_, set()).add(watcher)
        self._has_watchers.set()
        try:
            while True:
                news = await watcher.news.get()
                if isinstance(news, Exception):
                    raise news
                yield news
        finally:
            watching = self._watchers[id_]
            watching.discard(watcher)
            if not watching:
                del self._watchers[id_]

    async def run(self) -> None:
        """Deliver new steps to watchers until the server stops."""
        while not self._closing.is_set():
            await self._deliver_news()
            if not self._watchers:
                self._has_watchers.clear()
            await self._pause()
        for watcher in [w for group in self._watchers.values() for w in group]:
            watcher.news.put_nowait(Unavailable("the server is stopping; go on from the last resume_token"))

    async def _deliver_news(self) -> None:
        after = {id_: min(w.after for w in group) for id_, group in self._watchers.items()}
        if not after:
            return
        news = await self._db.read(lambda conn: self._read(conn, after))
        for id_, steps in news.items():
            for watcher in self._watchers.get(id_, ()):
                for step in steps:
                    if step.sequence > watcher.after:
                        watcher.after = step.sequence
                        watcher.news.put_nowait(step)

    async def _pause(self) -> None:
        """Wait until the next round is due; without watchers, until there is one."""
        waits = [asyncio.ensure_future(self._closing.wait())]
        if not self._watchers:
            waits.append(asyncio.ensure_future(self._has_watchers.wait()))
        _, pending = await asyncio.wait(
            waits,
            timeout=self._interval if self._watchers else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for wait in pending:
            wait.cancel()
