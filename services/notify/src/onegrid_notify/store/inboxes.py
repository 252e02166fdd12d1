"""Inboxes, computed when they are read: what is in one, how much of it is unread, and what readers acknowledge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Connection, text

from onegrid.notify.v1.resources_pb2 import Acknowledgement, ArticleState, InboxItemKind
from onegrid_kit import codes
from onegrid_kit.batches import BatchStatement
from onegrid_kit.paging import Position
from onegrid_kit.versioned import LoadStatement
from onegrid_notify.item import KEPT, MAX_ITEMS, Count, InboxItem, KnownItem, Reader
from onegrid_notify.store.matching import ANCESTORS, SELECTORS

__all__ = [
    "NAMED_ITEMS",
    "acknowledge_items",
    "confirm_for",
    "count_items",
    "inbox_items",
    "item_of",
    "known_items",
]

_NOTICE: Final = f"""
  article.district, article.id, {InboxItemKind.INBOX_ITEM_KIND_NOTICE:d} AS kind, article.title, article.summary,
  'articles/' || article.id AS subject, article.column_id, article.urgent, article.must_confirm, article.version,
  greatest(article.unread_below, 1) AS unread_below, article.publish_time AS create_time, article.expire_time
"""
_MESSAGE: Final = f"""
  message.district, message.id, {InboxItemKind.INBOX_ITEM_KIND_MESSAGE:d} AS kind, message.title,
  message.text AS summary, message.subject, '' AS column_id, message.urgent, false AS must_confirm, 1 AS version,
  1 AS unread_below, message.create_time, message.expire_time
"""
_STATE: Final = """
  state.receive_time,
  CASE WHEN state.read_version >= item.unread_below THEN state.read_time END AS read_time,
  CASE WHEN state.confirmed_version >= item.unread_below THEN state.confirm_time END AS confirm_time,
  coalesce(state.read_version, 0) < item.unread_below AS unread,
  item.must_confirm AND coalesce(state.confirmed_version, 0) < item.unread_below AS unconfirmed
"""

# The newest `most` items behind a position. For each code that a membership lies in, no more notices are read than
# that, each once even where two selectors describe it.
_ITEMS: Final = f"""
  SELECT item.*, {_STATE}
  FROM (
    SELECT DISTINCT ON (create_time, id) * FROM (
      SELECT notice.*
      FROM membership m {ANCESTORS} CROSS JOIN LATERAL (
        SELECT DISTINCT ON (s.publish_time, s.article) {_NOTICE}
        FROM selector s JOIN article ON article.district = s.district AND article.id = s.article
        WHERE {SELECTORS} AND s.push
          AND s.publish_time > CAST(:oldest AS timestamptz)
          AND (s.publish_time, s.article) < (CAST(:before_time AS timestamptz), CAST(:before_id AS text))
          AND article.state = {ArticleState.ARTICLE_STATE_PUBLISHED:d}
          AND (article.expire_time IS NULL OR article.expire_time > CAST(:now AS timestamptz))
        ORDER BY s.publish_time DESC, s.article DESC LIMIT CAST(:most AS integer)
      ) AS notice
      WHERE m.user_name = CAST(:user AS text) AND m.district = ANY (CAST(:districts AS text[]))
        AND m.end_time > CAST(:oldest AS timestamptz)
      UNION ALL (
        SELECT {_MESSAGE}
        FROM unnest(CAST(:districts AS text[])) AS own (district) CROSS JOIN LATERAL (
          SELECT * FROM message
          WHERE message.district = own.district AND message.user_name = CAST(:user AS text)
            AND message.create_time > CAST(:oldest AS timestamptz)
            AND (message.create_time, message.id) < (CAST(:before_time AS timestamptz), CAST(:before_id AS text))
            AND (message.expire_time IS NULL OR message.expire_time > CAST(:now AS timestamptz))
          ORDER BY message.create_time DESC, message.id DESC LIMIT CAST(:most AS integer)
        ) AS message
      )
    ) AS found
    ORDER BY create_time DESC, id DESC LIMIT CAST(:most AS integer)
  ) AS item
  LEFT JOIN item_state AS state
    ON state.district = item.district AND state.user_name = CAST(:user AS text) AND state.item = item.id
