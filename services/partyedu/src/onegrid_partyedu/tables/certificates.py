"""What is certified."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from onegrid_partyedu.tables.base import metadata, moment

__all__ = ["certificate", "certificate_scheme"]

certificate_scheme = Table(
    "certificate_scheme",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("required", ARRAY(Text), nullable=False),
    Column("yearly", Boolean, nullable=False),
    Column("validity_months", SmallInteger, nullable=False),
    moment("retire_time", nullable=True),
    moment("create_time"),
    moment("update_time"),
)

certificate = Table(
    "certificate",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("scheme", Text, nullable=False),
    Column("year", SmallInteger, nullable=False),
    Column("sealed_facts", LargeBinary, nullable=False),
    Column("sealed_code", LargeBinary, nullable=False),
    Column("code_index", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("superseded_by", Text, nullable=False),
    moment("issue_time"),
    moment("expire_time", nullable=True),
    moment("end_time", nullable=True),
    Column("revoke_reason", Text, nullable=False),
)
