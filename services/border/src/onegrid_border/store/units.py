"""The statements over units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from onegrid_border.tables import unit
from onegrid_border.unit import Unit
from onegrid_kit import codes
from onegrid_kit.names import code_in
from onegrid_kit.paging import Position, behind

__all__ = [
    "display_name_of",
    "display_names_of",
    "find_unit",
    "find_units",
    "lock_unit",
    "save_unit",
    "units_on",
    "units_page",
]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('unit'), hashtext(:id))")


def find_unit(conn: Connection, id_: str) -> Unit | None:
    """The unit of that id."""
    row = conn.execute(select(unit).where(unit.c.district == codes.district_of(id_), unit.c.id == id_)).one_or_none()
    return None if row is None else _unit(row)


def display_name_of(conn: Connection, id_: str) -> str:
    """What people call the unit of that id; empty if there is none."""
    return display_names_of(conn, [id_]).get(id_, "")


def display_names_of(conn: Connection, ids: Sequence[str]) -> dict[str, str]:
    """What people call these units, by id, of those that there are."""
    query = select(unit.c.id, unit.c.display_name)
    districts = {codes.district_of(each) for each in ids}
    return {
        row.id: row.display_name
        for row in conn.execute(query.where(unit.c.district.in_(districts), unit.c.id.in_(ids)))
    }


def find_units(conn: Connection, ids: Sequence[str]) -> dict[str, Unit]:
    """These units, by id, those that there are."""
    districts = {codes.district_of(each) for each in ids}
    found = conn.execute(select(unit).where(unit.c.district.in_(districts), unit.c.id.in_(ids)))
    return {row.id: _unit(row) for row in found}


def lock_unit(conn: Connection, id_: str) -> Unit | None:
    """The unit of that id, which nobody else defines or retires until the transaction ends."""
    conn.execute(_LOCK, {"id": id_})
    return find_unit(conn, id_)


def save_unit(conn: Connection, changed: Unit) -> None:
    """Enter a unit, or store it as it is now."""
    values = asdict(changed)
    statement = insert(unit).values(district=changed.district, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[unit.c.district, unit.c.id],
            set_={name: statement.excluded[name] for name in values if name != "id"},
        )
    )


def units_page(conn: Connection, scope: str, after: Position, limit: int) -> list[Unit]:
    """The units of a place or department and of those inside it that are not retired, by id."""
    u = unit.c
    query = select(unit).where(
        u.district == codes.district_of(scope), u.id.startswith(scope), u.retire_time.is_(None), behind(after, u.id)
    )
    return [_unit(row) for row in conn.execute(query.order_by(u.id).limit(limit))]


def units_on(conn: Connection, roster: str) -> list[Unit]:
    """The units that patrol in the shifts of a roster, by id."""
    u = unit.c
    query = select(unit).where(
        u.district == codes.district_of(code_in(roster)),
        u.roster == roster,
        u.shift_route != "",
        u.retire_time.is_(None),
    )
    return [_unit(row) for row in conn.execute(query.order_by(u.id))]


def _unit(row: Any) -> Unit:
    return Unit(
        id=row.id,
        version=row.version,
        display_name=row.display_name,
        roster=row.roster,
        lone=row.lone,
        shift_route=row.shift_route,
        shift_start=row.shift_start,
        alarm_roster=row.alarm_roster,
        retire_time=row.retire_time,
        create_time=row.create_time,
        update_time=row.update_time,
    )
