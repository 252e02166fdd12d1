"""Devices that are due are looked at four times a second, while readings can arrive.

Each process that takes readings notes that it does. A pause in that, because the process or the database was away, is
no silence of any device: silence counts from when readings could arrive again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from onegrid_emergency import metrics
from onegrid_emergency.commands.readings import look_at_due
from onegrid_emergency.store.readings import beat
from onegrid_kit.clock import Clock
from onegrid_kit.database import Database

__all__ = ["Listening"]

_EVERY_S: Final = 0.25
_MISSED: Final = timedelta(seconds=5)
"""After so long without a note, readings could not arrive."""
_AT_ONCE: Final = 1_000


class Listening:
    """One process looks at devices."""

    def __init__(self, db: Database, clock: Clock, receiver: str, is_ready: Callable[[], bool] = lambda: True) -> None:
        """`receiver`: the way that readings take to get here. `is_ready`: whether they can at this moment."""
        self._is_ready = is_ready
        self._db = db
        self._clock = clock
        self._receiver = receiver

    async def run(self) -> None:
        """Look at what is due until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Look at all that is due now, if readings can arrive; processes that look at the same time share it."""
        if not self._is_ready():
            return
        now = self._clock.now()
        ready_since = await self._db.write(lambda conn: beat(conn, self._receiver, now, now - _MISSED))
        while True:
            found = await self._db.write(lambda conn: look_at_due(conn, self._clock.now(), ready_since, _AT_ONCE))
            metrics.count_alarms(found.raised, found.cleared)
            metrics.SILENCES.labels("emergency").inc(found.silent)
            if found.silent:
                metrics.SILENCE_LATE.labels("emergency").observe(found.late.total_seconds())
            if found.count < _AT_ONCE:
                return
