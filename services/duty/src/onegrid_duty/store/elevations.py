"""The statements over what plans add to the authority of whoever is on duty."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_duty.elevation import Elevation
from onegrid_duty.tables import elevation
from onegrid_kit import codes

__all__ = ["end_elevation", "keep_elevation", "open_elevations"]


def keep_elevation(conn: Connection, new: Elevation) -> bool:
    """Keep an elevation; whether it is new: its end may have come before."""
    statement = insert(elevation).values(_columns(new)).on_conflict_do_nothing().returning(elevation.c.name)
    return conn.execute(statement).one_or_none() is not None


def end_elevation(conn: Connection, ended: Elevation) -> bool:
    """Keep that an elevation has ended; whether it had begun."""
    e = elevation.c
    this = e.district == codes.district_of(ended.roster), e.name == ended.name
    begun = conn.execute(elevation.update().where(*this).values(ended=True)).rowcount == 1
    return begun or not keep_elevation(conn, ended)


def open_elevations(conn: Connection, roster_id: str, now: datetime) -> list[Elevation]:
    """The elevations of a roster that have not ended, by name."""
    e = elevation.c
    these = e.district == codes.district_of(roster_id), e.roster == roster_id, ~e.ended, e.end_time > now
    return [_elevation(row) for row in conn.execute(select(elevation).where(*these).order_by(e.name))]


def _columns(of: Elevation) -> dict[str, object]:
    values = asdict(of)
    begin, end = values.pop("begin"), values.pop("end")
    return {"district": codes.district_of(of.roster), **values, "begin_time": begin, "end_time": end}


def _elevation(row: Any) -> Elevation:
    values = dict(row._mapping)
    del values["district"]
    begin, end = values.pop("begin_time"), values.pop("end_time")
    return Elevation(**values, begin=begin, end=end)
