"""Grid's cells, as they were announced."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from onegrid_border.tables import cell
from onegrid_kit import cells, codes
from onegrid_kit.geometry import Ring
from onegrid_kit.locations import Location
from onegrid_kit.projections import keep_newest

__all__ = ["cell_at", "keep_cell", "known_cells"]


def keep_cell(conn: Connection, code: str, version: int, boundary: Ring) -> None:
    """Know a cell's code, and its ground."""
    key = {"district": codes.district_of(code), "code": code}
    keep_newest(conn, cell, key, version, cells.ground_of(boundary))


def cell_at(conn: Connection, district: str, location: Location) -> str | None:
    """The district's cell that the position lies in."""
    return cells.cell_at(conn, cell, district, location)


def known_cells(conn: Connection, candidates: Collection[str]) -> frozenset[str]:
    """Those that are codes of cells."""
    return cells.known_cells(conn, cell, candidates)
