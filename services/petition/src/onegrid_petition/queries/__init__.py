"""What is asked of petitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select, text

from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit import codes
from onegrid_kit.geometry import CellIndex, Ring
from onegrid_petition import lifecycle, tables
from onegrid_petition.ground import Ground
from onegrid_petition.queries.lists import Filter, list_petitions

__all__ = [
    "DUE",
    "TIERS",
    "WORKLOAD",
    "Filter",
    "Summary",
    "Workload",
    "ground",
    "ground_version",
    "list_petitions",
    "summarize",
    "summarize_all",
    "workload",
]

TIERS: Final = ("district", "department", "street", "community", "grid")
"""What kinds of offices answer for petitions."""
DUE: Final = ("overdue", "within a day", "later")
"""When a petition must have been accepted, or concluded."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many petitions."""

    filed: int
    accepted: int
    declined: int
    concluded: int
    rated: int
    satisfied: int
    reopened: int


@dataclass(frozen=True, slots=True)
class Workload:
    """How many open petitions are alike."""

    state: State
    tier: str
    due: str
    """One of DUE; meaningless where nothing is due."""
    count: int


_OF_AREA: Final = text(
    """
    SELECT sum(filed), sum(accepted), sum(declined), sum(concluded), sum(rated), sum(satisfied), sum(reopened)
    FROM unnest(CAST(:by_month AS boolean[]), CAST(:first AS date[]), CAST(:behind AS date[]))
           AS span (by_month, first, behind),
      LATERAL (
        SELECT * FROM area_tally
        WHERE district = :district AND area = :area AND by_month = span.by_month
          AND day >= span.first AND day < span.behind
        OFFSET 0
      ) AS each
    """
)
_LAST_DAY: Final = date(9999, 11, 30)
"""So that a month follows."""


def summarize(conn: Connection, place: str, first: date, last: date) -> Summary:
    """How many petitions there were in the place on these days, both included."""
    by_month, begins, ends = zip(*_spans(first, min(last, _LAST_DAY) + timedelta(days=1)), strict=True)
    asked = {"by_month": list(by_month), "first": list(begins), "behind": list(ends)}
    row = conn.execute(_OF_AREA, {**asked, "district": codes.district_of(place), "area": place}).one()
    return Summary(*(int(count or 0) for count in row))


def _spans(first: date, behind: date) -> list[tuple[bool, date, date]]:
    """The months from one day to another, and the days before and after them: whether by month, first, and behind."""
    month = first if first.day == 1 or first >= behind else (first.replace(day=1) + timedelta(days=31)).replace(day=1)
    rest = behind.replace(day=1)
    if month >= rest:
        return [(False, first, behind)]
    return [(False, first, month), (True, month, rest), (False, rest, behind)]


def summarize_all(conn: Connection, first: date, last: date) -> Summary:
    """How many there were everywhere on these days, both included."""
    t = tables.tally
    columns = (t.c.filed, t.c.accepted, t.c.declined, t.c.concluded, t.c.rated, t.c.satisfied, t.c.reopened)
    counts = select(*(func.coalesce(func.sum(column), 0) for column in columns))
    return Summary(*(int(count) for count in conn.execute(counts.where(t.c.day.between(first, last))).one()))


# A department's code is as long as a street's. The index `petition_open` has the open petitions.
WORKLOAD: Final = text(
    f"""
    SELECT state, tier, due, count(*) AS petitions FROM (
      SELECT state,
             CASE WHEN responsible LIKE '______D%' THEN 'department'
                  ELSE (ARRAY['district', 'street', 'community', 'grid'])[length(responsible) / 3 - 1] END AS tier,
             CASE WHEN limited.due < :now THEN 'overdue' WHEN limited.due < :soon THEN 'within a day'
                  ELSE 'later' END AS due
      FROM petition, LATERAL (SELECT CASE state WHEN {State.STATE_FILED:d} THEN accept_due_time
                                                ELSE conclude_due_time END AS due) AS limited
      WHERE state IN ({", ".join(f"{state:d}" for state in sorted(lifecycle.OPEN))})
    ) AS each
    GROUP BY state, tier, due
    """
)
"""What `workload` asks."""


def workload(conn: Connection, now: datetime) -> list[Workload]:
    """All open petitions of the district."""
    rows = conn.execute(WORKLOAD, {"now": now, "soon": now + timedelta(days=1)})
    return [Workload(row.state, row.tier, row.due, row.petitions) for row in rows]


def ground_version(conn: Connection) -> int:
    """The version of the newest ground."""
    version: int = conn.execute(select(tables.ground_version.c.version)).scalar_one()
    return version


def ground(conn: Connection) -> Ground:
    """What is known of the ground now."""
    version = ground_version(conn)
    places: set[str] = set()
    workers: dict[str, str] = {}
    cells: dict[str, list[tuple[str, Ring]]] = {}
    table = tables.place
    for row in conn.execute(select(table.c.code, table.c.boundary, table.c.grid_worker)):
        places.add(row.code)
        if row.grid_worker:
            workers[row.code] = row.grid_worker
        if row.boundary:
            ring = [(corner[0], corner[1]) for corner in row.boundary]
            cells.setdefault(codes.district_of(row.code), []).append((row.code, ring))
    indexes = {district: CellIndex(each) for district, each in cells.items()}
    return Ground(version, frozenset(places), workers, indexes)
