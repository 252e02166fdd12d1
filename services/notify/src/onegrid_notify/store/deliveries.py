"""The statements over what leaves the platform: to whom something is sent, and what becomes of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Connection, select, text

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import codes
from onegrid_kit.sending import Outgoing
from onegrid_notify.article import Article
from onegrid_notify.deliveries import OF_PERSONS, item_of
from onegrid_notify.endpoint import ENDPOINT
from onegrid_notify.store.articles import article_of
from onegrid_notify.store.matching import DESCRIBES, MEMBERS, WITHIN
from onegrid_notify.tables import article, content_column, message
from onegrid_notify.tables import item_state as item_state_table

__all__ = [
    "Match",
    "Piece",
    "articles_by_id",
    "column_names",
    "item_state",
    "match_of",
    "message_of",
    "reachable_of_few",
    "reachable_people",
    "read_versions",
    "subscribed_endpoints",
]


@dataclass(frozen=True, slots=True)
class Piece:
    """What was gone through of the people who have addresses."""

    last: str
    """The last person who was looked at."""
    finished: bool
    """Whether nobody comes after that one."""
    reachable: Sequence[tuple[str, Channel]]
    """People of the audience, with each channel of which they have a verified address."""


@dataclass(frozen=True, slots=True)
class Match:
    """By what an item is for a person."""

    place: str
    """The place that the article's audience names."""
    member_of: str
    """Where the person belonged."""
    role: str
    """By which role; empty: by being at home there."""
    organization: str
    """The id of the Party organization to which the person belonged; empty: the audience did not ask."""


_FOLLOWING: Final = "SELECT {0} FROM address WHERE user_name > :after"
_REACHABLE: Final = text(
    f"""
    WITH full_piece AS (
      {_FOLLOWING.format("user_name")} ORDER BY user_name OFFSET :most - 1 LIMIT 1
    ), piece AS (
      SELECT coalesce((SELECT user_name FROM full_piece), ({_FOLLOWING.format("max(user_name)")})) AS last
    ), reachable AS (
      SELECT DISTINCT user_name, channel
      FROM address
      WHERE user_name > :after AND user_name <= (SELECT last FROM piece)
        AND channel = ANY (CAST(:channels AS smallint[])) AND verify_time IS NOT NULL
        AND EXISTS (
          SELECT FROM membership m JOIN selector s ON {MEMBERS}
          WHERE m.district = :district AND m.user_name = address.user_name AND s.article = :article
        )
    )
    SELECT coalesce(last, :after) AS last, NOT EXISTS (SELECT FROM full_piece) AS finished,
           ARRAY(SELECT user_name FROM reachable ORDER BY user_name, channel) AS users,
           ARRAY(SELECT channel FROM reachable ORDER BY user_name, channel) AS channels
    FROM piece
    """
)
# No more memberships are read than that of which it is few, whoever they describe.
_REACHABLE_OF_FEW: Final = text(
    f"""
    WITH near AS MATERIALIZED (
      SELECT member.user_name, member.described
      FROM selector s
        CROSS JOIN LATERAL (
          SELECT m.user_name, ({DESCRIBES}) AS described FROM membership m WHERE {WITHIN} LIMIT :few + 1
        ) AS member
      WHERE s.district = :district AND s.article = :article LIMIT :few + 1
    ), reachable AS (
      SELECT DISTINCT address.user_name, address.channel
      FROM (SELECT DISTINCT user_name FROM near WHERE described) AS person JOIN address USING (user_name)
      WHERE (SELECT count(*) FROM near) <= :few
        AND address.channel = ANY (CAST(:channels AS smallint[])) AND address.verify_time IS NOT NULL
    )
    SELECT (SELECT count(*) FROM near) <= :few AS few,
           ARRAY(SELECT user_name FROM reachable ORDER BY user_name, channel) AS users,
           ARRAY(SELECT channel FROM reachable ORDER BY user_name, channel) AS channels
    """
)
_MATCH: Final = text(
    f"""
    SELECT s.code AS place, m.code AS member_of, m.role, coalesce((
      SELECT i.organization FROM party_member AS i
      WHERE s.of_party AND i.district = s.district AND i.user_name = m.user_name
        AND i.begin_time <= s.publish_time AND s.publish_time < i.end_time LIMIT 1), '') AS organization
    FROM selector s JOIN membership m ON {MEMBERS}
    WHERE s.district = :district AND s.article = :article AND m.user_name = :user
    ORDER BY s.number, m.role, m.code LIMIT 1
    """
)
_READ: Final = text(
    """
    SELECT wanted.id, state.read_version
    FROM unnest(CAST(:ids AS text[]), CAST(:districts AS text[]), CAST(:users AS text[]), CAST(:items AS text[]))
           AS wanted (id, district, user_name, item)
         JOIN item_state AS state USING (district, user_name, item)
    """
)
_SUBSCRIBED: Final = text(
    """
    SELECT id, channel FROM endpoint
    WHERE district = :district AND CAST(:topic AS text) = ANY (topics) AND NOT disabled
      AND channel = ANY (CAST(:channels AS smallint[]))
    ORDER BY id
    """
)


