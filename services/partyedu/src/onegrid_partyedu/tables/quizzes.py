"""Items, quizzes, and how they were taken."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from onegrid_partyedu.tables.base import metadata, moment

__all__ = [
    "attempt_paper",
    "attempt_save",
    "attempt_turn",
    "item",
    "item_revision",
    "pool",
    "quiz",
    "quiz_attempt",
    "quiz_pool",
    "quiz_revision",
    "regrading",
    "regrading_change",
]

pool = Table(
    "pool",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("item_count", Integer, nullable=False),
    moment("create_time"),
    moment("update_time"),
)

item = Table(
    "item",
    metadata,
    Column("district", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    moment("retire_time", nullable=True),
)

item_revision = Table(
    "item_revision",
    metadata,
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
    moment("create_time"),
)

quiz = Table(
    "quiz",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    moment("publish_time", nullable=True),
    moment("create_time"),
    moment("update_time"),
)

quiz_revision = Table(
    "quiz_revision",
    metadata,
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
    moment("open_time", nullable=True),
    moment("close_time", nullable=True),
    Column("partial_credit", SmallInteger, nullable=False),
    Column("review_content", SmallInteger, nullable=False),
    Column("review_time", SmallInteger, nullable=False),
    Column("study_minutes", Integer, nullable=False),
    moment("create_time"),
)

# Which pools the current revision of a quiz takes items from.
quiz_pool = Table(
    "quiz_pool",
    metadata,
    Column("district", Text, primary_key=True),
    Column("pool", Text, primary_key=True),
    Column("quiz", Text, primary_key=True),
)

# Taking quizzes.

# Of each member at each quiz how many attempts have begun, and what was granted beside those that all have. Whoever
# begins one or grants something changes this row, so that neither overlooks the other.
attempt_turn = Table(
    "attempt_turn",
    metadata,
    Column("district", Text, primary_key=True),
    Column("quiz", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("begun", Integer, nullable=False),
    Column("extra_minutes", Integer, nullable=False),
    Column("extra_attempts", Integer, nullable=False),
    moment("grant_time", nullable=True),
)

quiz_attempt = Table(
    "quiz_attempt",
    metadata,
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
    moment("begin_time"),
    moment("due_time"),
    moment("end_time", nullable=True),
    Column("hundredths", Integer),
    Column("most", Integer),
    Column("worth", ARRAY(Integer)),
    Column("passed", Boolean),
)

# What an attempt is made of: the seed, and slots as lists of section, pool, item, revision, points, ids of options.
attempt_paper = Table(
    "attempt_paper",
    metadata,
    Column("district", Text, primary_key=True),
    Column("attempt", Text, primary_key=True),
    Column("seed", Text, nullable=False),
    Column("slots", JSONB, nullable=False),
)

# Every answer that was saved, letter after letter; rows are only added.
attempt_save = Table(
    "attempt_save",
    metadata,
    Column("district", Text, primary_key=True),
    Column("attempt", Text, primary_key=True),
    Column("slot", SmallInteger, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("answer", Text, nullable=False),
    # The attempt's version that it made: the order in which saves came.
    Column("number", BigInteger, nullable=False),
    moment("time"),
)

# Judging them anew. Corrections are lists of pool, item, revision, and the revision whose key counts.
regrading = Table(
    "regrading",
    metadata,
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
    moment("create_time"),
    moment("end_time", nullable=True),
)

regrading_change = Table(
    "regrading_change",
    metadata,
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
