"""The codes of grid's cells, as they were announced."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from onegrid_border.tables import cell
from onegrid_kit import codes
from onegrid_kit.projections import keep_newest

__all__ = ["keep_cell", "known_cells"]


def keep_cell(conn: Connection, code: str, version: int) -> None:
    """Know a cell's code."""
    keep_newest(conn, cell, {"district": codes.district_of(code), "code": code}, version, {})


def known_cells(conn: Connection, candidates: Collection[str]) -> frozenset[str]:
    """Those that are codes of cells."""
    if not candidates:
        return frozenset()
    districts = {codes.district_of(each) for each in candidates}
    query = select(cell.c.code).where(cell.c.district.in_(districts), cell.c.code.in_(candidates))
    return frozenset(conn.execute(query).scalars())
