"""border's tables. The district's code comes first in every key."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Double,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

__all__ = [
    "alarm",
    "asset",
    "cell",
    "checkpoint_code",
    "incident",
    "inspection",
    "observation",
    "patrol",
    "route",
    "route_revision",
    "shift",
    "shown_code",
    "unit",
    "welfare_check",
]

_metadata = MetaData()

unit = Table(
    "unit",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("roster", Text, nullable=False),
    Column("lone", Boolean, nullable=False),
    Column("shift_route", Text, nullable=False),
    Column("shift_start", Interval, nullable=False),
    Column("alarm_roster", Text, nullable=False, server_default=""),
    Column("retire_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

route = Table(
    "route",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("retire_time", DateTime(timezone=True)),
)

route_revision = Table(
    "route_revision",
    _metadata,
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

checkpoint_code = Table(
    "checkpoint_code",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("checkpoint", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("evidence", SmallInteger, nullable=False),
    Column("uid", Text, nullable=False),
    Column("sealed_keys", LargeBinary, nullable=False),
    Column("issue_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
)

# What entries show of these, found when they arrived; of a tag's the time is what others of the same tag are judged by.
shown_code = Table(
    "shown_code",
    _metadata,
    Column("district", Text, primary_key=True),
    # The hash of the entry.
    Column("entry", LargeBinary, primary_key=True),
    Column("patrol", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("numbers", ARRAY(Integer), nullable=False),
    Column("uid", Text, nullable=False),
    # Of the tag, at this tap.
    Column("counter", Integer, nullable=False),
    Column("time", DateTime(timezone=True)),
    Column("standing", SmallInteger, nullable=False),
)

asset = Table(
    "asset",
    _metadata,
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
    _metadata,
    Column("district", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("condition", SmallInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("inspector", Text, nullable=False),
    Column("inspect_time", DateTime(timezone=True), nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    # `{asset}/{number}`.
    Column("id", Text, Computed("asset || '/' || CAST(number AS text)", persisted=True)),
    # What petition made of its defect, and the number of the petition's last step that is known.
    Column("repair_request_time", DateTime(timezone=True)),
    Column("petition", Text, nullable=False, server_default=""),
    Column("petition_state", SmallInteger, nullable=False, server_default="0"),
    Column("petition_sequence", BigInteger, nullable=False, server_default="0"),
    # What emergency made of it.
    Column("escalate_time", DateTime(timezone=True)),
    Column("incident", Text, nullable=False, server_default=""),
    Column("incident_state", SmallInteger, nullable=False, server_default="0"),
    Column("incident_level", SmallInteger, nullable=False, server_default="0"),
)

cell = Table(
    "cell",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    # Its corners, and the box around them.
    Column("boundary", JSONB(none_as_null=True)),
    Column("west", Double),
    Column("south", Double),
    Column("east", Double),
    Column("north", Double),
)

patrol = Table(
    "patrol",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("route_revision", Integer, nullable=False),
    Column("planned_leader", Text, nullable=False),
    Column("lone", Boolean, nullable=False),
    Column("shift", Text, nullable=False),
    Column("start_due_time", DateTime(timezone=True), nullable=False),
    Column("grace", Interval, nullable=False),
    Column("cancel_reason", Text, nullable=False),
    Column("cancel_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("leader", Text, nullable=False),
    Column("start_time", DateTime(timezone=True)),
    Column("finish_time", DateTime(timezone=True)),
    Column("pause_until_time", DateTime(timezone=True)),
    Column("points", JSONB, nullable=False),
    Column("covered", JSONB, nullable=False),
    Column("longitude", Double),
    Column("latitude", Double),
    Column("position_time", DateTime(timezone=True)),
    Column("entry_time", DateTime(timezone=True)),
    Column("entries", Integer, nullable=False),
    Column("marks", ARRAY(SmallInteger), nullable=False),
    Column("devices", ARRAY(Text), nullable=False),
    Column("outstanding", Boolean, nullable=False),
    # How many of `points` are alike.
    Column("points_reached", SmallInteger, nullable=False, server_default="0"),
    Column("points_in_time", SmallInteger, nullable=False, server_default="0"),
    Column("points_early", SmallInteger, nullable=False, server_default="0"),
    Column("points_late", SmallInteger, nullable=False, server_default="0"),
    Column("points_missed", SmallInteger, nullable=False, server_default="0"),
    Column("points_outstanding", SmallInteger, nullable=False, server_default="0"),
)

shift = Table(
    "shift",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("roster", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("begin_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True), nullable=False),
    Column("cancelled", Boolean, nullable=False),
)

welfare_check = Table(
    "welfare_check",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("patrol", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("ask_time", DateTime(timezone=True), nullable=False),
    Column("due_time", DateTime(timezone=True), nullable=False),
)

alarm = Table(
    "alarm",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("patrol", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("lone", Boolean, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("since_time", DateTime(timezone=True), nullable=False),
    Column("raise_time", DateTime(timezone=True), nullable=False),
    Column("recipients", ARRAY(Text), nullable=False),
    Column("acknowledger", Text, nullable=False),
    Column("acknowledge_time", DateTime(timezone=True)),
    Column("note", Text, nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("roster", Text, nullable=False, server_default=""),
    Column("longitude", Double),
    Column("latitude", Double),
)

observation = Table(
    "observation",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("patrol", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("hazard", SmallInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("media", ARRAY(Text), nullable=False),
    Column("asset", Text, nullable=False),
    Column("longitude", Double),
    Column("latitude", Double),
    Column("place", Text, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("anchored", Boolean, nullable=False),
    Column("marks", ARRAY(SmallInteger), nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("escalate_time", DateTime(timezone=True)),
    # What emergency made of it.
    Column("incident", Text, nullable=False, server_default=""),
    Column("incident_state", SmallInteger, nullable=False, server_default="0"),
    Column("incident_level", SmallInteger, nullable=False, server_default="0"),
)

incident = Table(
    "incident",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    # The number of its last step that is known; 0 while it is only known that it was reported.
    Column("version", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    # The ids of those that it has a report of.
    Column("observations", ARRAY(Text), nullable=False),
    Column("inspections", ARRAY(Text), nullable=False),
)
