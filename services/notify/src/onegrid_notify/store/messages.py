"""Messages to persons."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, text

from onegrid_notify.facts import FACTS, Facts, Recipient, decode
from onegrid_notify.templates import DEFAULT_LANGUAGE, Rendered

__all__ = ["Addressed", "Origin", "Source", "delete_expired", "sources", "write"]

_FACTS_KEPT: Final = timedelta(days=3)
"""For how long a message can be written again, for what leaves the platform later: a digest, a second attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The event that messages are about."""

    district: str
    item: str
    """The id of the item that each of its recipients finds in the inbox."""
    subject: str
    event: str
    """What kind of event, as templates call it."""
    time: datetime
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message to a user, or to all who hold a role over an office."""

    address: str
    recipient: Recipient
    facts: Mapping[str, Any]
    """What it is written from, encoded."""
    rendered: Mapping[str, Rendered]
    """What it says, by language."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a message was written from."""

    event: str
    recipient: Recipient
    facts: Facts


# Whoever is addressed twice gets the first message, those to users coming before those to offices.
_WRITE = text(
    """
    WITH given AS (
      SELECT * FROM unnest(
        CAST(:addresses AS text[]), CAST(:recipients AS text[]), CAST(:of_office AS boolean[]), CAST(:facts AS text[])
      ) WITH ORDINALITY AS given (address, recipient, of_office, facts, number)
    ), wording AS (
      SELECT * FROM unnest(
        CAST(:numbers AS bigint[]), CAST(:languages AS text[]), CAST(:titles AS text[]), CAST(:texts AS text[])
      ) AS wording (number, language, title, text)
    ), addressed AS (
      SELECT address AS user_name, of_office, number FROM given WHERE NOT of_office
      UNION ALL
      SELECT member.user_name, of_office, number
      FROM given JOIN membership AS member ON member.district = :district AND member.code = given.address
      WHERE of_office AND member.role <> '' AND member.begin_time <= :time AND :time < member.end_time
    ), reader AS (
      SELECT DISTINCT ON (user_name) user_name, number FROM addressed ORDER BY user_name, of_office, number
    ), written AS (
      INSERT INTO message (district, user_name, id, title, text, subject, source, urgent, create_time, expire_time)
      SELECT :district, user_name, :item, title, text, :subject, reader.number, false, :time, :expire_time
      FROM reader LEFT JOIN preferences USING (user_name) JOIN wording ON wording.number = reader.number
        AND wording.language = CASE WHEN preferences.language = ANY(CAST(:languages AS text[]))
                                    THEN preferences.language ELSE :default_language END
      ON CONFLICT DO NOTHING
      RETURNING user_name, source
    ), kept AS (
      INSERT INTO message_source (district, item, number, event, recipient, facts, expire_time)
      SELECT :district, :item, number, :event, recipient, CAST(facts AS jsonb), :facts_expire_time
      FROM given WHERE number IN (SELECT source FROM written)
      ON CONFLICT DO NOTHING
    )
    INSERT INTO signal (district, item, user_name, removed, time)
    SELECT :district, :item, user_name, false, :time FROM written
    """
)
_SOURCES = text(
    """
    SELECT message.district, message.user_name, message.id, event, recipient, facts
    FROM unnest(CAST(:districts AS text[]), CAST(:users AS text[]), CAST(:items AS text[]))
           AS wanted (district, user_name, item)
         JOIN message ON message.district = wanted.district AND message.user_name = wanted.user_name
           AND message.id = wanted.item
         JOIN message_source AS source ON source.district = message.district AND source.item = message.id
           AND source.number = message.source
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
    ), source AS (
      DELETE FROM message_source
      WHERE ctid = ANY(
        ARRAY(SELECT ctid FROM message_source WHERE expire_time <= :now ORDER BY expire_time LIMIT :limit)
      )
    )
    SELECT count(*) FROM gone
    """
)


def write(conn: Connection, origin: Origin, addressed: Sequence[Addressed]) -> None:
    """Write one message about the event to each user addressed, and to each who held a role over an office addressed
    when it happened, in the language that each prefers.

    Who has one about it already gets no other. Apps that are connected are sent it.
    """
    wording = [
        (number, language, rendered)
        for number, each in enumerate(addressed, 1)
        for language, rendered in each.rendered.items()
    ]
    conn.execute(
        _WRITE,
        {
            "district": origin.district,
            "item": origin.item,
            "subject": origin.subject,
            "event": origin.event,
            "time": origin.time,
            "expire_time": origin.expire_time,
            "facts_expire_time": min(origin.expire_time, origin.time + _FACTS_KEPT),
            "addresses": [each.address for each in addressed],
            "recipients": [each.recipient for each in addressed],
            "of_office": [each.recipient is Recipient.OFFICE for each in addressed],
            "facts": [json.dumps(each.facts, ensure_ascii=False) for each in addressed],
            "numbers": [number for number, _, _ in wording],
            "languages": [language for _, language, _ in wording],
            "titles": [rendered.title for _, _, rendered in wording],
            "texts": [rendered.text for _, _, rendered in wording],
            "default_language": DEFAULT_LANGUAGE,
        },
    )


def sources(conn: Connection, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], Source]:
    """What messages were written from, by the district, user and item of each; without those that are too old."""
    districts, users, items = zip(*keys, strict=True) if keys else ((), (), ())
    rows = conn.execute(_SOURCES, {"districts": list(districts), "users": list(users), "items": list(items)})
    return {
        (row.district, row.user_name, row.id): Source(row.event, Recipient(row.recipient), decode(row.event, row.facts))
        for row in rows
        if row.event in FACTS
    }


def delete_expired(conn: Connection, now: datetime, limit: int) -> int:
    """Delete messages past their expiry, oldest first, with what their readers did with them; how many there were."""
    count: int = conn.execute(_DELETE_EXPIRED, {"now": now, "limit": limit}).scalar_one()
    return count
