"""What is written, sent, and read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from onegrid_notify.tables.base import TIME, metadata

__all__ = [
    "aid_request",
    "article",
    "article_version",
    "code_request",
    "content_column",
    "endpoint",
    "item_state",
    "message",
    "reach",
    "record",
    "rung",
    "selector",
    "signal",
    "template_version",
    "warning_notice",
]

content_column = Table(
    "content_column",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("party_voice", SmallInteger, nullable=False, server_default="0"),
    Column("version", BigInteger, nullable=False),
    Column("update_time", TIME, nullable=False),
)

article = Table(
    "article",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("column_id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("body_html", Text, nullable=False),
    Column("attachments", JSONB, nullable=False),
    Column("audience", JSONB(none_as_null=True)),
    Column("push", Boolean, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("must_confirm", Boolean, nullable=False),
    Column("publish_time", TIME),
    Column("expire_time", TIME),
    Column("version", Integer, nullable=False),
    Column("unread_below", Integer, nullable=False),
    Column("opened", Boolean, nullable=False),
    Column("withdraw_reason", Text, nullable=False),
    Column("return_reason", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("create_time", TIME, nullable=False),
    Column("update_time", TIME, nullable=False),
    Column("channels", ARRAY(SmallInteger), nullable=False, server_default="{}"),
    Column("escalation", JSONB(none_as_null=True)),
    Column("critical", Boolean, nullable=False, server_default="false"),
    Column("organization", Text, nullable=False, server_default=""),
)

article_version = Table(
    "article_version",
    metadata,
    Column("district", Text, primary_key=True),
    Column("article", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("body_html", Text, nullable=False),
    Column("attachments", JSONB, nullable=False),
    Column("correction_note", Text, nullable=False),
    Column("publish_time", TIME, nullable=False),
)

record = Table(
    "record",
    metadata,
    Column("district", Text, primary_key=True),
    Column("column_id", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("source_time", TIME, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("deleted", Boolean, nullable=False),
)

selector = Table(
    "selector",
    metadata,
    Column("district", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("publish_time", TIME, nullable=False),
    Column("article", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("column_id", Text, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("push", Boolean, nullable=False),
    Column("kinds", ARRAY(SmallInteger), nullable=False),
    Column("oa_levels", ARRAY(SmallInteger), nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("groups", ARRAY(Text), nullable=False),
    Column("columns", ARRAY(Text), nullable=False),
    Column("of_party", Boolean, nullable=False, server_default="false"),
    Column("organizations", ARRAY(Text), nullable=False, server_default="{}"),
    Column("member_states", ARRAY(SmallInteger), nullable=False, server_default="{}"),
    Column("posts", ARRAY(SmallInteger), nullable=False, server_default="{}"),
)

message = Table(
    "message",
    metadata,
    Column("district", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("source", Integer),
    Column("urgent", Boolean, nullable=False),
    Column("create_time", TIME, nullable=False),
    Column("expire_time", TIME),
)

item_state = Table(
    "item_state",
    metadata,
    Column("district", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("receive_time", TIME, nullable=False),
    Column("read_time", TIME),
    Column("read_version", Integer, nullable=False),
    Column("confirm_time", TIME),
    Column("confirmed_version", Integer, nullable=False),
    Column("place", Text, nullable=False),
    Column("changed", SmallInteger, nullable=False),
)

reach = Table(
    "reach",
    metadata,
    Column("district", Text, primary_key=True),
    Column("article", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("audience", BigInteger, nullable=False, server_default="0"),
    Column("received", BigInteger, nullable=False, server_default="0"),
    Column("read", BigInteger, nullable=False, server_default="0"),
    Column("confirmed", BigInteger, nullable=False, server_default="0"),
)

recipient = Table(
    "recipient",
    metadata,
    Column("district", Text, primary_key=True),
    Column("article", Text, primary_key=True),
    Column("user_name", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("visit_version", Integer, nullable=False, server_default="0"),
    Column("visit_since", TIME),
    Column("visit_outcome", SmallInteger, nullable=False, server_default="0"),
    Column("visit_time", TIME),
    Column("visitor", Text, nullable=False, server_default=""),
)

rung = Table(
    "rung",
    metadata,
    Column("district", Text, primary_key=True),
    Column("article", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("due_time", TIME, nullable=False),
    Column("begin_time", TIME),
    Column("end_time", TIME),
    Column("unread", BigInteger, nullable=False),
)

aid_request = Table(
    "aid_request",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("user_name", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("sealed_text", LargeBinary, nullable=False),
    Column("place", Text, nullable=False),
    Column("anonymous", Boolean, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("petition", Text, nullable=False),
    Column("create_time", TIME, nullable=False),
    Column("update_time", TIME, nullable=False),
)

template_version = Table(
    "template_version",
    metadata,
    Column("district", Text, primary_key=True),
    Column("event", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("shipped", Boolean, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("short_text", Text, nullable=False),
    Column("sms_template", Text, nullable=False),
    Column("sms_parameters", ARRAY(Text), nullable=False),
    Column("publisher", Text, nullable=False),
    Column("publish_time", TIME, nullable=False),
)

signal = Table(
    "signal",
    metadata,
    Column("transaction", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("district", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("removed", Boolean, nullable=False),
    Column("time", TIME, nullable=False),
)

code_request = Table(
    "code_request",
    metadata,
    Column("asker", LargeBinary, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("begin_time", TIME, nullable=False),
    Column("last_time", TIME),
)

endpoint = Table(
    "endpoint",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("office", Text, nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("topics", ARRAY(Text), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("sealed_url", LargeBinary, nullable=False),
    Column("host", Text, nullable=False),
    Column("sealed_secret", LargeBinary),
    Column("version", BigInteger, nullable=False),
    Column("create_time", TIME, nullable=False),
    Column("update_time", TIME, nullable=False),
)

warning_notice = Table(
    "warning_notice",
    metadata,
    Column("district", Text, primary_key=True),
    Column("warning", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("article", Text, nullable=False),
)
