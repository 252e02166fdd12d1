"""The statements over the rungs of escalations, and over those whom they still have to reach."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, func, select, text

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.resources_pb2 import VisitOutcome
from onegrid_kit import codes
from onegrid_notify.article import ARTICLE
from onegrid_notify.escalation import BEGIN_RUNG, Rung
from onegrid_notify.store.reach import RECIPIENTS, TO_VISIT
from onegrid_notify.tables import rung

__all__ = [
    "Piece",
    "add_to_visits",
    "begin_rung",
    "count_visits",
    "delete_waiting",
    "find_rung",
    "insert_rung",
    "last_rungs",
    "late_s",
    "missing_rungs",
    "next_recipients",
    "note_rung",
    "note_visit",
    "rungs_of",
    "waiting_rung",
]


@dataclass(frozen=True, slots=True)
class Piece:
    """The next recipients of a notice, in the order of their names."""

    last: str
    """The last one who was looked at."""
    finished: bool
    """Whether nobody comes after that one."""
    left: Sequence[tuple[str, str]]
    """Those who have not read it, or not confirmed it: their names, and the codes of their places."""


_NEXT: Final = text(
    """
    SELECT recipient.user_name, recipient.place,
           coalesce(CASE WHEN :confirmed THEN state.confirmed_version ELSE state.read_version END, 0) < :version
             AS still
    FROM recipient
    LEFT JOIN item_state AS state
      ON state.district = recipient.district AND state.user_name = recipient.user_name
      AND state.item = recipient.article
    WHERE recipient.district = :district AND recipient.article = :article AND recipient.user_name > :after
    ORDER BY recipient.user_name LIMIT :most
    """
)
_ADD_TO_VISITS: Final = text(
    """
    UPDATE recipient SET visit_version = :version, visit_since = :now, visit_outcome = 0, visit_time = NULL
    WHERE district = :district AND article = :article AND user_name = ANY(CAST(:users AS text[]))
    """
)
_NOTE_VISIT: Final = text(
    """
    UPDATE recipient SET visit_outcome = :outcome, visit_time = :now, visitor = :visitor
    WHERE district = :district AND article = :article AND user_name = :user
    """
)
_COUNT_VISITS: Final = text(
    f"""
    SELECT count(*) FILTER (WHERE {TO_VISIT}) AS to_visit,
           count(*) FILTER (WHERE recipient.visit_outcome IN (
             {VisitOutcome.VISIT_OUTCOME_IN_PERSON:d}, {VisitOutcome.VISIT_OUTCOME_BY_PHONE:d})) AS visited,
           count(*) FILTER (WHERE recipient.visit_outcome = {VisitOutcome.VISIT_OUTCOME_NOT_FOUND:d}) AS not_found
    {RECIPIENTS}
      AND (recipient.visit_version > 0 OR recipient.visit_outcome > 0)
    """
)

_WAITS: Final = (rung.c.end_time.is_(None), rung.c.begin_time.is_(None))
_MISSING: Final = text(
    f"""
    SELECT * FROM rung
    WHERE end_time IS NULL AND begin_time IS NULL
      AND NOT EXISTS (SELECT FROM climb WHERE kind = :kind AND subject = '{ARTICLE.name("")}' || rung.article)
    """
)


def insert_rung(conn: Connection, article_id: str, first: Rung) -> None:
    """Have a rung begun when it is due."""
    conn.execute(rung.insert().values(**_key(article_id), **asdict(first)))


def rungs_of(conn: Connection, article_id: str) -> list[Rung]:
    """The rungs of a notice that began, and the one that is due next, in order."""
    rows = conn.execute(select(rung).where(*_of(article_id)).order_by(rung.c.number))
    return [_rung(row) for row in rows]


def last_rungs(conn: Connection, article_ids: Collection[str]) -> dict[str, int]:
    """The numbers of the last rungs of these notices, by their ids, as far as they have any."""
    r = rung.c
    districts = {codes.district_of(id_) for id_ in article_ids}
    query = select(r.article, func.max(r.number).label("number")).where(
        r.district.in_(districts), r.article.in_(article_ids)
    )
    return {row.article: row.number for row in conn.execute(query.group_by(r.article))}


def find_rung(conn: Connection, article_id: str, number: int) -> Rung | None:
    """One rung of a notice."""
    row = conn.execute(select(rung).where(*_of(article_id), rung.c.number == number)).one_or_none()
    return None if row is None else _rung(row)


def waiting_rung(conn: Connection, article_id: str) -> Rung | None:
    """The rung of a notice that did not begin yet."""
    row = conn.execute(select(rung).where(*_of(article_id), *_WAITS)).one_or_none()
    return None if row is None else _rung(row)


def missing_rungs(conn: Connection) -> list[tuple[str, Rung]]:
    """The rungs that wait and that nobody climbs to: the article's id, and the rung."""
    return [(row.article, _rung(row)) for row in conn.execute(_MISSING, {"kind": BEGIN_RUNG})]


