"""The places of grid and the departments of identity, as they were announced."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from onegrid_kit import codes
from onegrid_kit.projections import keep_newest
from onegrid_notify.tables import department, place

__all__ = ["display_names", "keep_department", "keep_place", "known_codes"]


def keep_place(conn: Connection, code: str, version: int, display_name: str) -> None:
    """Keep a place's code and name."""
    key = {"district": codes.district_of(code), "code": code}
    keep_newest(conn, place, key, version, {"display_name": display_name})


def keep_department(conn: Connection, code: str, version: int, display_name: str) -> None:
    """Keep a department's code and name."""
    key = {"district": codes.district_of(code), "code": code}
    keep_newest(conn, department, key, version, {"display_name": display_name})


def known_codes(conn: Connection, wanted: Collection[str]) -> set[str]:
    """Those of the codes that are of a known place or department."""
    return set(display_names(conn, wanted))


def display_names(conn: Connection, wanted: Collection[str]) -> Mapping[str, str]:
    """The names of those places and departments that are known, by code."""
    districts = {codes.district_of(code) for code in wanted}
    queries = [
        select(table.c.code, table.c.display_name).where(table.c.district.in_(districts), table.c.code.in_(wanted))
        for table in (place, department)
    ]
    return {row.code: row.display_name for row in conn.execute(queries[0].union_all(queries[1]))}
