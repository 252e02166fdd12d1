"""Who belongs to which Party organization."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onegrid_notify.tables.base import TIME, metadata

__all__ = ["party_line", "party_member", "party_member_version", "party_organization_version", "party_post"]

party_member_version = Table(
    "party_member_version",
    metadata,
    Column("district", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("time", TIME, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("organization", Text, nullable=False),
)

party_member = Table(
    "party_member",
    metadata,
    Column("district", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("begin_time", TIME, primary_key=True),
    Column("end_time", TIME, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("organization", Text, nullable=False),
)

party_organization_version = Table(
    "party_organization_version",
    metadata,
    Column("district", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("time", TIME, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("term", Integer, nullable=False),
    Column("term_begin", TIME, nullable=False),
    Column("officers", JSONB, nullable=False),
    Column("dissolved", Boolean, nullable=False, server_default="false"),
)

party_line = Table(
    "party_line",
    metadata,
    Column("district", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("above", Text, primary_key=True),
    Column("begin_time", TIME, primary_key=True),
    Column("end_time", TIME, nullable=False),
)

party_post = Table(
    "party_post",
    metadata,
    Column("district", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("post", SmallInteger, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("begin_time", TIME, primary_key=True),
    Column("end_time", TIME, nullable=False),
)