"""
_LIST: Final = text(
    f"""
    SELECT * FROM (
      SELECT item.*, CAST(:rank AS integer) + row_number() OVER (ORDER BY create_time DESC, id DESC) AS rank
      FROM ({_ITEMS}) AS item
    ) AS ranked
    WHERE unread OR NOT CAST(:unread_only AS boolean)
    ORDER BY rank LIMIT CAST(:limit AS integer)
    """
)
_COUNT: Final = text(
    f"""
    SELECT count(*) FILTER (WHERE unread) AS unread, count(*) FILTER (WHERE unconfirmed) AS unconfirmed
    FROM ({_ITEMS}) AS item
    """
)


def inbox_items(
    conn: Connection, reader: Reader, now: datetime, after: Position, limit: int, *, unread_only: bool
) -> list[InboxItem]:
    """The items behind that position, the newest first; the position of an item is its time, id and rank."""
    time, id_, rank = cast(tuple[datetime, str, int], after) if after else (*_newest(now), 0)
    left = MAX_ITEMS - rank
    parameters = {
        **_inbox(reader, now),
        "before_time": time,
        "before_id": id_,
        "most": left if unread_only else min(limit, left),
        "rank": rank,
        "unread_only": unread_only,
        "limit": limit,
    }
    return [item_of(row._mapping, row.rank) for row in conn.execute(_LIST, parameters)]


def count_items(conn: Connection, reader: Reader, now: datetime) -> Count:
    """How many of what `inbox_items` lists is unread, and how many is to be confirmed."""
    time, id_ = _newest(now)
    parameters = {**_inbox(reader, now), "before_time": time, "before_id": id_, "most": MAX_ITEMS}
    row = conn.execute(_COUNT, parameters).one()
    return Count(row.unread, row.unconfirmed)


def item_of(row: Mapping[Any, Any], rank: int = 0) -> InboxItem:
    """The item of a row."""
    return InboxItem(
        id=row["id"],
        kind=cast(InboxItemKind, row["kind"]),
        title=row["title"],
        summary=row["summary"],
        subject=row["subject"],
        column=row["column_id"],
        urgent=row["urgent"],
        must_confirm=row["must_confirm"],
        version=row["version"],
        create_time=row["create_time"],
        expire_time=row["expire_time"],
        receive_time=row["receive_time"],
        read_time=row["read_time"],
        confirm_time=row["confirm_time"],
        rank=rank,
    )


def _inbox(reader: Reader, now: datetime) -> dict[str, object]:
    return {"user": reader.user, "districts": list(reader.districts), "now": now, "oldest": now - KEPT}


def _newest(now: datetime) -> tuple[datetime, str]:
    """The position before what comes at this moment."""
    return now + timedelta(microseconds=1), ""


# Of the items that somebody names those that are in their inbox, or were until they were withdrawn; notices with the
# place where the reader counts.
_NAMED: Final = f"""
  SELECT {_NOTICE}, held.place, article.state = {ArticleState.ARTICLE_STATE_WITHDRAWN:d} AS withdrawn
  FROM unnest(wanted.items) AS named (id)
  JOIN article ON article.district = left(named.id, 6) AND article.id = named.id
    AND article.district = ANY (wanted.districts) AND article.push
    AND article.state IN ({ArticleState.ARTICLE_STATE_PUBLISHED:d}, {ArticleState.ARTICLE_STATE_WITHDRAWN:d})
    AND article.publish_time <= wanted.now AND article.publish_time > wanted.oldest
    AND (article.expire_time IS NULL OR article.expire_time > wanted.now)
  CROSS JOIN LATERAL (
    SELECT min(left(m.code, 12)) AS place
    FROM membership m {ANCESTORS} JOIN selector s ON {SELECTORS}
    WHERE m.district = article.district AND m.user_name = wanted.user_name
      AND s.publish_time = article.publish_time AND s.article = article.id
  ) AS held
  WHERE held.place IS NOT NULL
  UNION ALL
  SELECT {_MESSAGE}, '' AS place, false AS withdrawn
  FROM message
  WHERE message.district = ANY (wanted.districts) AND message.user_name = wanted.user_name
    AND message.id = ANY (wanted.items) AND message.create_time <= wanted.now AND message.create_time > wanted.oldest
    AND (message.expire_time IS NULL OR message.expire_time > wanted.now)
"""


def _known(row: Mapping[str, Any]) -> tuple[KnownItem, ...]:
    return tuple(KnownItem(each["district"], each["id"], each["place"]) for each in row["known"] or ())


_WANTED: Final = "user_name text, districts text[], items text[], now timestamptz, oldest timestamptz"
NAMED_ITEMS: Final = f"""
  SELECT wanted.position, item.*, {_STATE}
  FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS wanted (position integer, {_WANTED})
  CROSS JOIN LATERAL ({_NAMED}) AS item
  LEFT JOIN item_state AS state
    ON state.district = item.district AND state.user_name = wanted.user_name AND state.item = item.id
