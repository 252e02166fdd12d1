"""border's tables. The district's code comes first in every key."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["asset", "cell", "inspection", "metadata", "route", "route_revision", "unit"]

metadata = MetaData()

unit = Table(
    "unit",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("roster", Text, nullable=False),
    Column("lone", Boolean, nullable=False),
    Column("retire_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

route = Table(
    "route",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("retire_time", DateTime(timezone=True)),
)

route_revision = Table(
    "route_revision",
    metadata,
    Column("district", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("checkpoints", JSONB, nullable=False),
    Column("corridor_m", Integer, nullable=False),
    Column("max_speed_kmh", Integer, nullable=False),
    Column("effective_time", DateTime(timezone=True), nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
)

asset = Table(
    "asset",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("course", JSONB, nullable=False),
    Column("condition", SmallInteger, nullable=False),
    Column("inspect_time", DateTime(timezone=True)),
    Column("inspections", Integer, nullable=False),
    Column("retire_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

inspection = Table(
    "inspection",
    metadata,
    Column("district", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("condition", SmallInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("inspector", Text, nullable=False),
    Column("inspect_time", DateTime(timezone=True), nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
)

cell = Table(
    "cell",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
