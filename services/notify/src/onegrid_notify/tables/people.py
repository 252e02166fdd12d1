"""Who people are, where they are reached, and what they want."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onegrid_notify.tables.base import TIME, metadata

__all__ = [
    "address",
    "department",
    "group_member",
    "membership",
    "person_grant",
    "person_group",
    "person_version",
    "place",
    "preferences",
    "subscription",
    "suppression",
]

person_version = Table(
    "person_version",
    metadata,
    Column("user_name", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("time", TIME, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("district", Text, nullable=False),
    Column("home", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("forget_time", TIME),
)

person_grant = Table(
    "person_grant",
    metadata,
    Column("user_name", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("oa_level", SmallInteger, nullable=False),
    Column("begin_time", TIME, nullable=False),
    Column("end_time", TIME, nullable=False),
)

membership = Table(
    "membership",
    metadata,
    Column("district", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("oa_level", SmallInteger, nullable=False),
    Column("role", Text, primary_key=True),
    Column("begin_time", TIME, primary_key=True),
    Column("end_time", TIME, nullable=False),
)

person_group = Table(
    "person_group",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("update_time", TIME, nullable=False),
)

group_member = Table(
    "group_member",
    metadata,
    Column("district", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    Column("begin_time", TIME, primary_key=True),
    Column("end_time", TIME, nullable=False),
)

place = Table(
    "place",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

department = Table(
    "department",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

address = Table(
    "address",
    metadata,
    Column("user_name", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("district", Text, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("sealed_value", LargeBinary, nullable=False),
    Column("value_index", LargeBinary, nullable=False),
    Column("verify_time", TIME),
    Column("code_index", LargeBinary),
    Column("code_expire_time", TIME),
    Column("code_tries", Integer, nullable=False, server_default="0"),
    Column("create_time", TIME, nullable=False),
)

preferences = Table(
    "preferences",
    metadata,
    Column("user_name", Text, primary_key=True),
    Column("mutes", JSONB, nullable=False),
    Column("quiet_start", SmallInteger),
    Column("quiet_end", SmallInteger),
    Column("digests", JSONB, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("update_time", TIME, nullable=False),
)

suppression = Table(
    "suppression",
    metadata,
    Column("district", Text, primary_key=True),
    Column("value_index", LargeBinary, primary_key=True),
    Column("channel", SmallInteger, nullable=False),
    Column("reason", SmallInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("create_time", TIME, nullable=False),
)

subscription = Table(
    "subscription",
    metadata,
    Column("district", Text, primary_key=True),
    Column("column_id", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    Column("begin_time", TIME, primary_key=True),
    Column("end_time", TIME, nullable=False),
)
