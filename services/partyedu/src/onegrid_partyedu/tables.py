"""partyedu's tables. The district's code comes first in every key."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

__all__ = [
    "attempt_paper",
    "attempt_save",
    "attempt_turn",
    "attendance",
    "cell",
    "certificate",
    "certificate_scheme",
    "check_in_guess",
    "completion",
    "course",
    "guidance_assignment",
    "guidance_task",
    "hours_duty",
    "import_row",
    "imports",
    "item",
    "item_revision",
    "known_user",
    "lesson",
    "meeting",
    "meeting_calendar_link",
    "member",
    "membership",
    "minutes_revision",
    "officer",
    "organization",
    "pool",
    "quiz",
    "quiz_attempt",
    "quiz_pool",
    "quiz_revision",
    "regrading",
    "regrading_change",
    "study_plan",
    "study_requirement",
    "term",
    "training",
    "transfer",
]

_metadata = MetaData()


def _moment(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, primary_key=primary_key)


organization = Table(
    "organization",
    _metadata,
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
    _moment("term_due_time", nullable=True),
    _moment("dissolve_time", nullable=True),
    _moment("create_time"),
    _moment("update_time"),
)

term = Table(
    "term",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    _moment("begin_time"),
    _moment("due_time"),
    _moment("end_time", nullable=True),
)

officer = Table(
    "officer",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("term", Integer, primary_key=True),
    Column("post", SmallInteger, primary_key=True),
    Column("member", Text, primary_key=True),
    _moment("begin_time", primary_key=True),
    _moment("end_time", nullable=True),
)

member = Table(
    "member",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("organization", Text, nullable=False),
    _moment("organization_time"),
    Column("state", SmallInteger, nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
    Column("name_index", LargeBinary, nullable=False),
    Column("number", Text, nullable=False),
    Column("user", Text, nullable=False),
    _moment("join_time"),
    _moment("probation_end_time"),
    Column("probation_extended", Boolean, nullable=False),
    _moment("confirm_time", nullable=True),
    _moment("end_time", nullable=True),
    Column("end_reason", SmallInteger, nullable=False),
    _moment("create_time"),
    _moment("update_time"),
)

membership = Table(
    "membership",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("organization", Text, nullable=False),
    _moment("begin_time"),
    _moment("end_time", nullable=True),
)

transfer = Table(
    "transfer",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    _moment("create_time"),
    _moment("expire_time"),
    _moment("end_time", nullable=True),
)

# The codes of grid's cells.
cell = Table(
    "cell",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# What identity announced of users.
known_user = Table(
    "known_user",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
)

completion = Table(
    "completion",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("year", SmallInteger, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("percent", SmallInteger),
    _moment("complete_time"),
)

training = Table(
    "training",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("minutes", Integer, nullable=False),
    _moment("create_time"),
    _moment("update_time"),
)

# Lists that are imported, and their rows.
imports = Table(
    "import",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("scope", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    *(Column(name, Integer, nullable=False) for name in ("rows", "created", "updated", "unchanged", "refused")),
    _moment("create_time"),
    _moment("end_time", nullable=True),
)

import_row = Table(
    "import_row",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("import", Text, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("number", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("sealed_name", LargeBinary),
    Column("name_index", LargeBinary, nullable=False),
    Column("user", Text, nullable=False),
    Column("training", Text, nullable=False),
    _moment("begin_time", nullable=True),
    _moment("confirm_time", nullable=True),
    Column("percent", SmallInteger),
    Column("errors", JSONB, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
)

pool = Table(
    "pool",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("item_count", Integer, nullable=False),
    _moment("create_time"),
    _moment("update_time"),
)

item = Table(
    "item",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    _moment("retire_time", nullable=True),
)

item_revision = Table(
    "item_revision",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("stem", Text, nullable=False),
    Column("option_ids", ARRAY(Text), nullable=False),
    Column("option_texts", ARRAY(Text), nullable=False),
    Column("key", ARRAY(Text), nullable=False),
    Column("explanation", Text, nullable=False),
    Column("points", SmallInteger, nullable=False),
    _moment("create_time"),
)

quiz = Table(
    "quiz",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    _moment("publish_time", nullable=True),
    _moment("create_time"),
    _moment("update_time"),
)

quiz_revision = Table(
    "quiz_revision",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("quiz", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("sections", JSONB, nullable=False),
    Column("shuffle_items", Boolean, nullable=False),
    Column("shuffle_options", Boolean, nullable=False),
    Column("minutes_allowed", Integer, nullable=False),
    Column("attempts_allowed", Integer, nullable=False),
    Column("pass_percent", Integer, nullable=False),
    _moment("open_time", nullable=True),
    _moment("close_time", nullable=True),
    Column("partial_credit", SmallInteger, nullable=False),
    Column("review_content", SmallInteger, nullable=False),
    Column("review_time", SmallInteger, nullable=False),
    Column("study_minutes", Integer, nullable=False),
    _moment("create_time"),
)

# Which pools the current revision of a quiz takes items from.
quiz_pool = Table(
    "quiz_pool",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("quiz", Text, primary_key=True),
)

# Study plans, and what they require.
study_plan = Table(
    "study_plan",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("member_state", SmallInteger, nullable=False),
    Column("posts", ARRAY(SmallInteger), nullable=False),
    _moment("begin_time"),
    _moment("end_time"),
    Column("remind_days_before", ARRAY(SmallInteger), nullable=False),
    Column("remind_days_after", ARRAY(SmallInteger), nullable=False),
    Column("state", SmallInteger, nullable=False),
    _moment("publish_time", nullable=True),
    _moment("close_time", nullable=True),
    _moment("create_time"),
    _moment("update_time"),
)

study_requirement = Table(
    "study_requirement",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("plan", Text, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("meetings", Integer, nullable=False),
    Column("minutes", Integer, nullable=False),
    _moment("due_time"),
)

# Courses and study.
course = Table(
    "course",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("credit_minutes", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    _moment("publish_time", nullable=True),
    _moment("retire_time", nullable=True),
    _moment("create_time"),
    _moment("update_time"),
)

lesson = Table(
    "lesson",
    _metadata,
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

# Meetings, who was there, and what was said.
meeting = Table(
    "meeting",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("organization", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    _moment("begin_time"),
    _moment("planned_end_time"),
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
    _moment("create_time"),
    _moment("update_time"),
    _moment("open_time", nullable=True),
    _moment("end_time", nullable=True),
)

attendance = Table(
    "attendance",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("meeting", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("state", SmallInteger, nullable=False),
    Column("source", SmallInteger, nullable=False),
    Column("guest", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    _moment("record_time"),
)

minutes_revision = Table(
    "minutes_revision",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("meeting", Text, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("minutes", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _moment("create_time"),
)

# Wrong codes of a member at a meeting.
check_in_guess = Table(
    "check_in_guess",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("meeting", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    _moment("last_time"),
)

meeting_calendar_link = Table(
    "meeting_calendar_link",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("reminder_minutes", Integer, nullable=False),
)

hours_duty = Table(
    "hours_duty",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("posts", ARRAY(SmallInteger), nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("first_year", SmallInteger, nullable=False),
    Column("last_year", SmallInteger, nullable=False),
    _moment("update_time"),
)

guidance_task = Table(
    "guidance_task",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("sender", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("media", ARRAY(Text), nullable=False),
    _moment("due_time"),
    Column("report_wanted", Boolean, nullable=False),
    Column("upper", Text, nullable=False),
    Column("assignments", Integer, nullable=False),
    Column("withdraw_reason", Text, nullable=False),
    _moment("withdraw_time", nullable=True),
    _moment("create_time"),
)

# The due time and the time of sending are those of the task: by them assignments are listed.
guidance_assignment = Table(
    "guidance_assignment",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("task", Text, primary_key=True),
    Column("organization", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    _moment("due_time"),
    _moment("create_time"),
    Column("reader", Text, nullable=False),
    _moment("read_time", nullable=True),
    Column("report", Text, nullable=False),
    Column("report_media", ARRAY(Text), nullable=False),
    _moment("report_time", nullable=True),
    Column("return_reason", Text, nullable=False),
    _moment("decide_time", nullable=True),
)

# Taking quizzes.

# Of each member at each quiz how many attempts have begun, and what was granted beside those that all have. Whoever
# begins one or grants something changes this row, so that neither overlooks the other.
attempt_turn = Table(
    "attempt_turn",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("quiz", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("begun", Integer, nullable=False),
    Column("extra_minutes", Integer, nullable=False),
    Column("extra_attempts", Integer, nullable=False),
    _moment("grant_time", nullable=True),
)

quiz_attempt = Table(
    "quiz_attempt",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("quiz", Text, nullable=False),
    Column("quiz_revision", Integer, nullable=False),
    Column("member", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    # Of each slot the sequence number of the save that counts.
    Column("sequences", ARRAY(Integer), nullable=False),
    _moment("begin_time"),
    _moment("due_time"),
    _moment("end_time", nullable=True),
    Column("hundredths", Integer),
    Column("most", Integer),
    Column("worth", ARRAY(Integer)),
    Column("passed", Boolean),
)

# What an attempt is made of: the seed, and slots as lists of section, pool, item, revision, points, ids of options.
attempt_paper = Table(
    "attempt_paper",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("attempt", Text, primary_key=True),
    Column("seed", Text, nullable=False),
    Column("slots", JSONB, nullable=False),
)

# Every answer that was saved, letter after letter; rows are only added.
attempt_save = Table(
    "attempt_save",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("attempt", Text, primary_key=True),
    Column("slot", SmallInteger, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("answer", Text, nullable=False),
    # The attempt's version that it made: the order in which saves came.
    Column("number", BigInteger, nullable=False),
    _moment("time"),
)

# Judging them anew. Corrections are lists of pool, item, revision, and the revision whose key counts.
regrading = Table(
    "regrading",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("quiz", Text, nullable=False),
    Column("corrections", JSONB, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("raised", Integer, nullable=False),
    Column("lowered", Integer, nullable=False),
    Column("newly_passed", Integer, nullable=False),
    Column("newly_failed", Integer, nullable=False),
    _moment("create_time"),
    _moment("end_time", nullable=True),
)

regrading_change = Table(
    "regrading_change",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("regrading", Text, primary_key=True),
    Column("attempt", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("most", Integer, nullable=False),
    Column("before_hundredths", Integer, nullable=False),
    Column("before_worth", ARRAY(Integer), nullable=False),
    Column("before_passed", Boolean, nullable=False),
    Column("after_hundredths", Integer, nullable=False),
    Column("after_worth", ARRAY(Integer), nullable=False),
    Column("after_passed", Boolean, nullable=False),
)

certificate_scheme = Table(
    "certificate_scheme",
    _metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("required", ARRAY(Text), nullable=False),
    Column("yearly", Boolean, nullable=False),
    Column("validity_months", SmallInteger, nullable=False),
    _moment("retire_time", nullable=True),
    _moment("create_time"),
    _moment("update_time"),
)

certificate = Table(
    "certificate",
    _metadata,
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
    _moment("issue_time"),
    _moment("expire_time", nullable=True),
    _moment("end_time", nullable=True),
    Column("revoke_reason", Text, nullable=False),
)
