"""Organizations, members, and what others announced."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Identity, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from onegrid_partyedu.tables.base import metadata, moment

__all__ = ["cell", "known_user", "member", "membership", "officer", "organization", "term", "transfer"]

organization = Table(
    "organization",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("form", SmallInteger, nullable=False),
    Column("parent", Text, nullable=False),
    Column("longitude", Double),
    Column("latitude", Double),
    Column("cells", ARRAY(Text), nullable=False),
    Column("term", Integer, nullable=False),
    moment("term_due_time", nullable=True),
    moment("dissolve_time", nullable=True),
    moment("create_time"),
    moment("update_time"),
)

term = Table(
    "term",
    metadata,
    Column("district", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    moment("begin_time"),
    moment("due_time"),
    moment("end_time", nullable=True),
)

officer = Table(
    "officer",
    metadata,
    Column("district", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("term", Integer, primary_key=True),
    Column("post", SmallInteger, primary_key=True),
    Column("member", Text, primary_key=True),
    moment("begin_time", primary_key=True),
    moment("end_time", nullable=True),
)

member = Table(
    "member",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("organization", Text, nullable=False),
    moment("organization_time"),
    Column("state", SmallInteger, nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
    Column("name_index", LargeBinary, nullable=False),
    Column("number", Text, nullable=False),
    Column("user", Text, nullable=False),
    moment("join_time"),
    moment("probation_end_time"),
    Column("probation_extended", Boolean, nullable=False),
    moment("confirm_time", nullable=True),
    moment("end_time", nullable=True),
    Column("end_reason", SmallInteger, nullable=False),
    moment("create_time"),
    moment("update_time"),
)

membership = Table(
    "membership",
    metadata,
    Column("district", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("organization", Text, nullable=False),
    moment("begin_time"),
    moment("end_time", nullable=True),
)

transfer = Table(
    "transfer",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    moment("create_time"),
    moment("expire_time"),
    moment("end_time", nullable=True),
)

# The codes of grid's cells.
cell = Table(
    "cell",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# What identity announced of users.
known_user = Table(
    "known_user",
    metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
)
