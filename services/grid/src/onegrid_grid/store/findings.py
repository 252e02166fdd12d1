"""The statements over findings, and over what emergency announced of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from onegrid.grid.v1.records_pb2 import FindingKind
from onegrid_grid.finding import Finding
from onegrid_grid.tables import finding, incident
from onegrid_kit import codes
from onegrid_kit.field.derived import Corrections
from onegrid_kit.incident_links import IncidentLinks, incident_in
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = [
    "CORRECTIONS",
    "INCIDENT_LINKS",
    "find_finding",
    "findings_page",
    "insert_finding",
    "lock_finding",
    "save_petition",
    "save_steps",
]

CORRECTIONS: Final = Corrections(finding, "derived_id")
INCIDENT_LINKS: Final = IncidentLinks(incident, findings=finding)
_PLAIN: Final = tuple(name for name in Finding.__slots__ if name not in ("location", "incident"))
_f: Final = finding.c


def insert_finding(conn: Connection, new: Finding) -> bool:
    """Store a finding; False if one was made of its entry before."""
    values = {name: getattr(new, name) for name in _PLAIN} | {
        "district": new.district,
        "derived_id": new.derived_id,
        "media": list(new.media),
        "marks": list(new.marks),
        "longitude": new.location.longitude if new.location else None,
        "latitude": new.location.latitude if new.location else None,
    }
    return conn.execute(insert(finding).values(values).on_conflict_do_nothing()).rowcount == 1


def find_finding(conn: Connection, id_: str) -> Finding | None:
    """The finding of that id."""
    row = conn.execute(select(finding).where(*_of(id_))).one_or_none()
    return None if row is None else _finding(row)


def lock_finding(conn: Connection, id_: str) -> Finding | None:
    """The finding of that id, which nobody else changes until the transaction ends."""
    row = conn.execute(select(finding).where(*_of(id_)).with_for_update()).one_or_none()
    return None if row is None else _finding(row)


def save_steps(conn: Connection, after: Finding) -> None:
    """Note when a finding went to emergency, and when to petition."""
    times = {"escalate_time": after.escalate_time, "transfer_time": after.transfer_time}
    conn.execute(update(finding).where(*_of(after.id)).values(times))


def save_petition(conn: Connection, id_: str, petition: str) -> None:
    """Note which petition was filed for a finding."""
    conn.execute(update(finding).where(*_of(id_)).values(petition=petition))


def findings_page(
    conn: Connection, parent: str, round_: str, kinds: Sequence[FindingKind], after: Position, limit: int
) -> list[Finding]:
    """What was found in the cells of a place, on one round, by its id, or on any, of these kinds or of any, the one
    that arrived last first.
    """
    query = select(finding).where(
        _f.district == codes.district_of(parent),
        _f.id.startswith(parent),
        behind(after, _f.create_time, _f.id, descending=True),
    )
    if round_:
        query = query.where(_f.round == round_)
    if kinds:
        query = query.where(_f.kind.in_(kinds))
    return [_finding(row) for row in conn.execute(query.order_by(_f.create_time.desc(), _f.id.desc()).limit(limit))]


def _of(id_: str) -> tuple[Any, ...]:
    return _f.district == codes.district_of(id_), _f.id == id_


def _finding(row: Any) -> Finding:
    values = {name: getattr(row, name) for name in _PLAIN}
    return Finding(
        **values
        | {
            "media": tuple(row.media),
            "marks": tuple(row.marks),
            "location": None if row.longitude is None else Location(row.longitude, row.latitude),
            "incident": incident_in(row),
        }
    )