def begin_rung(conn: Connection, article_id: str, number: int, now: datetime) -> None:
    """Note that a rung begins."""
    conn.execute(rung.update().where(*_of(article_id), rung.c.number == number).values(begin_time=now))


def note_rung(conn: Connection, article_id: str, number: int, unread: int, end_time: datetime | None) -> None:
    """Add to how many a rung was handed on, and note when everybody has been looked at."""
    values = {"unread": rung.c.unread + unread, "end_time": end_time}
    conn.execute(rung.update().where(*_of(article_id), rung.c.number == number).values(values))


def delete_waiting(conn: Connection, article_id: str) -> None:
    """No rung of the notice begins any more."""
    conn.execute(rung.delete().where(*_of(article_id), rung.c.begin_time.is_(None)))


def late_s(conn: Connection, now: datetime) -> float:
    """Since how many seconds the rung has been due that is through last; 0 if there is none."""
    oldest = conn.execute(select(func.min(rung.c.due_time)).where(rung.c.end_time.is_(None))).scalar_one()
    return 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())


def next_recipients(
    conn: Connection, article_id: str, version: int, after: str, most: int, *, confirmed: bool
) -> Piece:
    """Of the next recipients of a notice those who have not read this version of it; or have not confirmed it."""
    values = {**_key(article_id), "version": version, "after": after, "most": most, "confirmed": confirmed}
    rows = conn.execute(_NEXT, values).all()
    left = [(row.user_name, row.place) for row in rows if row.still]
    return Piece(rows[-1].user_name if rows else after, len(rows) < most, left)


def add_to_visits(conn: Connection, article_id: str, version: int, users: Sequence[str], now: datetime) -> None:
    """These are to be visited, as long as they have not read or confirmed this version."""
    conn.execute(_ADD_TO_VISITS, {**_key(article_id), "version": version, "users": list(users), "now": now})


def note_visit(
    conn: Connection, article_id: str, user: str, outcome: VisitOutcome, visitor: str, now: datetime
) -> None:
    """Note who visited a recipient, and what came of it."""
    values = {**_key(article_id), "user": user, "outcome": int(outcome), "visitor": visitor, "now": now}
    conn.execute(_NOTE_VISIT, values)


def count_visits(conn: Connection, article_id: str, now: datetime) -> tuple[int, int, int]:
    """How many are to be visited, how many were informed by a visit, and how many were not found."""
    row = conn.execute(_COUNT_VISITS, {**_key(article_id), "now": now}).one()
    return row.to_visit, row.visited, row.not_found


def _key(article_id: str) -> dict[str, Any]:
    return {"district": codes.district_of(article_id), "article": article_id}


def _of(article_id: str) -> tuple[Any, ...]:
    return rung.c.district == codes.district_of(article_id), rung.c.article == article_id


def _rung(row: Any) -> Rung:
    return Rung(
        number=row.number,
        version=row.version,
        step=row.step,
        channel=cast(Channel, row.channel),
        due_time=row.due_time,
        begin_time=row.begin_time,
        end_time=row.end_time,
        unread=row.unread,
    )
