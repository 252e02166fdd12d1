"""duty's tables. Their names begin with duty: they stand beside those of the service that hosts them."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["calendar_link", "elevation", "gap", "handover", "override", "page", "person", "roster", "shift", "swap"]

_metadata = MetaData()
_time = DateTime(timezone=True)

roster = Table(
    "duty_roster",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("rotations", JSONB, nullable=False),
    Column("coverage", JSONB(none_as_null=True)),
    Column("supervisors", ARRAY(Text), nullable=False),
    Column("escalation", JSONB, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("definer", Text, nullable=False),
    Column("scheduled_until", _time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)
override = Table(
    "duty_override",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("roster", Text, nullable=False),
    Column("begin_time", _time, nullable=False),
    Column("end_time", _time, nullable=False),
    Column("user", Text, nullable=False),
    Column("rotations", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("swap", Text, nullable=False),
    Column("create_time", _time, nullable=False),
)
shift = Table(
    "duty_shift",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("roster", Text, nullable=False),
    Column("begin_time", _time, nullable=False),
    Column("end_time", _time, nullable=False),
    Column("user", Text, nullable=False),
    Column("source", SmallInteger, nullable=False),
    Column("role", Text, nullable=False),
    Column("guarantor", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("role_state", SmallInteger, nullable=False),
    Column("reminded", Boolean, nullable=False, server_default="false"),
    Column("update_time", _time, nullable=False),
)
# The gaps that were announced and are still there.
gap = Table(
    "duty_gap",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("roster", Text, primary_key=True),
    Column("begin_time", _time, primary_key=True),
    Column("end_time", _time, nullable=False),
    Column("reason", SmallInteger, primary_key=True),
    Column("user", Text, primary_key=True),
)
page = Table(
    "duty_page",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("roster", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("escalation", JSONB, nullable=False),
    Column("supervisors", ARRAY(Text), nullable=False),
    Column("paged", ARRAY(Text), nullable=False),
    Column("acknowledger", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("acknowledge_time", _time),
    Column("plan_activation", Text, nullable=False),
    Column("alarm", Text, nullable=False, server_default=""),
    Column("alarm_raise_time", _time),
    Column("end_time", _time),
)
handover = Table(
    "duty_handover",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("roster", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("following_shift", Text, nullable=False),
    Column("acknowledger", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("acknowledge_time", _time),
)
swap = Table(
    "duty_swap",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("roster", Text, nullable=False),
    Column("shift", Text, nullable=False),
    Column("proposer", Text, nullable=False),
    Column("begin_time", _time, nullable=False),
    Column("end_time", _time, nullable=False),
    Column("partner", Text, nullable=False),
    Column("partner_shift", Text, nullable=False),
    Column("partner_begin_time", _time),
    Column("partner_end_time", _time),
    Column("state", SmallInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("decide_time", _time),
)
# What identity announced of accounts.
person = Table(
    "duty_person",
    _metadata,
    Column("user", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("staff", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("reachable", Boolean, nullable=False),
)
# What plans of emergency add to what whoever is on duty may do.
elevation = Table(
    "duty_elevation",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("roster", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("guarantor", Text, nullable=False),
    Column("begin_time", _time, nullable=False),
    Column("end_time", _time, nullable=False),
    Column("ended", Boolean, nullable=False),
)
# The secret links of calendars: of somebody's own shifts where the roster is empty.
calendar_link = Table(
    "duty_calendar_link",
    _metadata,
    Column("user", Text, primary_key=True),
    Column("roster", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("reminder_minutes", Integer, nullable=False),
    Column("expire_time", _time),
)
