"""Lists of petitions by any combination of filters, newest first. The work of a call is bounded, whatever matches.

- A filter that few petitions match is read by its index, and the others are applied to those.
- Otherwise the petitions are walked, newest first, until the page is full or enough of them were looked at.
- Text that was found too seldom by then is looked up in the index of words, month by month.

All find the same; what a call had no time for is left to the next page. No statement leaves the planner a choice that
its statistics could mislead: what orders and limits rows is apart from what filters them (ADR 10).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any, Final, cast

from sqlalchemy import Connection, DateTime, Row, TextClause, TextualSelect, bindparam, text

from onegrid.petition.v1.resources_pb2 import Kind, State
from onegrid_kit.clock import CHINA
from onegrid_kit.paging import Position, Scan
from onegrid_petition import bigrams, store, tables
from onegrid_petition.petition import Petition

__all__ = ["Filter", "list_petitions"]

_FEW: Final = 1000
"""What is read by an index that does not have the order of the list."""
_WALKED: Final = 2000
"""How many petitions a call walks."""
_WALKED_FOR_TEXT: Final = 300
"""How many it walks before it turns to the index of words."""
_MONTHS: Final = 4
"""How many months it looks up there: the index compares all petitions of a month that have one of the words."""
_NEWEST: Final[Position] = (datetime.max.replace(tzinfo=UTC), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which petitions."""

    district: str
    place: str = ""
    states: Sequence[State] = ()
    assignee: str = ""
    kinds: Sequence[Kind] = ()
    text: str = ""
    petitioner: str = ""


# OFFSET 0 keeps a subquery from being joined the other way round: it runs for each petition that passed the rest.
_CONDITIONS: Final[Mapping[str, str]] = {
    "place": "place ~>=~ :place AND place ~<~ :place_end",
    "states": "state = ANY (CAST(:states AS smallint[]))",
    "kinds": "kind = ANY (CAST(:kinds AS smallint[]))",
    "petitioner": "petitioner = :petitioner",
    "assignee": """EXISTS (
        SELECT FROM task
        WHERE task.district = p.district AND task.petition = p.id AND task.assignee = :assignee OFFSET 0)""",
    # Letters that are NULL were indexed by an older release; the job comes to them.
    "text": """EXISTS (
        SELECT FROM search
        WHERE search.district = p.district AND search.petition = p.id
          AND CASE WHEN letters IS NOT NULL THEN strpos(letters, :normalized) > 0
                   ELSE strpos(lower(p.text), lower(:text)) > 0 OR strpos(lower(p.address), lower(:text)) > 0 END
        OFFSET 0)""",
}
# Ordered by the column that only the one index has in this order.
_TASKS: Final = """
    SELECT petition FROM task
    WHERE district = :district AND assignee ~>=~ :assignee AND assignee ~<=~ :assignee
    ORDER BY assignee USING ~<~ LIMIT :most
"""
_ENTRIES: Final[Mapping[str, str]] = {
    "place": """
        SELECT * FROM petition WHERE district = :district AND place ~>=~ :place AND place ~<~ :place_end
        ORDER BY place USING ~<~ LIMIT :most""",
    "states and kinds": """
        SELECT each.*
        FROM unnest(CAST(:each_state AS smallint[])) AS s (state), unnest(CAST(:each_kind AS smallint[])) AS k (kind),
          LATERAL (
            SELECT * FROM petition
            WHERE district = :district AND petition.state = s.state AND petition.kind BETWEEN k.kind AND k.kind
            ORDER BY petition.kind LIMIT :most
          ) AS each
        LIMIT :most""",
    "petitioner": """
        SELECT * FROM petition WHERE district = :district AND petitioner BETWEEN :petitioner AND :petitioner
        ORDER BY petitioner LIMIT :most""",
    "assignee": _TASKS,
}
"""For each filter that has an index its entries, at most so many."""
_BY_ID: Final = "LATERAL (SELECT * FROM petition WHERE district = :district AND petition.id = w.id OFFSET 0) AS each"
_SOURCES: Final[Mapping[str, str]] = {
    **_ENTRIES,
    "assignee": f"SELECT each.* FROM (SELECT DISTINCT petition FROM ({_TASKS}) AS t) AS w (id), {_BY_ID}",
    "ids": f"SELECT each.* FROM unnest(CAST(:ids AS text[])) AS w (id), {_BY_ID}",
    "walk": """
        SELECT * FROM petition WHERE district = :district AND (create_time, id) < (:time, :id)
        ORDER BY create_time DESC, id DESC LIMIT :most""",
}
"""The petitions of those entries, of these ids, or the next ones behind a position."""

