"""Live timelines for any number of watchers: one query an interval serves them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from onegrid_kit.database import Database
from onegrid_kit.errors import Unavailable
from onegrid_petition import lifecycle, store
from onegrid_petition.petition import Entry

__all__ = ["Watchers"]


class _Watcher:
    def __init__(self, after: int) -> None:
        self.after = after
        self.news: asyncio.Queue[Entry | Exception] = asyncio.Queue()


class Watchers:
    """Those who watch petitions on this process. Steps are read from the database, so it does not matter who
    takes them where.
    """

    def __init__(self, db: Database, interval_s: float, closing: asyncio.Event) -> None:
        self._db = db
        self._interval = interval_s
        self._closing = closing
        self._watchers: dict[str, set[_Watcher]] = {}
        self._has_watchers = asyncio.Event()

    async def follow(self, petition_id: str, after: int) -> AsyncIterator[Entry]:
        """The steps after that sequence number, as they are taken, up to the one that ends the petition.

        Raises Unavailable when the server stops.
        """
        watcher = _Watcher(after)
        self._watchers.setdefault(petition_id, set()).add(watcher)
        self._has_watchers.set()
        try:
            while True:
                news = await watcher.news.get()
                if isinstance(news, Exception):
                    raise news
                yield news
                if news.state in lifecycle.ENDED:
                    return
        finally:
            watching = self._watchers[petition_id]
            watching.discard(watcher)
            if not watching:
                del self._watchers[petition_id]

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
        news = await self._db.read(lambda conn: store.entries_after(conn, after))
        for petition_id, entries in news.items():
            for watcher in self._watchers.get(petition_id, ()):
                for entry in entries:
                    if entry.sequence > watcher.after:
                        watcher.after = entry.sequence
                        watcher.news.put_nowait(entry)

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
