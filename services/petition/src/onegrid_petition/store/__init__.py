"""The statements over petition's tables, each named for what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_kit.names import code_in
from onegrid_kit.paging import Position, behind
from onegrid_kit.projections import keep_newest
from onegrid_petition import bigrams, lifecycle
from onegrid_petition.ground import Route
from onegrid_petition.petition import Entry, Petition, Task
from onegrid_petition.store.clocks import set_clocks
from onegrid_petition.store.incidents import INCIDENT_LINKS, keep_tracked
from onegrid_petition.store.rows import entry_of, petition_of, task_of
from onegrid_petition.store.statements import (
    decision_row,
    file_petitions,
    filed_row,
    known_petitions,
    petitions,
    take_steps,
)
from onegrid_petition.store.work_items import find_work_item, upsert_work_items, work_items_by_id, work_items_page
from onegrid_petition.tables import department, ground_version, petition, place, search, tally, timeline

__all__ = [
    "INCIDENT_LINKS",
    "WITHOUT_MONTH",
    "add_to_tally",
    "confirm_deadline",
    "decision_row",
    "entries",
    "entries_after",
    "file_petitions",
    "filed_row",
    "find_work_item",
    "has_origin",
    "index_words",
    "keep_department",
    "keep_place",
    "keep_tracked",
    "known_petitions",
    "load_petition",
    "lock_petition",
    "office_names",
    "petitions",
    "petitions_by_id",
    "petitions_to_index",
    "petitions_with_estimates",
    "route_of_place",
    "set_clocks",
    "take_steps",
    "upsert_work_items",
    "with_tasks",
    "work_items_by_id",
    "work_items_page",
]

WITHOUT_MONTH: Final = "(length(grams[1]) > 2) IS NOT TRUE"
"""The condition of what an older release indexed: the index `search_without_month` has it."""
_BY_ID = select(petition).where(
    tuple_(petition.c.district, petition.c.id).in_(
        select(
            text("district"),
            text("id"),
        ).select_from(text("unnest(CAST(:districts AS text[]), CAST(:ids AS text[])) AS wanted (district, id)"))
    )
)
_TO_INDEX = text(f"SELECT petition FROM search WHERE {WITHOUT_MONTH} LIMIT :most")
_TASKS_BY_PETITION = text(
    """
    SELECT task.* FROM task
    JOIN unnest(CAST(:districts AS text[]), CAST(:ids AS text[])) AS wanted (district, id)
      ON task.district = wanted.district AND task.petition = wanted.id
    ORDER BY task.district, task.petition, task.number
    """
)


def petitions_by_id(conn: Connection, ids: Sequence[str]) -> dict[str, Petition]:
    """The petitions of these ids that exist, with their tasks."""
    keys = {"districts": [codes.district_of(id_) for id_ in ids], "ids": list(ids)}
    rows = conn.execute(_BY_ID, keys).all()
    return {p.id: p for p in with_tasks(conn, rows)}


def with_tasks(conn: Connection, rows: Sequence[Any]) -> list[Petition]:
    """The petitions of these rows, in their order, with their tasks."""
    # A petition that is not dispatched has no tasks to load.
    split = [row for row in rows if row.sequence > 1]
    tasks: dict[str, list[Task]] = {}
    if split:
        keys = {"districts": [row.district for row in split], "ids": [row.id for row in split]}
        for row in conn.execute(_TASKS_BY_PETITION, keys):
            tasks.setdefault(row.petition, []).append(task_of(row._mapping))
    return [petition_of(row._mapping, tuple(tasks.get(row.id, ()))) for row in rows]


def load_petition(conn: Connection, petition_id: str) -> Petition | None:
    """The petition with its tasks."""
    return petitions_by_id(conn, [petition_id]).get(petition_id)


def lock_petition(conn: Connection, petition_id: str) -> Petition | None:
    """The same, which nobody else changes until the transaction ends."""
    key = (petition.c.district == codes.district_of(petition_id), petition.c.id == petition_id)
    rows = conn.execute(select(petition).where(*key).with_for_update()).all()
    return next(iter(with_tasks(conn, rows)), None)


def has_origin(conn: Connection, origin: str) -> bool:
    """Whether a petition was filed for this."""
    of_origin = (petition.c.district == codes.district_of(code_in(origin)), petition.c.origin == origin)
    return conn.execute(select(petition.c.id).where(*of_origin, petition.c.origin != "")).first() is not None


def route_of_place(conn: Connection, code: str) -> Route | None:
    """Where a petition about a place belongs; None if the place is not known."""
    key = (place.c.district == codes.district_of(code), place.c.code == code)
    row = conn.execute(select(place.c.grid_worker).where(*key)).one_or_none()
    return None if row is None else Route(code, row.grid_worker)


def petitions_with_estimates(conn: Connection) -> list[Petition]:
    """The petitions that have not ended and whose deadline is an estimate, with their tasks."""
    found = select(petition).where(petition.c.conclude_due_estimated, petition.c.state.in_(lifecycle.OPEN))
    return with_tasks(conn, conn.execute(found.order_by(petition.c.district, petition.c.id)).all())


def confirm_deadline(conn: Connection, confirmed: Petition) -> None:
    """Note that a petition's deadline is no estimate any more, unless the petition has changed meanwhile."""
    of_version = (petition.c.district == confirmed.district, petition.c.id == confirmed.id)
    conn.execute(
        petition.update()
        .where(*of_version, petition.c.sequence == confirmed.sequence)
        .values(conclude_due_estimated=confirmed.with_deadline().conclude_due_estimated)
    )


