"""How far notices reached: their audiences as they are counted, what was acknowledged, and who must still confirm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, TextClause, text

from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit import codes, steps
from onegrid_kit.paging import Position
from onegrid_kit.steps import State
from onegrid_notify.article import Article
from onegrid_notify.reach import Figures, Recipient, counting_id
from onegrid_notify.store.matching import MEMBERS

__all__ = [
    "RECIPIENTS",
    "TO_VISIT",
    "Piece",
    "begin_anew",
    "count_people",
    "figures_of",
    "is_counting",
    "lock_recipient",
    "recipients_page",
]


@dataclass(frozen=True, slots=True)
class Piece:
    """What was done of an audience."""

    last: str
    """The last person who was looked at."""
    counted: int
    """People of the audience."""
    finished: bool
    """Whether nobody comes after that one."""


# A person counts in one place, however many memberships match: that with the smallest code, as for acknowledgements.
_AUDIENCE: Final = f"""
    SELECT CAST(:article AS text) AS article, m.district, m.user_name, min(m.code) AS place
    FROM membership m
    WHERE m.district = :district AND m.user_name > :after AND m.user_name <= (SELECT last FROM piece)
      AND EXISTS (SELECT FROM selector s WHERE s.district = :district AND s.article = :article AND {MEMBERS})
    GROUP BY m.district, m.user_name
"""
_WRITTEN: Final = f"""
    INSERT INTO recipient (article, district, user_name, place) {_AUDIENCE} RETURNING recipient.place
"""


def _count(people: str) -> TextClause:
    following = "SELECT {0} FROM membership WHERE district = :district AND user_name > :after"
    return text(
        f"""
        WITH full_piece AS (
          {following.format("user_name")} ORDER BY user_name OFFSET :most - 1 LIMIT 1
        ), piece AS (
          SELECT coalesce((SELECT user_name FROM full_piece), ({following.format("max(user_name)")})) AS last
        ), people AS ({people}
        ), by_place AS (
          SELECT left(place, 12) AS place, count(*) AS people FROM people GROUP BY left(place, 12)
        ), counted AS (
          INSERT INTO reach AS known (district, article, place, audience)
          -- In the order in which acknowledgements write them.
          SELECT :district, :article, place, people FROM by_place ORDER BY place
          ON CONFLICT (district, article, place) DO UPDATE SET audience = known.audience + excluded.audience
        )
        SELECT coalesce(last, :after) AS last, NOT EXISTS (SELECT FROM full_piece) AS finished,
               CAST(coalesce((SELECT sum(people) FROM by_place), 0) AS bigint) AS counted
        FROM piece
        """
    )


_COUNT_ALONE: Final = _count(_AUDIENCE)
_COUNT_AND_WRITE: Final = _count(_WRITTEN)


def count_people(conn: Connection, article_id: str, after: str, most: int, *, as_recipients: bool) -> Piece:
    """Count the people of a notice's audience among those who come next by their names, and write them down if they are
    to confirm it. So many memberships are looked at, and all of the last person's.
    """
    statement = _COUNT_AND_WRITE if as_recipients else _COUNT_ALONE
    values = {"district": codes.district_of(article_id), "article": article_id, "after": after, "most": most}
    row = conn.execute(statement, values).one()
    return Piece(row.last, row.counted, row.finished)


def begin_anew(conn: Connection, article_id: str) -> None:
    """Count from the beginning who reads and confirms a notice."""
    conn.execute(
        text("UPDATE reach SET read = 0, confirmed = 0 WHERE district = :district AND article = :article"),
        {"district": codes.district_of(article_id), "article": article_id},
    )


RECIPIENTS: Final = """
  FROM recipient
  JOIN article ON article.district = recipient.district AND article.id = recipient.article
  LEFT JOIN item_state AS state
    ON state.district = recipient.district AND state.user_name = recipient.user_name
    AND state.item = recipient.article
  WHERE recipient.district = :district AND recipient.article = :article