_TIME: Final = bindparam("time", type_=DateTime(timezone=True))
_WALKED_TO: Final = text(
    """
    SELECT create_time, id FROM petition WHERE district = :district AND (create_time, id) < (:time, :id)
    ORDER BY create_time DESC, id DESC OFFSET :most - 1 LIMIT 1
    """
).bindparams(_TIME)
_RAREST: Final = text(
    f"""
    WITH sample AS MATERIALIZED (
      SELECT found.letters
      FROM (
        SELECT id FROM petition WHERE district = :district AND (create_time, id) < (:time, :id)
        ORDER BY create_time DESC, id DESC LIMIT 100
      ) AS w, LATERAL (SELECT letters FROM search WHERE district = :district AND petition = w.id OFFSET 0) AS found
    )
    SELECT gram, (
      SELECT create_time FROM petition
      WHERE district = :district
        AND NOT EXISTS (SELECT FROM search WHERE district = :district AND {store.WITHOUT_MONTH})
      ORDER BY create_time, id LIMIT 1
    ) AS oldest
    FROM unnest(CAST(:grams AS text[])) AS gram
    ORDER BY (SELECT count(*) FROM sample WHERE strpos(letters, gram) > 0) LIMIT 3
    """
).bindparams(_TIME)
"""Which of these are rare, and when the first petition was filed, if the index of words has the month of all."""
_WITH_WORDS: Final = text(
    """
    SELECT month, petition
    FROM (SELECT * FROM unnest(CAST(:months AS text[])) WITH ORDINALITY AS m (month, number) ORDER BY number) AS m,
      LATERAL (SELECT petition FROM search WHERE grams @> (CAST(:grams AS text[]) || m.month) LIMIT :most) AS found
    ORDER BY number LIMIT :most
    """
)


def list_petitions(conn: Connection, wanted: Filter, after: Position, limit: int) -> Scan[Petition]:
    """The petitions that match, newest first."""
    scan = _Reading(conn, wanted).read(after or _NEWEST, limit)
    return Scan(store.with_tasks(conn, scan.rows), scan.reached)


