"""Tasks down the line."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from onegrid_partyedu.tables.base import metadata, moment

__all__ = ["guidance_assignment", "guidance_task"]

guidance_task = Table(
    "guidance_task",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("sender", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("media", ARRAY(Text), nullable=False),
    moment("due_time"),
    Column("report_wanted", Boolean, nullable=False),
    Column("upper", Text, nullable=False),
    Column("assignments", Integer, nullable=False),
    Column("withdraw_reason", Text, nullable=False),
    moment("withdraw_time", nullable=True),
    moment("create_time"),
    Column("article", Text, nullable=False, server_default=""),
)

# The due time and the time of sending are those of the task: by them assignments are listed.
guidance_assignment = Table(
    "guidance_assignment",
    metadata,
    Column("district", Text, primary_key=True),
    Column("task", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    moment("due_time"),
    moment("create_time"),
    Column("reader", Text, nullable=False),
    moment("read_time", nullable=True),
    Column("report", Text, nullable=False),
    Column("report_media", ARRAY(Text), nullable=False),
    moment("report_time", nullable=True),
    Column("return_reason", Text, nullable=False),
    moment("decide_time", nullable=True),
)
