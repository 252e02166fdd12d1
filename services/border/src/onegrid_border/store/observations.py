"""The statements over observations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from onegrid.border.v1.records_pb2 import ObservationKind
from onegrid_border.observation import Observation
from onegrid_border.tables import observation
from onegrid_kit import codes
from onegrid_kit.field.derived import Corrections
from onegrid_kit.incident_links import incident_in
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = [
    "CORRECTIONS",
    "find_observation",
    "insert_observation",
    "lock_observation",
    "observations_page",
    "save_escalated",
]

CORRECTIONS: Final = Corrections(observation, "id")
_PLAIN: Final = tuple(name for name in Observation.__slots__ if name not in ("location", "incident"))
_o: Final = observation.c


def insert_observation(conn: Connection, new: Observation) -> bool:
    """Store an observation; False if it is there."""
    values = {name: getattr(new, name) for name in _PLAIN} | {
        "district": new.district,
        "media": list(new.media),
        "marks": list(new.marks),
        "longitude": new.location.longitude if new.location else None,
        "latitude": new.location.latitude if new.location else None,
    }
    return conn.execute(insert(observation).values(values).on_conflict_do_nothing()).rowcount == 1


def find_observation(conn: Connection, id_: str) -> Observation | None:
    """The observation of that id."""
    row = conn.execute(select(observation).where(*_of(id_))).one_or_none()
    return None if row is None else _observation(row)


def lock_observation(conn: Connection, id_: str) -> Observation | None:
    """The observation of that id, which nobody else changes until the transaction ends."""
    row = conn.execute(select(observation).where(*_of(id_)).with_for_update()).one_or_none()
    return None if row is None else _observation(row)


def save_escalated(conn: Connection, after: Observation) -> None:
    """Note when an observation went to emergency."""
    conn.execute(update(observation).where(*_of(after.id)).values(escalate_time=after.escalate_time))


def observations_page(
    conn: Connection, scope: str, kinds: Sequence[ObservationKind], after: Position, limit: int
) -> list[Observation]:
    """What units of a place or department noticed, of these kinds or of any, the one that arrived last first."""
    query = select(observation).where(
        _o.district == codes.district_of(scope),
        _o.unit.startswith(scope),
        behind(after, _o.create_time, _o.id, descending=True),
    )
    if kinds:
        query = query.where(_o.kind.in_(kinds))
    return [_observation(row) for row in conn.execute(query.order_by(_o.create_time.desc(), _o.id.desc()).limit(limit))]


def _of(id_: str) -> tuple[Any, ...]:
    return _o.district == codes.district_of(id_), _o.id == id_


def _observation(row: Any) -> Observation:
    values = {name: getattr(row, name) for name in _PLAIN}
    return Observation(
        **values
        | {
            "media": tuple(row.media),
            "marks": tuple(row.marks),
            "location": None if row.longitude is None else Location(row.longitude, row.latitude),
            "incident": incident_in(row),
        }
    )
