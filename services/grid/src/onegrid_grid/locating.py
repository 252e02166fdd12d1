"""Keeps a district's cells in memory as an index of their ground."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from onegrid_grid.store import registry as store
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.database import Database
from onegrid_kit.geometry import CellIndex

__all__ = ["Locator"]


class Locator:
    """Finds cells by points. Each look-up compares versions first, those of the same moment in one query, so that no
    process answers by ground that had changed before the look-up began, whichever process changed it.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._indexes: dict[str, tuple[int, CellIndex]] = {}
        self._loading = asyncio.Lock()
        self._versions: Coalescer[str, int] = Coalescer("ground_version", self._ask_versions)

    async def locate(self, district: str, longitude: float, latitude: float) -> str | None:
        """The code of the point's cell; None if no cell covers it."""
        version = await self._versions.submit(district)
        if not version:  # the district has no cells
            return None
        known = self._indexes.get(district)
        if known is None or known[0] < version:
            async with self._loading:
                known = self._indexes.get(district)
                if known is None or known[0] < version:
                    known = await self._load(district, version)
        return known[1].locate(longitude, latitude)

    async def _load(self, district: str, version: int) -> tuple[int, CellIndex]:
        # Cells that are newer than the version do no harm: they are loaded again with theirs.
        cells = await self._db.read(lambda conn: store.cells(conn, district))
        index = await asyncio.to_thread(CellIndex, [(each.code, each.boundary) for each in cells])
        loaded = (version, index)
        self._indexes[district] = loaded
        return loaded

    async def _ask_versions(self, districts: Sequence[str]) -> Sequence[int]:
        versions = await self._db.read(lambda conn: store.ground_versions(conn, sorted(set(districts))))
        return [versions[district] for district in districts]
