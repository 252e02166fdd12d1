"""grid's tables. The district's code comes first in every key."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Integer,
    Interval,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

__all__ = [
    "appointment",
    "cell",
    "division",
    "finding",
    "ground",
    "incident",
    "inspection_round",
    "known_user",
    "metadata",
    "party_organization",
]

metadata = MetaData()
_time = DateTime(timezone=True)

division = Table(
    "division",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("update_time", _time, nullable=False),
)

cell = Table(
    "cell",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("boundary", JSONB, nullable=False),
    Column("area_m2", Double, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
)

appointment = Table(
    "appointment",
    metadata,
    Column("district", Text, primary_key=True),
    Column("cell", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("post", SmallInteger, nullable=False),
    Column("start_time", _time, nullable=False),
    Column("end_time", _time),
)

# What identity announced of users.
known_user = Table(
    "known_user",
    metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("state", SmallInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# One row per district: changes of the ground lock it, and its version shows every process that the ground changed.
ground = Table(
    "ground",
    metadata,
    Column("district", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# From `state` on: what the log of its entries comes to, computed anew whenever that may have changed.
inspection_round = Table(
    "inspection_round",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
    # By which it is listed: when it started, as far as that is known; until then, when its first entry arrived.
    Column("begin_time", _time, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("worker", Text, nullable=False),
    Column("start_time", _time),
    Column("finish_time", _time),
    Column("entry_time", _time),
    Column("entries", Integer, nullable=False),
    Column("visits", Integer, nullable=False),
    Column("findings", Integer, nullable=False),
    Column("track_m", Integer, nullable=False),
    Column("duration", Interval, nullable=False),
    Column("marks", ARRAY(SmallInteger), nullable=False),
    Column("devices", ARRAY(Text), nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    # The part of the id that follows from the entry alone.
    Column("derived_id", Text, nullable=False),
    Column("round", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("hazard_level", SmallInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("media", ARRAY(Text), nullable=False),
    Column("longitude", Double),
    Column("latitude", Double),
    Column("time", _time, nullable=False),
    Column("anchored", Boolean, nullable=False),
    Column("marks", ARRAY(SmallInteger), nullable=False),
    Column("create_time", _time, nullable=False),
    Column("escalate_time", _time),
    # What emergency made of it.
    Column("incident", Text, nullable=False, server_default=""),
    Column("incident_state", SmallInteger, nullable=False, server_default="0"),
    Column("incident_level", SmallInteger, nullable=False, server_default="0"),
    # And petition.
    Column("transfer_time", _time),
    Column("petition", Text, nullable=False, server_default=""),
)

incident = Table(
    "incident",
    metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    # The number of its last step that is known; 0 while it is only known that it was reported.
    Column("version", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("time", _time, nullable=False),
    # The ids of those that it has a report of.
    Column("findings", ARRAY(Text), nullable=False),
)

# What partyedu announced of Party organizations.
party_organization = Table(
    "party_organization",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("form", SmallInteger, nullable=False),
    # `organizations/{organization}`, or empty.
    Column("parent", Text, nullable=False),
    Column("longitude", Double),
    Column("latitude", Double),
    Column("cells", ARRAY(Text), nullable=False),
    Column("dissolved", Boolean, nullable=False),
)
