"""Messages to persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

__all__ = ["Addressed", "Origin", "delete_expired", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The event that messages are about."""

    district: str
    item: str
    """The id of the item that each of its recipients finds in the inbox."""
    subject: str
    time: datetime
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message to a user, or to all who hold a role over an office."""

    address: str
    title: str
    text: str


# Whoever is addressed twice gets the first message, those to users coming before those to offices.
_WRITE = text(
    """
    WITH addressed AS (
      SELECT address, title, text, number
      FROM unnest(CAST(:users AS text[]), CAST(:user_titles AS text[]), CAST(:user_texts AS text[]))
           WITH ORDINALITY AS given (address, title, text, number)
      UNION ALL
      SELECT member.user_name, title, text, cardinality(CAST(:users AS text[])) + number
      FROM unnest(CAST(:offices AS text[]), CAST(:office_titles AS text[]), CAST(:office_texts AS text[]))
           WITH ORDINALITY AS given (address, title, text, number)
           JOIN membership AS member ON member.district = :district AND member.code = given.address
      WHERE member.role <> '' AND member.begin_time <= :time AND :time < member.end_time
    ), written AS (
      INSERT INTO message (district, user_name, id, title, text, subject, urgent, create_time, expire_time)
      SELECT DISTINCT ON (address) :district, address, :item, title, text, :subject, false, :time, :expire_time
      FROM addressed ORDER BY address, number
      ON CONFLICT DO NOTHING
      RETURNING user_name
    )
    INSERT INTO signal (district, item, user_name, removed, time)
    SELECT :district, :item, user_name, false, :time FROM written
    """
)
_DELETE_EXPIRED = text(
    """
    WITH gone AS (
      DELETE FROM message
      WHERE ctid = ANY(ARRAY(SELECT ctid FROM message WHERE expire_time <= :now ORDER BY expire_time LIMIT :limit))
      RETURNING district, user_name, id
    ), state AS (
      DELETE FROM item_state USING gone
      WHERE item_state.district = gone.district AND item_state.user_name = gone.user_name AND item_state.item = gone.id
    )
    SELECT count(*) FROM gone
    """
)


def write(conn: Connection, origin: Origin, users: Sequence[Addressed], offices: Sequence[Addressed]) -> None:
    """Write one message about the event to each user addressed, and to each who held a role over an office addressed
    when it happened.

    Who has one about it already gets no other. Apps that are connected are sent it.
    """
    conn.execute(
        _WRITE,
        {
            "district": origin.district,
            "item": origin.item,
            "subject": origin.subject,
            "time": origin.time,
            "expire_time": origin.expire_time,
            "users": [each.address for each in users],
            "user_titles": [each.title for each in users],
            "user_texts": [each.text for each in users],
            "offices": [each.address for each in offices],
            "office_titles": [each.title for each in offices],
            "office_texts": [each.text for each in offices],
        },
    )


def delete_expired(conn: Connection, now: datetime, limit: int) -> int:
    """Delete messages past their expiry, oldest first, with what their readers did with them; how many there were."""
    count: int = conn.execute(_DELETE_EXPIRED, {"now": now, "limit": limit}).scalar_one()
    return count
