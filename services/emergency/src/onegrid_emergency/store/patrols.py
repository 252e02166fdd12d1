"""The statements over patrols of border."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, DateTime, Double, Table, Text, delete, select
from sqlalchemy.dialects.postgresql import distinct_on

from onegrid_emergency.patrol import FRESH, UNIT, Patrol
from onegrid_emergency.store.distances import distance_m
from onegrid_emergency.tables import metadata
from onegrid_kit import codes
from onegrid_kit.locations import Location
from onegrid_kit.projections import keep_newest

__all__ = ["forget_patrols", "keep_patrol", "nearest_units"]

# What border announced of the last hours.
patrol = Table(
    "patrol",
    metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("out", Boolean, nullable=False),
    Column("longitude", Double),
    Column("latitude", Double),
    Column("position_time", DateTime(timezone=True)),
    Column("announce_time", DateTime(timezone=True), nullable=False),
)


def keep_patrol(conn: Connection, announced: Patrol) -> None:
    """Keep a patrol as it was announced, unless it was announced later as something else."""
    at = announced.position
    values = {
        "unit": announced.unit,
        "display_name": announced.display_name,
        "out": announced.out,
        "longitude": at.longitude if at else None,
        "latitude": at.latitude if at else None,
        "position_time": announced.position_time,
        "announce_time": announced.announce_time,
    }
    keep_newest(conn, patrol, {"district": announced.district, "name": announced.name}, announced.version, values)


def nearest_units(
    conn: Connection, place: str, location: Location, now: datetime, *, within_m: float, limit: int
) -> list[tuple[Patrol, float]]:
    """The patrols of those units that a place, or something inside it, answers for, that are out, and were not further
    away than that: of each unit the one with the newest position. The nearest first, with its distance in metres.
    """
    p = patrol.c
    newest = (
        select(patrol)
        .ext(distinct_on(p.unit))
        .where(
            p.district == codes.district_of(place),
            p.unit.startswith(UNIT.name(place)),
            p.out,
            p.longitude.is_not(None),
            p.position_time >= now - FRESH,
        )
        .order_by(p.unit, p.position_time.desc(), p.name)
        .subquery()
    )
    away = distance_m(newest.c.longitude, newest.c.latitude, location).label("away")
    query = select(newest, away).where(away <= within_m).order_by(away, newest.c.unit).limit(limit)
    return [(_patrol(row), row.away) for row in conn.execute(query)]


def forget_patrols(conn: Connection, before: datetime) -> None:
    """Delete what was announced before a moment."""
    conn.execute(delete(patrol).where(patrol.c.announce_time < before))


def _patrol(row: Any) -> Patrol:
    return Patrol(
        name=row.name,
        version=row.version,
        unit=row.unit,
        display_name=row.display_name,
        out=row.out,
        position=Location(row.longitude, row.latitude),
        position_time=row.position_time,
        announce_time=row.announce_time,
    )
