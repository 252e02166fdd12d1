"""petition's tables. The district's code comes first in every key, so that they can be distributed by it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

__all__ = [
    "department",
    "ground_version",
    "incident",
    "petition",
    "place",
    "search",
    "tally",
    "task",
    "timeline",
    "tracked",
    "work_item",
]

metadata = MetaData()
_time = DateTime(timezone=True)

petition = Table(
    "petition",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("petitioner", Text, nullable=False),
    Column("petitioner_kind", SmallInteger, nullable=False),
    Column("organization", Text, nullable=False),
    Column("anonymous", Boolean, nullable=False),
    Column("contact_phone", LargeBinary),
    Column("place", Text, nullable=False),
    Column("longitude", Double),
    Column("latitude", Double),
    Column("address", Text, nullable=False),
    Column("grid_worker", Text, nullable=False),
    Column("attachments", JSONB, nullable=False),
    Column("work_item", Text, nullable=False),
    Column("responsible", Text, nullable=False),
    Column("rating", JSONB(none_as_null=True)),
    Column("verification", JSONB(none_as_null=True)),
    Column("reopen_count", Integer, nullable=False),
    Column("accept_due_time", _time, nullable=False),
    Column("accept_time", _time),
    Column("promised_working_days", SmallInteger),
    Column("promise_time", _time),
    Column("conclude_due_time", _time),
    Column("conclude_due_estimated", Boolean, nullable=False, server_default="false"),
    # Of which due time offices are reminded: the running one, or an older release has changed that.
    Column("clock_due_time", _time),
    Column("create_time", _time, nullable=False),
    Column("update_time", _time, nullable=False),
    Column("conclude_time", _time),
    Column("end_reason", Text, nullable=False),
    Column("origin", Text, nullable=False, server_default=""),
    Column("extend_time", _time),
    Column("emergency_report_time", _time),
    # What `incident` below says of the one that it is part of.
    Column("incident", Text, nullable=False, server_default=""),
    Column("incident_state", SmallInteger, nullable=False, server_default="0"),
    Column("incident_level", SmallInteger, nullable=False, server_default="0"),
)

task = Table(
    "task",
    metadata,
    Column("district", Text, primary_key=True),
    Column("petition", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("assignee", Text, nullable=False),
    Column("part", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("instruction", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("due_time", _time, nullable=False),
    Column("create_time", _time, nullable=False),
    Column("take_time", _time),
    Column("end_time", _time),
)

timeline = Table(
    "timeline",
    metadata,
    Column("district", Text, primary_key=True),
    Column("petition", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("time", _time, nullable=False),
    Column("action", SmallInteger, nullable=False),
    Column("actor", SmallInteger, nullable=False),
    Column("office", Text, nullable=False),
    Column("office_display_name", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("assignees", ARRAY(Text), nullable=False),
    Column("public_note", Text, nullable=False),
    Column("internal_note", Text, nullable=False),
    Column("stars", SmallInteger, nullable=False),
    Column("incident", Text, nullable=False, server_default=""),
    Column("incident_state", SmallInteger, nullable=False, server_default="0"),
    Column("incident_level", SmallInteger, nullable=False, server_default="0"),
)

search = Table(
    "search",
    metadata,
    Column("district", Text, primary_key=True),
    Column("petition", Text, primary_key=True),
    Column("grams", ARRAY(Text), nullable=False),
    Column("letters", Text),
)

work_item = Table(
    "work_item",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("promised_working_days", Integer, nullable=False),
)

# What other services announced: places and cells of grid, departments of identity, incidents of emergency.
place = Table(
    "place",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("boundary", JSONB(none_as_null=True)),
    Column("grid_worker", Text, nullable=False),
)

department = Table(
    "department",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
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
    Column("petitions", ARRAY(Text), nullable=False),
)

# Of which steps of incidents there is one in a petition's timeline.
tracked = Table(
    "tracked",
    metadata,
    Column("district", Text, primary_key=True),
    Column("petition", Text, primary_key=True),
    Column("incident", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
)

ground_version = Table("ground_version", metadata, Column("version", BigInteger, nullable=False))

tally = Table(
    "tally",
    metadata,
    Column("district", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in ("filed", "accepted", "declined", "concluded", "rated", "satisfied", "reopened")
    ),
)
