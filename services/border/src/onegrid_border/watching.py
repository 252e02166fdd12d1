"""Where units are, for any number of watchers: one query an interval for each district that is watched."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial

from onegrid_border.patrol import Patrol
from onegrid_border.settings import BorderSettings
from onegrid_border.store import patrols as store
from onegrid_kit import codes
from onegrid_kit.errors import Unavailable
from onegrid_kit.runtime import Runtime

__all__ = ["Positions"]


class Positions:
    """The newest position of each unit, as this process has last read it."""

    def __init__(self, runtime: Runtime[BorderSettings]) -> None:
        self._db = runtime.db
        self._closing = runtime.closing
        self._interval = runtime.settings.watch_interval_s
        self._watched: Counter[str] = Counter()
        self._read: dict[str, Sequence[Patrol]] = {}
        self._news = asyncio.Condition()
        self._begun = asyncio.Event()
        runtime.spawn("read positions of units", self._follow)

    async def watch(self, scope: str) -> AsyncIterator[Patrol | None]:
        """The patrols of units of a place or department: first all whose units have a known position, then None, then
        each whose unit has a newer one than before. Raises Unavailable when the server stops.
        """
        district, sent = codes.district_of(scope), dict[str, datetime | None]()
        complete = False
        self._watched[district] += 1
        self._begun.set()
        try:
            while not self._closing.is_set():
                for patrol in self._read.get(district, ()):
                    if patrol.unit.startswith(scope) and patrol.is_placed_since(sent.get(patrol.unit)):
                        sent[patrol.unit] = patrol.position_time
                        yield patrol
                if not complete and district in self._read:
                    complete = True
                    yield None
                async with self._news:
                    await self._news.wait()
            raise Unavailable("the server is stopping; call again")
        finally:
            self._watched[district] -= 1

    async def _follow(self) -> None:
        while not self._closing.is_set():
            districts = [district for district, watchers in self._watched.items() if watchers]
            for district in districts:
                self._read[district] = await self._db.read(partial(store.current_positions, district=district))
            for gone in self._read.keys() - set(districts):
                del self._read[gone]
            async with self._news:
                self._news.notify_all()
            await self._pause(bool(districts))
        async with self._news:
            self._news.notify_all()

    async def _pause(self, watched: bool) -> None:
        """Wait until the next round is due; without watchers, until there is one."""
        if not watched:
            self._begun.clear()
        waits = [asyncio.ensure_future(self._closing.wait())]
        if not watched:
            waits.append(asyncio.ensure_future(self._begun.wait()))
        _, pending = await asyncio.wait(
            waits, timeout=self._interval if watched else None, return_when=asyncio.FIRST_COMPLETED
        )
        for wait in pending:
            wait.cancel()
