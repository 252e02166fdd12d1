"""Keeps the newest snapshot of the ground in memory, so that a filing is routed without a query."""

from __future__ import annotations

import asyncio

from onegrid_kit.database import Database
from onegrid_kit.locations import Location
from onegrid_petition import ground, queries
from onegrid_petition.errors import PlaceUnknown
from onegrid_petition.ground import Ground, Route

__all__ = ["Router"]

_POLL_S = 1.0


class Router:
    """Routes petitions by the ground as it was a second ago at most."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._ground: Ground | None = None
        self._loading = asyncio.Lock()

    async def route(self, district: str, place: str, location: Location | None) -> Route:
        """Where a petition belongs. Raises PlaceUnknown."""
        if self._ground is not None:
            try:
                return ground.route(self._ground, district, place, location)
            except PlaceUnknown:
                # The place may have been entered since.
                pass
        await self._refresh()
        assert self._ground is not None, "a refresh loads the ground, or raises"
        return ground.route(self._ground, district, place, location)

    async def run(self) -> None:
        """Keep the ground fresh."""
        while True:
            await self._refresh()
            await asyncio.sleep(_POLL_S)

    async def _refresh(self) -> None:
        async with self._loading:
            version = await self._db.read(queries.ground_version)
            if self._ground is None or version != self._ground.version:
                self._ground = await self._db.read(queries.ground)