"""
"""Those of a notice, with what they did with it."""
TO_VISIT: Final = f"""
  article.state = {ArticleState.ARTICLE_STATE_PUBLISHED:d}
  AND (article.expire_time IS NULL OR article.expire_time > :now)
  AND recipient.visit_version >= article.unread_below AND coalesce(state.confirmed_version, 0) < article.unread_below
  AND (coalesce(state.read_version, 0) < article.unread_below OR state.read_time < recipient.visit_since)
"""
"""That somebody is to be visited: they were put onto the list, and have neither confirmed the notice nor read it since;
and readers still have it."""
_RECIPIENT: Final = f"""
  SELECT recipient.user_name, recipient.place, state.receive_time,
         CASE WHEN state.read_version >= article.unread_below THEN state.read_time END AS read_time,
         CASE WHEN state.confirmed_version >= article.unread_below THEN state.confirm_time END AS confirm_time,
         CASE WHEN {TO_VISIT} THEN recipient.visit_since END AS visit_since,
         recipient.visit_outcome, recipient.visit_time
  {RECIPIENTS}
"""
_FIGURES: Final = text(
    """
    SELECT left(place, :length) AS place, CAST(sum(audience) AS bigint) AS audience,
           CAST(sum(received) AS bigint) AS received, CAST(sum(read) AS bigint) AS read,
           CAST(sum(confirmed) AS bigint) AS confirmed
    FROM reach
    WHERE district = :district AND article = :article AND place >= :place AND place < :place || '~'
    GROUP BY left(place, :length) ORDER BY left(place, :length)
    """
)


def figures_of(conn: Connection, article_id: str, place: str) -> list[Figures]:
    """The figures of a notice for a place, without the parts of it, and for each place directly inside it."""
    values = {
        "district": codes.district_of(article_id),
        "article": article_id,
        "place": place,
        "length": len(place) + len("000"),
    }
    return [
        Figures(row.place, row.audience, row.received, row.read, row.confirmed)
        for row in conn.execute(_FIGURES, values)
    ]


_FIND_RECIPIENT: Final = text(f"{_RECIPIENT} AND recipient.user_name = :user FOR UPDATE OF recipient")


def _recipients(behind_after: str, to_visit: str = "") -> TextClause:
    return text(
        f"""
        {_RECIPIENT}
          AND recipient.place >= :place AND recipient.place < :place || '~' {behind_after}
          AND (:show_confirmed OR coalesce(state.confirmed_version, 0) < article.unread_below) {to_visit}
        ORDER BY recipient.place, recipient.user_name LIMIT :limit
        """
    )


_BEHIND: Final = "AND (recipient.place, recipient.user_name) > (:after_place, :after_user)"
# By the index of those who are ever to be visited.
_VISITS: Final = f"AND (recipient.visit_version > 0 OR recipient.visit_outcome > 0) AND {TO_VISIT}"
_PAGES: Final = {
    (bool(behind), bool(visits)): _recipients(behind, visits) for behind in ("", _BEHIND) for visits in ("", _VISITS)
}
"""By whether it is a further page, and of those who are to be visited."""


def recipients_page(
    conn: Connection,
    article_id: str,
    place: str,
    now: datetime,
    after: Position,
    limit: int,
    *,
    show_confirmed: bool,
    to_visit: bool,
) -> list[Recipient]:
    """Who of a place is asked to confirm a notice, by place and name; all, or those who are to be visited."""
    values = {
        "district": codes.district_of(article_id),
        "article": article_id,
        "place": place,
        "show_confirmed": show_confirmed,
        "now": now,
        "limit": limit,
        **dict(zip(("after_place", "after_user"), after, strict=False)),
    }
    return [Recipient(*row) for row in conn.execute(_PAGES[bool(after), to_visit], values)]


def lock_recipient(conn: Connection, article_id: str, user: str, now: datetime) -> Recipient | None:
    """One of those who are asked to confirm a notice."""
    values = {"district": codes.district_of(article_id), "article": article_id, "user": user, "now": now}
    row = conn.execute(_FIND_RECIPIENT, values).one_or_none()
    return None if row is None else Recipient(*row)


def is_counting(conn: Connection, article: Article) -> bool:
    """Whether the audience of an article that readers have is not counted yet."""
    if not article.opened:
        return True
    work = steps.find(conn, counting_id(article.name))
    return work is not None and work.state in (State.RUNNING, State.FAILED)
