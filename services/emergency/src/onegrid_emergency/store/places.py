"""The places of grid and the departments of identity, as they were announced."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from onegrid_emergency.tables import department, place
from onegrid_kit import cells, codes
from onegrid_kit.geometry import Ring
from onegrid_kit.locations import Location
from onegrid_kit.projections import keep_newest

__all__ = ["cell_at", "keep_department", "keep_place", "office_names"]


def keep_place(
    conn: Connection, code: str, version: int, display_name: str, *, grid_worker: str = "", boundary: Ring = ()
) -> None:
    """Keep a place's code and name; of a cell also its ground and the first of its grid workers."""
    values = {"display_name": display_name, "grid_worker": grid_worker, **cells.ground_of(boundary)}
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
    """The district's cell that the position lies in."""
    return cells.cell_at(conn, place, district, location)