"""
"""The items that readers name, as each has them; `withdrawn` ones among them."""
known_items = LoadStatement(
    _WANTED,
    "known.known",
    f"""
    LEFT JOIN LATERAL (
      SELECT jsonb_agg(jsonb_build_object('district', district, 'id', id, 'place', place)) AS known
      FROM ({_NAMED}) AS item WHERE NOT withdrawn
    ) AS known ON true
    """,
    _known,
)
"""Loads which of the items that readers name are in their inboxes."""

_RECEIVED, _READ, _CONFIRMED = 1, 2, 4
"""The bits of `item_state.changed`."""

_ACKNOWLEDGING: Final = (
    # What a correction makes unread again waits for those who read it now, and they for the correction.
    """
    article_now AS (
      SELECT district, id, greatest(unread_below, 1) AS unread_below FROM article
      WHERE (district, id) IN (SELECT district, id FROM named) ORDER BY district, id FOR SHARE
    )
    """,
    f"""
    reached AS (
      SELECT named.*, coalesce(article_now.unread_below, 1) AS unread_below,
             CASE WHEN named.version = 0 OR named.version >= coalesce(article_now.unread_below, 1)
                  THEN named.acknowledgement ELSE {Acknowledgement.ACKNOWLEDGEMENT_RECEIVED:d} END AS step
      FROM named LEFT JOIN article_now USING (district, id)
    )
    """,
    f"""
    acknowledged AS (
      INSERT INTO item_state AS known (
        district, user_name, item, receive_time, read_time, read_version, confirm_time, confirmed_version, place,
        changed)
      SELECT district, user_name, id, min(time),
             min(time) FILTER (WHERE step >= {Acknowledgement.ACKNOWLEDGEMENT_READ:d}),
             coalesce(max(unread_below) FILTER (WHERE step >= {Acknowledgement.ACKNOWLEDGEMENT_READ:d}), 0),
             min(time) FILTER (WHERE step >= {Acknowledgement.ACKNOWLEDGEMENT_CONFIRMED:d}),
             coalesce(max(unread_below) FILTER (WHERE step >= {Acknowledgement.ACKNOWLEDGEMENT_CONFIRMED:d}), 0),
             min(place),
             CASE max(step) WHEN {Acknowledgement.ACKNOWLEDGEMENT_RECEIVED:d} THEN {_RECEIVED}
                            WHEN {Acknowledgement.ACKNOWLEDGEMENT_READ:d} THEN {_RECEIVED | _READ}
                            ELSE {_RECEIVED | _READ | _CONFIRMED} END
      FROM reached GROUP BY district, user_name, id
      -- In the same order everywhere, so that two batches can't wait for one another.
      ORDER BY district, user_name, id
      ON CONFLICT (district, user_name, item) DO UPDATE SET
        read_time = CASE WHEN known.read_version < excluded.read_version THEN excluded.read_time
                         ELSE known.read_time END,
        read_version = greatest(known.read_version, excluded.read_version),
        confirm_time = CASE WHEN known.confirmed_version < excluded.confirmed_version THEN excluded.confirm_time
                            ELSE known.confirm_time END,
        confirmed_version = greatest(known.confirmed_version, excluded.confirmed_version),
        changed = CASE WHEN known.read_version < excluded.read_version THEN {_READ} ELSE 0 END
                + CASE WHEN known.confirmed_version < excluded.confirmed_version THEN {_CONFIRMED} ELSE 0 END
      WHERE known.read_version < excluded.read_version OR known.confirmed_version < excluded.confirmed_version
      RETURNING district, item, place, changed
    )
    """,
    f"""
    counted AS (
      INSERT INTO reach AS known (district, article, place, received, read, confirmed)
      SELECT district, item, place,
             count(*) FILTER (WHERE changed & {_RECEIVED} <> 0),
             count(*) FILTER (WHERE changed & {_READ} <> 0),
             count(*) FILTER (WHERE changed & {_CONFIRMED} <> 0)
      FROM acknowledged WHERE place <> ''
      GROUP BY district, item, place ORDER BY district, item, place
      ON CONFLICT (district, article, place) DO UPDATE SET
        received = known.received + excluded.received,
        read = known.read + excluded.read,
        confirmed = known.confirmed + excluded.confirmed
    )
    """,
)
"""The parts of a WITH that note the acknowledgements of `named`, and count them."""
acknowledge_items = BatchStatement(
    "items jsonb, acknowledgement smallint",
    """
    named AS (
      SELECT fresh.caller AS user_name, fresh.time, fresh.acknowledgement, item.*
      FROM fresh, jsonb_to_recordset(fresh.items) AS item (district text, id text, place text, version integer)
    )
    """,
    *_ACKNOWLEDGING,
)
"""Notes what readers did with items, each step of a reader once, and counts it for the place of the reader."""
_CONFIRM: Final = text(
    f"""
    WITH named AS (
      SELECT CAST(:user AS text) AS user_name, CAST(:time AS timestamptz) AS time,
             {Acknowledgement.ACKNOWLEDGEMENT_CONFIRMED:d} AS acknowledgement, CAST(:district AS text) AS district,
             CAST(:item AS text) AS id, CAST(:place AS text) AS place, 0 AS version
    ), {", ".join(_ACKNOWLEDGING)}
    SELECT count(*) FROM acknowledged
    """
)


def confirm_for(conn: Connection, user: str, item: str, place: str, time: datetime) -> None:
    """Note that a reader, who counts in that place, confirmed a notice, and count it."""
    values = {"user": user, "item": item, "district": codes.district_of(item), "place": place, "time": time}
    conn.execute(_CONFIRM, values)
