"""Messages to persons."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit.sending import Outgoing
from onegrid_notify.deliveries import item_of, topic_of
from onegrid_notify.facts import FACTS, Facts, Recipient, decode
from onegrid_notify.templates import DEFAULT_LANGUAGE, Rendered

__all__ = ["Addressed", "Origin", "Reachable", "Source", "delete_expired", "sources", "write"]

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

    @property
    def facts_expire_time(self) -> datetime:
        """Until when it can be written again, and so sent by other channels."""
        return min(self.expire_time, self.time + _FACTS_KEPT)


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
class Reachable:
    """Where a message can be sent beside the inbox."""

    recipient: str
    """``users/{user}`` or ``endpoints/{endpoint}``."""
    channel: Channel
    source: int | None
    """Of an endpoint, which has no message: which of the texts it gets."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a message was written from."""

    number: int
    """Which of the texts about its event."""
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
    ), subscribed AS (
      SELECT endpoint.id, endpoint.channel, number
      FROM given JOIN endpoint ON endpoint.district = :district AND endpoint.office = given.address
      WHERE of_office AND CAST(:topic AS text) = ANY (endpoint.topics) AND NOT endpoint.disabled
    ), kept AS (
      INSERT INTO message_source (district, item, number, event, recipient, facts, expire_time)
      SELECT :district, :item, number, :event, recipient, CAST(facts AS jsonb), :facts_expire_time
      FROM given WHERE number IN (SELECT source FROM written UNION ALL SELECT number FROM subscribed)
      ON CONFLICT DO NOTHING
    ), signalled AS (
      INSERT INTO signal (district, item, user_name, removed, time)
      SELECT :district, :item, user_name, false, :time FROM written
    )
    SELECT DISTINCT user_name AS recipient, channel, CAST(NULL AS bigint) AS source
    FROM written JOIN address USING (user_name) WHERE verify_time IS NOT NULL
    UNION ALL
    SELECT 'endpoints/' || id, channel, number FROM subscribed
    """
)
_SOURCES = text(
    """
    SELECT wanted.id, source.number, source.event, source.recipient, source.facts
    FROM unnest(CAST(:ids AS text[]), CAST(:districts AS text[]), CAST(:items AS text[]), CAST(:recipients AS text[]),
                CAST(:numbers AS integer[])) AS wanted (id, district, item, recipient, number)
    -- An endpoint has no message of its own: its sending says which text it gets.
    LEFT JOIN message ON wanted.number IS NULL AND message.district = wanted.district
      AND message.user_name = wanted.recipient AND message.id = wanted.item
    JOIN message_source AS source ON source.district = wanted.district AND source.item = wanted.item
      AND source.number = coalesce(wanted.number, message.source)
    """
).columns(facts=JSONB)
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


def write(conn: Connection, origin: Origin, addressed: Sequence[Addressed]) -> list[Reachable]:
    """Write one message about the event to each user addressed, and to each who held a role over an office addressed
    when it happened, in the language that each prefers.

    Who has one about it already gets no other. Apps that are connected are sent it. Returns where it can be sent beside
    the inbox: verified addresses of those who have it now, and the endpoints of these offices.
    """
    wording = [
        (number, language, rendered)
        for number, each in enumerate(addressed, 1)
        for language, rendered in each.rendered.items()
    ]
    rows = conn.execute(
        _WRITE,
        {
            "district": origin.district,
            "item": origin.item,
            "subject": origin.subject,
            "topic": topic_of(origin.subject),
            "event": origin.event,
            "time": origin.time,
            "expire_time": origin.expire_time,
            "facts_expire_time": origin.facts_expire_time,
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
    return [Reachable(row.recipient, cast(Channel, row.channel), row.source) for row in rows]


def sources(conn: Connection, announcing: Collection[Outgoing]) -> dict[str, Source]:
    """What the messages were written from that these sendings announce, by the sendings' ids; without those whose
    message or facts are gone.
    """
    values = {
        "ids": [each.id for each in announcing],
        "districts": [each.district for each in announcing],
        "items": [item_of(each.id) for each in announcing],
        "recipients": [each.recipient for each in announcing],
        "numbers": [each.parameters.get("source") for each in announcing],
    }
    return {
        row.id: Source(row.number, row.event, Recipient(row.recipient), decode(row.event, row.facts))
        for row in conn.execute(_SOURCES, values)
        if row.event in FACTS
    }


def delete_expired(conn: Connection, now: datetime, limit: int) -> int:
    """Delete messages past their expiry, oldest first, with what their readers did with them; how many there were."""
    count: int = conn.execute(_DELETE_EXPIRED, {"now": now, "limit": limit}).scalar_one()
    return count