_ENTRIES_AFTER = text(
    """
    SELECT timeline.* FROM timeline
    JOIN unnest(CAST(:districts AS text[]), CAST(:ids AS text[]), CAST(:after AS bigint[])) AS wanted (district,
    id, after) ON timeline.district = wanted.district AND timeline.petition = wanted.id AND timeline.sequence >
    wanted.after ORDER BY timeline.petition, timeline.sequence LIMIT :most
    """
)


def entries_after(conn: Connection, after: Mapping[str, int], most: int = 10_000) -> dict[str, list[Entry]]:
    """For each petition's id the steps after that sequence number, oldest first; ids without any are left out."""
    entries: dict[str, list[Entry]] = {}
    parameters = {
        "districts": [codes.district_of(id_) for id_ in after],
        "ids": list(after),
        "after": list(after.values()),
        "most": most,
    }
    for row in conn.execute(_ENTRIES_AFTER, parameters):
        entries.setdefault(row.petition, []).append(entry_of(row))
    return entries


def entries(conn: Connection, petition_id: str, after: Position, limit: int, *, internal: bool) -> list[Entry]:
    """The steps of a petition, oldest first; with or without those that are for the offices alone."""
    query = select(timeline).where(
        timeline.c.district == codes.district_of(petition_id),
        timeline.c.petition == petition_id,
        behind(after, timeline.c.sequence),
    )
    if not internal:
        query = query.where(timeline.c.action.not_in(lifecycle.INTERNAL))
    return [entry_of(row) for row in conn.execute(query.order_by(timeline.c.sequence).limit(limit))]


def office_names(conn: Connection, district: str, offices: Sequence[str]) -> dict[str, str]:
    """The names of those of these departments, districts, streets, communities and cells that are known, by code."""
    found = conn.execute(
        select(department.c.code, department.c.display_name)
        .where(department.c.district == district, department.c.code.in_(offices))
        .union_all(
            select(place.c.code, place.c.display_name).where(place.c.district == district, place.c.code.in_(offices))
        )
    )
    return {row.code: row.display_name for row in found}


def index_words(conn: Connection, of: Petition) -> None:
    """Index the text of a petition for search."""
    found = f"{of.text}\n{of.address}"
    statement = insert(search).values(
        district=of.district,
        petition=of.id,
        grams=bigrams.indexed(found, bigrams.month(of.district, of.create_time)),
        letters=bigrams.normalized(found),
    )
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[search.c.district, search.c.petition],
            set_={name: statement.excluded[name] for name in ("grams", "letters")},
        )
    )


def petitions_to_index(conn: Connection, limit: int) -> list[Petition]:
    """Petitions whose words an older release indexed, without their letters or month."""
    ids = conn.execute(_TO_INDEX, {"most": limit}).scalars().all()
    return list(petitions_by_id(conn, ids).values())


def keep_place(
    conn: Connection,
    code: str,
    version: int,
    display_name: str,
    *,
    grid_worker: str = "",
    boundary: Sequence[tuple[float, float]] | None = None,
) -> None:
    """Keep what grid announced of a place; only a cell has a boundary."""
    key = {"district": codes.district_of(code), "code": code}
    values = {"display_name": display_name, "grid_worker": grid_worker, "boundary": boundary}
    if keep_newest(conn, place, key, version, values):
        conn.execute(ground_version.update().values(version=ground_version.c.version + 1))


def keep_department(conn: Connection, code: str, version: int, display_name: str) -> None:
    """Keep what identity announced of a department."""
    key = {"district": codes.district_of(code), "code": code}
    keep_newest(conn, department, key, version, {"display_name": display_name})


def add_to_tally(conn: Connection, place_code: str, day: date, columns: Sequence[str]) -> None:
    """Count one more of each of these in the figures of a place and day."""
    key = {"district": codes.district_of(place_code), "place": place_code, "day": day}
    statement = insert(tally).values(**key, **dict.fromkeys(columns, 1))
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[tally.c[name] for name in key], set_={name: tally.c[name] + 1 for name in columns}
        )
    )
