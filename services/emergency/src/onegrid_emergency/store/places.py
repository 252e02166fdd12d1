"""The places of grid and the departments of identity, as they were announced."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from sqlalchemy import Connection, select

from onegrid_emergency.tables import department, place
from onegrid_kit import codes
from onegrid_kit.geometry import Ring
from onegrid_kit.locations import Location
from onegrid_kit.projections import keep_newest

__all__ = ["cell_at", "keep_department", "keep_place", "office_names"]


def keep_place(
    conn: Connection, code: str, version: int, display_name: str, *, grid_worker: str = "", boundary: Ring = ()
) -> None:
    """Keep a place's code and name; of a cell also its ground and the first of its grid workers."""
    west, south, east, north = shapely.LinearRing(boundary).bounds if boundary else (None, None, None, None)
    values = {
        "display_name": display_name,
        "grid_worker": grid_worker,
        "boundary": [list(corner) for corner in boundary] or None,
        "west": west,
        "south": south,
        "east": east,
        "north": north,
    }
    keep_newest(conn, place, {"district": codes.district_of(code), "code": code}, version, values)


def keep_department(conn: Connection, code: str, version: int, display_name: str) -> None:
    """Keep a department's code and name."""
    key = {"district": codes.district_of(code), "code": code}
    keep_newest(conn, department, key, version, {"display_name": display_name})


def office_names(conn: Connection, district: str, offices: Sequence[str]) -> dict[str, str]:
    """The names of those of these departments, districts, streets and communities that are known, by code."""
    found = conn.execute(
        select(department.c.code, department.c.display_name)
        .where(department.c.district == district, department.c.code.in_(offices))
        .union_all(
            select(place.c.code, place.c.display_name).where(place.c.district == district, place.c.code.in_(offices))
        )
    )
    return {row.code: row.display_name for row in found}


def cell_at(conn: Connection, district: str, location: Location) -> str | None:
    """The district's cell that the position lies in, as grid finds it: on a border the one with the lowest code."""
    at = location
    around = (
        select(place.c.code, place.c.boundary)
        .where(place.c.district == district, place.c.boundary.is_not(None))
        .where(place.c.west <= at.longitude, place.c.east >= at.longitude)
        .where(place.c.south <= at.latitude, place.c.north >= at.latitude)
        .order_by(place.c.code)
    )
    return next((row.code for row in conn.execute(around) if _covers(row.boundary, at)), None)


def _covers(corners: Sequence[Sequence[float]], at: Location) -> bool:
    return bool(shapely.intersects_xy(shapely.Polygon(corners), at.longitude, at.latitude))
