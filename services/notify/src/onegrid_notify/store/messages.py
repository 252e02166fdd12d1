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
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit.sending import Lane, Outgoing
from onegrid_notify.deliveries import is_critical, is_urgent, item_of, topic_of
from onegrid_notify.facts import FACTS, Facts, Recipient, decode
from onegrid_notify.templates import DEFAULT_LANGUAGE, Rendered

__all__ = ["Addressed", "Announcement", "Origin", "Reachable", "Source", "delete_expired", "sources", "write"]

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
    traceparent: str
    """The trace that it belongs to."""
    critical: bool = False
    """It goes out whatever its readers mute, though others about the same do not."""

    @property
    def lane(self) -> Lane:
        """What it is sent before."""
        if self.critical or is_critical(self.subject):
            return Lane.CRITICAL
        return Lane.URGENT if is_urgent(self.subject) else Lane.NORMAL

    @property
    def facts_expire_time(self) -> datetime:
        """Until when it can be written again, and so sent by other channels."""
        return min(self.expire_time, self.time + _FACTS_KEPT)


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message to a user, to all staff of an office: who holds a role of an OA level over it, or to officers or
    members of a Party organization.
    """

    address: str
    recipient: Recipient
    facts: Mapping[str, Any]
    """What it is written from, encoded."""
    rendered: Mapping[str, Rendered]
    """What it says, by language."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """The messages about an event."""

    origin: Origin
    addressed: Sequence[Addressed]


@dataclass(frozen=True, slots=True)
class Reachable:
    """Where a message can be sent beside the inbox."""

    origin: Origin
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
    WITH origin AS (
      SELECT * FROM unnest(
        CAST(:districts AS text[]), CAST(:items AS text[]), CAST(:subjects AS text[]), CAST(:topics AS text[]),
        CAST(:events AS text[]), CAST(:times AS timestamptz[]), CAST(:expire_times AS timestamptz[]),
        CAST(:facts_expire_times AS timestamptz[]), CAST(:urgent AS boolean[])
      ) WITH ORDINALITY
        AS origin (district, item, subject, topic, event, time, expire_time, facts_expire_time, urgent, origin)
    ), given AS (
      SELECT * FROM unnest(
        CAST(:origins AS bigint[]), CAST(:numbers AS integer[]), CAST(:addresses AS text[]),
        CAST(:recipients AS text[]), CAST(:of_office AS boolean[]), CAST(:facts AS text[])
      ) WITH ORDINALITY AS given (origin, number, address, recipient, of_office, facts, place)
    ), wording AS (
      SELECT * FROM unnest(
        CAST(:places AS bigint[]), CAST(:languages AS text[]), CAST(:titles AS text[]), CAST(:texts AS text[])
      ) AS wording (place, language, title, text)
    ), addressed AS (
      SELECT origin, address AS user_name, of_office, number, place FROM given WHERE address LIKE 'users/%'
      UNION ALL
      SELECT origin, member.user_name, of_office, number, place
      FROM given JOIN origin USING (origin)
        JOIN membership AS member ON member.district = origin.district AND member.code = given.address
      -- Not those who are at home there, nor residents, who hold their role over the whole district.
      WHERE of_office AND member.oa_level <> 0 AND member.begin_time <= origin.time AND origin.time < member.end_time
      UNION ALL
      SELECT origin, member.user_name, of_office, number, place
      FROM given JOIN origin USING (origin)
        JOIN party_post AS held ON held.district = origin.district
          AND held.organization = substring(given.address FROM '^organizations/([^/]+)(?:/secretary)?$')
        JOIN party_member AS member ON member.district = held.district AND member.member = held.member
      WHERE held.begin_time <= origin.time AND origin.time < held.end_time
        AND member.begin_time <= origin.time AND origin.time < member.end_time
        AND (held.post = :secretary OR given.address NOT LIKE '%/secretary')
      UNION ALL
      SELECT origin, member.user_name, of_office, number, place
      FROM given JOIN origin USING (origin)
        JOIN party_member AS member ON member.district = origin.district
          AND member.organization = substring(given.address FROM '^organizations/([^/]+)/members$')
      WHERE member.begin_time <= origin.time AND origin.time < member.end_time
      UNION ALL
      SELECT origin, member.user_name, of_office, number, place
      FROM given JOIN origin USING (origin)
        JOIN party_member AS member ON member.district = origin.district
          AND member.member = substring(given.address FROM '^members/(.*)$')
      WHERE member.begin_time <= origin.time AND origin.time < member.end_time
    ), reader AS (
      SELECT DISTINCT ON (origin, user_name) origin, user_name, number, place
      FROM addressed ORDER BY origin, user_name, of_office, number
    ), written AS (
      INSERT INTO message (district, user_name, id, title, text, subject, source, urgent, create_time, expire_time)
      SELECT origin.district, user_name, item, title, text, subject, number, origin.urgent, time, expire_time
      FROM reader JOIN origin USING (origin) LEFT JOIN preferences USING (user_name)
        JOIN wording ON wording.place = reader.place
        AND wording.language = CASE WHEN preferences.language = ANY(CAST(:languages AS text[]))
                                    THEN preferences.language ELSE :default_language END
      ON CONFLICT DO NOTHING
      RETURNING district, id AS item, user_name, source AS number
    ), about AS (
      SELECT origin, district, item, user_name, number, time FROM written JOIN origin USING (district, item)
    ), subscribed AS (
      SELECT origin, endpoint.id, endpoint.channel, number
      FROM given JOIN origin USING (origin)
        JOIN endpoint ON endpoint.district = origin.district AND endpoint.office = given.address
      WHERE of_office AND origin.topic = ANY (endpoint.topics) AND NOT endpoint.disabled
    ), kept AS (
      INSERT INTO message_source (district, item, number, event, recipient, facts, expire_time)
      SELECT district, item, number, event, recipient, CAST(facts AS jsonb), facts_expire_time
      FROM given JOIN origin USING (origin)
      WHERE (origin, number) IN (SELECT origin, number FROM about UNION ALL SELECT origin, number FROM subscribed)
      ON CONFLICT DO NOTHING
    ), signalled AS (
      INSERT INTO signal (district, item, user_name, removed, time)
      SELECT district, item, user_name, false, time FROM about
    )
    SELECT DISTINCT origin, user_name AS recipient, channel, CAST(NULL AS integer) AS source
    FROM about JOIN address USING (user_name) WHERE verify_time IS NOT NULL
    UNION ALL
    SELECT origin, 'endpoints/' || id, channel, number FROM subscribed
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


def write(conn: Connection, announcements: Sequence[Announcement]) -> list[Reachable]:
    """Write one message about each event to each user addressed, and to all staff whom an office addressed had when it
    happened, in the language that each prefers.

    Who has one about it already gets no other. Apps that are connected are sent it. Returns where it can be sent beside
    the inbox: verified addresses of those who have it now, and the endpoints of these offices.
    """
    origins = [each.origin for each in announcements]
    given = [
        (origin, number, addressed)
        for origin, each in enumerate(announcements, 1)
        for number, addressed in enumerate(each.addressed, 1)
    ]
    wording = [
        (place, language, rendered)
        for place, (_, _, addressed) in enumerate(given, 1)
        for language, rendered in addressed.rendered.items()
    ]
    rows = conn.execute(
        _WRITE,
        {
            "districts": [each.district for each in origins],
            "items": [each.item for each in origins],
            "subjects": [each.subject for each in origins],
            "topics": [topic_of(each.subject) for each in origins],
            "events": [each.event for each in origins],
            "times": [each.time for each in origins],
            "expire_times": [each.expire_time for each in origins],
            "facts_expire_times": [each.facts_expire_time for each in origins],
            "urgent": [each.lane <= Lane.URGENT for each in origins],
            "origins": [origin for origin, _, _ in given],
            "numbers": [number for _, number, _ in given],
            "addresses": [each.address for _, _, each in given],
            "recipients": [each.recipient for _, _, each in given],
            "of_office": [each.recipient is Recipient.OFFICE for _, _, each in given],
            "facts": [json.dumps(each.facts, ensure_ascii=False) for _, _, each in given],
            "places": [place for place, _, _ in wording],
            "languages": [language for _, language, _ in wording],
            "titles": [rendered.title for _, _, rendered in wording],
            "texts": [rendered.text for _, _, rendered in wording],
            "default_language": DEFAULT_LANGUAGE,
            "secretary": int(OfficerPost.OFFICER_POST_SECRETARY),
        },
    )
    return [Reachable(origins[row.origin - 1], row.recipient, cast(Channel, row.channel), row.source) for row in rows]


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