def reachable_people(conn: Connection, article_id: str, channels: Collection[Channel], after: str, most: int) -> Piece:
    """Who of an article's audience has a verified address of one of these channels, among the people who come next by
    their names. So many addresses are looked at, and all of the last person's.
    """
    values = {
        "district": codes.district_of(article_id),
        "article": article_id,
        "channels": [int(channel) for channel in channels if channel in OF_PERSONS],
        "after": after,
        "most": most,
    }
    row = conn.execute(_REACHABLE, values).one()
    return Piece(row.last, row.finished, list(zip(row.users, _channels(row.channels), strict=True)))


def reachable_of_few(
    conn: Connection, article_id: str, channels: Collection[Channel], few: int
) -> list[tuple[str, Channel]] | None:
    """Who of an article's audience has a verified address of one of these channels; None if there are more memberships
    than that in the places that the audience names.
    """
    values = {
        "district": codes.district_of(article_id),
        "article": article_id,
        "channels": [int(channel) for channel in channels if channel in OF_PERSONS],
        "few": few,
    }
    row = conn.execute(_REACHABLE_OF_FEW, values).one()
    return list(zip(row.users, _channels(row.channels), strict=True)) if row.few else None


def articles_by_id(conn: Connection, ids: Collection[str]) -> dict[str, Article]:
    """Those of the articles that there are, with their texts."""
    districts = {codes.district_of(id_) for id_ in ids}
    rows = conn.execute(select(article).where(article.c.district.in_(districts), article.c.id.in_(ids)))
    return {row.id: article_of(row) for row in rows}


def column_names(conn: Connection, ids: Collection[str]) -> dict[str, str]:
    """What readers call these columns, by id."""
    c = content_column.c
    districts = {codes.district_of(id_) for id_ in ids}
    query = select(c.id, c.display_name).where(c.district.in_(districts), c.id.in_(ids))
    return {row.id: row.display_name for row in conn.execute(query)}


def subscribed_endpoints(
    conn: Connection, district: str, topic: str, channels: Collection[Channel]
) -> list[tuple[str, Channel]]:
    """The endpoints of offices of a district that get what is about the topic, by these channels."""
    values = {"district": district, "topic": topic, "channels": [int(channel) for channel in channels]}
    return [(ENDPOINT.name(row.id), cast(Channel, row.channel)) for row in conn.execute(_SUBSCRIBED, values)]


def _channels(values: Sequence[Any]) -> list[Channel]:
    return [cast(Channel, value) for value in values]


def match_of(conn: Connection, article_id: str, user: str) -> Match | None:
    """By what an article is for a user: the first selector that describes a membership that they had when it was
    published.
    """
    values = {"district": codes.district_of(article_id), "article": article_id, "user": user}
    row = conn.execute(_MATCH, values).one_or_none()
    return None if row is None else Match(row.place, row.member_of, row.role, row.organization)


def message_of(conn: Connection, districts: Collection[str], user: str, item: str) -> Any:
    """The message that a user has, if it is of one of these districts."""
    m = message.c
    query = select(m.district, m.subject, m.urgent, m.create_time, m.expire_time)
    return conn.execute(query.where(m.district.in_(districts), m.user_name == user, m.id == item)).one_or_none()


def read_versions(conn: Connection, outgoings: Collection[Outgoing]) -> dict[str, int]:
    """Which version recipients have read of what these sendings are about, by the sendings' ids; without those who
    have read none.
    """
    values = {
        "ids": [each.id for each in outgoings],
        "districts": [each.district for each in outgoings],
        "users": [each.recipient for each in outgoings],
        "items": [item_of(each.id) for each in outgoings],
    }
    return {row.id: row.read_version for row in conn.execute(_READ, values)}


def item_state(conn: Connection, district: str, user: str, item: str) -> Any:
    """What a user did with an item, if anything."""
    s = item_state_table.c
    query = select(s.receive_time, s.read_time, s.confirm_time)
    return conn.execute(query.where(s.district == district, s.user_name == user, s.item == item)).one_or_none()
