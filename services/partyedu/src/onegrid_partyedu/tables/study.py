"""What is studied, and what was completed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from onegrid_partyedu.tables.base import metadata, moment

__all__ = [
    "completion",
    "course",
    "hours_duty",
    "import_row",
    "imports",
    "lesson",
    "study_plan",
    "study_requirement",
    "training",
]

completion = Table(
    "completion",
    metadata,
    Column("district", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("year", SmallInteger, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("percent", SmallInteger),
    moment("complete_time"),
)

training = Table(
    "training",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("minutes", Integer, nullable=False),
    moment("create_time"),
    moment("update_time"),
)

# Lists that are imported, and their rows.
imports = Table(
    "import",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("scope", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    *(Column(name, Integer, nullable=False) for name in ("rows", "created", "updated", "unchanged", "refused")),
    moment("create_time"),
    moment("end_time", nullable=True),
)

import_row = Table(
    "import_row",
    metadata,
    Column("district", Text, primary_key=True),
    Column("import", Text, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("number", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("sealed_name", LargeBinary),
    Column("name_index", LargeBinary, nullable=False),
    Column("user", Text, nullable=False),
    Column("training", Text, nullable=False),
    moment("begin_time", nullable=True),
    moment("confirm_time", nullable=True),
    Column("percent", SmallInteger),
    Column("errors", JSONB, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
)

# Study plans, and what they require.
study_plan = Table(
    "study_plan",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("member_state", SmallInteger, nullable=False),
    Column("posts", ARRAY(SmallInteger), nullable=False),
    moment("begin_time"),
    moment("end_time"),
    Column("remind_days_before", ARRAY(SmallInteger), nullable=False),
    Column("remind_days_after", ARRAY(SmallInteger), nullable=False),
    Column("state", SmallInteger, nullable=False),
    moment("publish_time", nullable=True),
    moment("close_time", nullable=True),
    moment("create_time"),
    moment("update_time"),
)

study_requirement = Table(
    "study_requirement",
    metadata,
    Column("district", Text, primary_key=True),
    Column("plan", Text, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("meetings", Integer, nullable=False),
    Column("minutes", Integer, nullable=False),
    moment("due_time"),
)

# Courses and study.
course = Table(
    "course",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("credit_minutes", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    moment("publish_time", nullable=True),
    moment("retire_time", nullable=True),
    moment("create_time"),
    moment("update_time"),
)

lesson = Table(
    "lesson",
    metadata,
    Column("district", Text, primary_key=True),
    Column("course", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("position", SmallInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("media_uri", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("media_size_bytes", BigInteger, nullable=False),
    Column("media_sha256", LargeBinary, nullable=False),
    Column("required_minutes", Integer, nullable=False),
    Column("quiz", Text, nullable=False),
)

hours_duty = Table(
    "hours_duty",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("posts", ARRAY(SmallInteger), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("first_year", SmallInteger, nullable=False),
    Column("last_year", SmallInteger, nullable=False),
    moment("update_time"),
)
