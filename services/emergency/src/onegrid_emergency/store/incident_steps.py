"""The statements over the timelines of incidents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select, text

from onegrid_emergency.incident import Entry
from onegrid_emergency.tables import incident_step
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = ["entries_after", "entries_page", "insert_entry"]


def insert_entry(conn: Connection, incident_id: str, new: Entry) -> None:
    """Append a step to an incident's timeline."""
    key = {"district": codes.district_of(incident_id), "incident": incident_id}
    conn.execute(incident_step.insert().values(**key, **asdict(new)))


def entries_page(conn: Connection, incident_id: str, after: Position, limit: int) -> list[Entry]:
    """The steps of an incident, the oldest first."""
    query = select(incident_step).where(
        incident_step.c.district == codes.district_of(incident_id),
        incident_step.c.incident == incident_id,
        behind(after, incident_step.c.sequence),
    )
    return [_entry(row) for row in conn.execute(query.order_by(incident_step.c.sequence).limit(limit))]


_ENTRIES_AFTER = text(
    """
    SELECT step.* FROM incident_step AS step
    JOIN unnest(CAST(:districts AS text[]), CAST(:ids AS text[]), CAST(:after AS bigint[]))
      AS wanted (district, id, after)
      ON step.district = wanted.district AND step.incident = wanted.id AND step.sequence > wanted.after
    ORDER BY step.incident, step.sequence LIMIT :most
    """
)


def entries_after(conn: Connection, after: Mapping[str, int], most: int = 10_000) -> dict[str, list[Entry]]:
    """For each incident's id the steps after that sequence number, oldest first; ids without any are left out."""
    entries: dict[str, list[Entry]] = {}
    values = {
        "districts": [codes.district_of(id_) for id_ in after],
        "ids": list(after),
        "after": list(after.values()),
        "most": most,
    }
    for row in conn.execute(_ENTRIES_AFTER, values):
        entries.setdefault(row.incident, []).append(_entry(row))
    return entries


def _entry(row: Any) -> Entry:
    values = dict(row._mapping)
    del values["district"], values["incident"]
    return Entry(**{**values, "reports": tuple(values["reports"])})
