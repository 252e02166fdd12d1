"""What is asked of petitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, text

from onegrid.petition.v1.resources_pb2 import Kind, State
from onegrid_kit import codes
from onegrid_kit.geometry import CellIndex, Ring
from onegrid_kit.paging import Position, behind
from onegrid_petition import bigrams, lifecycle, store, tables
from onegrid_petition.ground import Ground
from onegrid_petition.petition import Petition

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


def list_petitions(conn: Connection, wanted: Filter, after: Position, limit: int) -> list[Petition]:
    """The petitions that match, newest first."""
    p = tables.petition
    newest_first = behind(after, p.c.create_time, p.c.id, descending=True)
    query = select(p).where(p.c.district == wanted.district, newest_first)
    if wanted.place and wanted.place != wanted.district:
        query = query.where(p.c.place.like(wanted.place + "%"))
    if wanted.states:
        query = query.where(p.c.state.in_([int(state) for state in wanted.states]))
    if wanted.kinds:
        query = query.where(p.c.kind.in_([int(kind) for kind in wanted.kinds]))
    if wanted.petitioner:
        query = query.where(p.c.petitioner == wanted.petitioner)
    if wanted.assignee:
        t = tables.task
        query = query.where(
            exists().where(t.c.district == p.c.district, t.c.petition == p.c.id, t.c.assignee == wanted.assignee)
        )
    if wanted.text:
        query = query.where(_contains(wanted.text.strip()))
    rows = conn.execute(query.order_by(p.c.create_time.desc(), p.c.id.desc()).limit(limit)).all()
    return store.with_tasks(conn, rows)


def _contains(pattern: str) -> ColumnElement[bool]:
    """Whether a petition's words contain the pattern, in any case and width of letters."""
    p, s = tables.petition, tables.search
    normalized = bigrams.normalized(pattern)
    found = or_(
        s.c.letters.contains(normalized, autoescape=True),
        # Those that an older release indexed, until the job comes to them.
        s.c.letters.is_(None)
        & (p.c.text.icontains(pattern, autoescape=True) | p.c.address.icontains(pattern, autoescape=True)),
    )
    conditions = [s.c.district == p.c.district, s.c.petition == p.c.id, found]
    if len("".join(normalized.split())) > 1:
        conditions.append(s.c.grams.contains(sorted(bigrams.bigrams(pattern))))
    return exists().where(*conditions)


def summarize(conn: Connection, place: str, first: date, last: date) -> Summary:
    """How many petitions there were in the place on these days, both included."""
    t = tables.tally
    of_place = and_(t.c.district == codes.district_of(place), t.c.place.like(place + "%"))
    return _summary(conn, and_(of_place, t.c.day.between(first, last)))


def summarize_all(conn: Connection, first: date, last: date) -> Summary:
    """How many there were everywhere on these days, both included."""
    return _summary(conn, tables.tally.c.day.between(first, last))


def _summary(conn: Connection, condition: ColumnElement[bool]) -> Summary:
    t = tables.tally
    columns = (t.c.filed, t.c.accepted, t.c.declined, t.c.concluded, t.c.rated, t.c.satisfied, t.c.reopened)
    row = conn.execute(select(*(func.coalesce(func.sum(column), 0) for column in columns)).where(condition)).one()
    return Summary(*(int(count) for count in row))


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