class _Reading:
    """One call's reading of rows."""

    def __init__(self, conn: Connection, wanted: Filter) -> None:
        self._conn = conn
        self._district = wanted.district
        self._words = wanted.text.strip()
        given = {
            "place": wanted.place if wanted.place != wanted.district else "",
            "states": [int(state) for state in wanted.states],
            "kinds": [int(kind) for kind in wanted.kinds],
            "petitioner": wanted.petitioner,
            "assignee": wanted.assignee,
            "text": self._words,
        }
        self._values = {
            **given,
            "district": wanted.district,
            # Behind all codes that begin with the place's.
            "place_end": f"{wanted.place}:",
            "each_state": given["states"] or State.values(),
            "each_kind": given["kinds"] or Kind.values(),
            "normalized": bigrams.normalized(self._words),
        }
        self._filters = frozenset(name for name, value in given.items() if value)
        indexed = {"states and kinds" if name in ("states", "kinds") else name for name in self._filters}
        self._indexed = tuple(sorted(indexed & _ENTRIES.keys()))

    def read(self, after: Position, limit: int) -> Scan[Row[Any]]:
        """The rows behind this position."""
        if not self._filters:
            return Scan(self._fetch("walk", after, limit, limit))
        few = self._few()
        if few:
            # More than were counted: some may have come since.
            return Scan(self._fetch(few, after, limit, 2 * _FEW))
        if not self._words:
            return self._walk(after, limit, _WALKED)
        near = self._walk(after, limit, _WALKED_FOR_TEXT)
        if near.reached is None:
            return near
        rest = limit - len(near.rows)
        far = self._search(near.reached, rest) or self._walk(near.reached, rest, _WALKED - _WALKED_FOR_TEXT)
        return Scan([*near.rows, *far.rows], far.reached)

    def _few(self) -> str | None:
        """The filter that the fewest petitions match, if those are few."""
        if not self._indexed:
            return None
        counts = self._conn.execute(_counting(self._indexed), {**self._values, "most": _FEW + 1}).one()
        fewest, name = min(zip(counts, self._indexed, strict=True))
        return name if fewest <= _FEW else None

    def _walk(self, after: Position, limit: int, most: int) -> Scan[Row[Any]]:
        """What there is among so many petitions of any kind."""
        rows = self._fetch("walk", after, limit, most)
        if len(rows) == limit:
            return Scan(rows)
        position = {"district": self._district, "time": after[0], "id": after[1], "most": most}
        end = self._conn.execute(_WALKED_TO, position).one_or_none()
        if end is None:
            return Scan(rows)
        # Petitions that were filed between the two statements are no part of what was walked.
        return Scan(rows, min([tuple(end), *((row.create_time, row.id) for row in rows[-1:])]))

    def _search(self, after: Position, limit: int) -> Scan[Row[Any]] | None:
        """What there is in so many months; None if the index can't tell even of one."""
        position = {"district": self._district, "time": after[0], "id": after[1]}
        rarest = self._conn.execute(_RAREST, {**position, "grams": sorted(bigrams.bigrams(self._words))}).all()
        oldest = rarest[0].oldest
        if oldest is None:
            return None
        begins = list(islice(_months(cast(datetime, after[0]), oldest), _MONTHS))
        names = [bigrams.month(self._district, begin) for begin in begins]
        wanted = {"months": names, "grams": [each.gram for each in rarest], "most": _FEW + 1}
        found = self._conn.execute(_WITH_WORDS, wanted).all()
        if len(found) > _FEW:
            # There may be more in the last month that was looked at.
            begins = begins[: names.index(found[-1].month)]
            if not begins:
                return None
            found = [each for each in found if each.month != found[-1].month]
        rows = self._fetch("ids", after, limit, _FEW, ids=[each.petition for each in found])
        if len(rows) == limit or begins[-1] <= oldest:
            return Scan(rows)
        return Scan(rows, (begins[-1], ""))

    def _fetch(self, source: str, after: Position, limit: int, most: int, **values: object) -> Sequence[Row[Any]]:
        position = {"time": after[0], "id": after[1], "limit": limit, "most": most}
        return self._conn.execute(_rows(source, self._filters), {**self._values, **position, **values}).all()


def _months(newest: datetime, oldest: datetime) -> Iterator[datetime]:
    """When each month began, newest first."""
    begin = newest.astimezone(CHINA).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while True:
        yield begin
        if begin <= oldest:
            return
        begin = (begin - timedelta(days=1)).replace(day=1)


@cache
def _counting(indexed: tuple[str, ...]) -> TextClause:
    """Counts the entries of each of these filters, up to a number."""
    counts = (f"(SELECT count(*) FROM ({_ENTRIES[name]}) AS entry)" for name in indexed)
    return text(f"SELECT {', '.join(counts)}")


@cache
def _rows(source: str, filters: frozenset[str]) -> TextualSelect:
    """Reads the petitions of a source that match these filters, newest first."""
    columns = tables.petition.columns
    conditions = ["(create_time, id) < (:time, :id)", *(_CONDITIONS[name] for name in sorted(filters))]
    statement = f"""
        SELECT {", ".join(column.name for column in columns)} FROM ({_SOURCES[source]}) AS p
        WHERE {" AND ".join(conditions)}
        ORDER BY create_time DESC, id DESC LIMIT :limit
    """
    return text(statement).bindparams(_TIME).columns(*columns)
