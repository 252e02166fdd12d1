"""Meetings, who was there, and what was said."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from onegrid_partyedu.tables.base import metadata, moment

__all__ = ["attendance", "check_in_guess", "meeting", "meeting_calendar_link", "minutes_revision"]

# Meetings, who was there, and what was said.
meeting = Table(
    "meeting",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("organization", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    moment("begin_time"),
    moment("planned_end_time"),
    Column("place", Text, nullable=False),
    Column("agenda", ARRAY(Text), nullable=False),
    Column("expected", SmallInteger, nullable=False),
    Column("members", ARRAY(Text), nullable=False),
    Column("guests_welcome", Boolean, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("cancel_reason", Text, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    Column("expected_count", Integer),
    Column("present_count", Integer),
    Column("excused_count", Integer),
    Column("guest_count", Integer),
    Column("quorate", Boolean),
    moment("create_time"),
    moment("update_time"),
    moment("open_time", nullable=True),
    moment("end_time", nullable=True),
)

attendance = Table(
    "attendance",
    metadata,
    Column("district", Text, primary_key=True),
    Column("meeting", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("state", SmallInteger, nullable=False),
    Column("source", SmallInteger, nullable=False),
    Column("guest", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    moment("record_time"),
)

minutes_revision = Table(
    "minutes_revision",
    metadata,
    Column("district", Text, primary_key=True),
    Column("meeting", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("minutes", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("create_time"),
)

# Wrong codes of a member at a meeting.
check_in_guess = Table(
    "check_in_guess",
    metadata,
    Column("district", Text, primary_key=True),
    Column("meeting", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    moment("last_time"),
)

meeting_calendar_link = Table(
    "meeting_calendar_link",
    metadata,
    Column("district", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("reminder_minutes", Integer, nullable=False),
)
