"""Grid's cells as services keep them, each in a table of its own: their codes, their ground, whose a position is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import shapely
from sqlalchemy import Connection, Table, select

from onegrid_kit import codes
from onegrid_kit.geometry import Ring
from onegrid_kit.locations import Location

__all__ = ["cell_at", "ground_of", "known_cells"]


def ground_of(boundary: Ring) -> dict[str, Any]:
    """The columns of a cell's ground: its boundary and the box around it; nulls for a place without one."""
    west, south, east, north = shapely.LinearRing(boundary).bounds if boundary else (None, None, None, None)
    corners = [list(corner) for corner in boundary] or None
    return {"boundary": corners, "west": west, "south": south, "east": east, "north": north}


def cell_at(conn: Connection, cells: Table, district: str, location: Location) -> str | None:
    """The district's cell that the position lies in, as grid finds it: on a border the one with the lowest code.

    `cells`: a table with `district`, `code` and the columns of the ground.
    """
    c, at = cells.c, location
    around = (
        select(c.code, c.boundary)
        .where(c.district == district, c.boundary.is_not(None))
        .where(c.west <= at.longitude, c.east >= at.longitude)
        .where(c.south <= at.latitude, c.north >= at.latitude)
        .order_by(c.code)
    )
    return next((row.code for row in conn.execute(around) if _covers(row.boundary, at)), None)


def known_cells(conn: Connection, cells: Table, candidates: Collection[str]) -> frozenset[str]:
    """Those that are codes of cells. `cells`: a table with `district` and `code`."""
    districts = {codes.district_of(each) for each in candidates}
    query = select(cells.c.code).where(cells.c.district.in_(districts), cells.c.code.in_(candidates))
    return frozenset(conn.execute(query).scalars())


def _covers(corners: Sequence[Sequence[float]], at: Location) -> bool:
    return bool(shapely.intersects_xy(shapely.Polygon(corners), at.longitude, at.latitude))
