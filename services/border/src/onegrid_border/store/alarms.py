"""The statements over alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from onegrid.border.v1.patrols_pb2 import AlarmState
from onegrid_border.alarm import ALARM, Alarm
from onegrid_border.tables import alarm
from onegrid_kit import codes
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = [
    "alarms_of",
    "alarms_page",
    "count_open",
    "forget_positions",
    "known_alarms",
    "lock_alarms",
    "open_alarms_page",
    "save_alarms",
]

_KEY: Final = ("district", "patrol", "id")


def known_alarms(conn: Connection, names: Sequence[str]) -> frozenset[str]:
    """Those names by which there is an alarm."""
    rows = conn.execute(select(alarm.c.patrol, alarm.c.id).where(_named(names)))
    return frozenset(ALARM.name(row.patrol, row.id) for row in rows)


def lock_alarms(conn: Connection, names: Sequence[str]) -> dict[str, Alarm]:
    """The alarms of these names, which nobody else changes until the transaction ends."""
    a = alarm.c
    # In one order, so that two who lock several do not wait for one another.
    query = select(alarm).where(_named(names)).order_by(a.district, a.patrol, a.id).with_for_update()
    return {found.name: found for found in map(_alarm, conn.execute(query))}


def alarms_of(conn: Connection, patrols: Sequence[str]) -> dict[str, dict[str, Alarm]]:
    """The alarms of these patrols, by patrol and id, which nobody else changes until the transaction ends."""
    a = alarm.c
    query = select(alarm).where(a.district.in_({codes.district_of(each) for each in patrols}), a.patrol.in_(patrols))
    found: dict[str, dict[str, Alarm]] = {each: {} for each in patrols}
    for row in conn.execute(query.order_by(a.district, a.patrol, a.id).with_for_update()):
        found[row.patrol][row.id] = _alarm(row)
    return found


def save_alarms(conn: Connection, changed: Sequence[Alarm]) -> None:
    """Enter alarms, or store them as they are now."""
    if not changed:
        return
    statement = insert(alarm)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[alarm.c[name] for name in _KEY],
            set_={column.name: statement.excluded[column.name] for column in alarm.c if column.name not in _KEY},
        ),
        [_values(each) for each in changed],
    )


def alarms_page(conn: Connection, scope: str, after: Position, limit: int) -> list[Alarm]:
    """All alarms of units of a place or department, the one raised last first."""
    a = alarm.c
    query = select(alarm).where(
        a.district == codes.district_of(scope),
        a.unit.startswith(scope),
        behind(after, a.raise_time, a.patrol, a.id, descending=True),
    )
    ordered = query.order_by(a.raise_time.desc(), a.patrol.desc(), a.id.desc()).limit(limit)
    return [_alarm(row) for row in conn.execute(ordered)]


def open_alarms_page(conn: Connection, scope: str, after: Position, limit: int) -> list[Alarm]:
    """The open alarms of units of a place or department: by kind, those of lone units first, the oldest first."""
    a = alarm.c
    order = (a.kind, ~a.lone, a.since_time, a.patrol, a.id)
    query = select(alarm).where(
        a.district == codes.district_of(scope),
        a.unit.startswith(scope),
        a.state == int(AlarmState.ALARM_STATE_OPEN),
        behind(after, *order),
    )
    return [_alarm(row) for row in conn.execute(query.order_by(*order).limit(limit))]


def count_open(conn: Connection) -> Mapping[int, tuple[int, datetime]]:
    """How many alarms are open of each kind, and when the first of them was raised."""
    a = alarm.c
    query = select(a.kind, func.count(), func.min(a.raise_time)).where(a.state == int(AlarmState.ALARM_STATE_OPEN))
    return {kind: (count, first) for kind, count, first in conn.execute(query.group_by(a.kind))}


def forget_positions(conn: Connection, before: datetime, most: int) -> None:
    """Delete the positions of alarms that were raised before a moment, of so many at most."""
    a = alarm.c
    old = select(a.district, a.patrol, a.id).where(a.longitude.is_not(None), a.raise_time < before)
    chosen = old.order_by(a.raise_time).limit(most).with_for_update(skip_locked=True).cte()
    these = a.district == chosen.c.district, a.patrol == chosen.c.patrol, a.id == chosen.c.id
    conn.execute(update(alarm).where(*these).values(longitude=None, latitude=None))


def _named(names: Sequence[str]) -> ColumnElement[bool]:
    a = alarm.c
    keys = [(codes.district_of(patrol), patrol, id_) for patrol, id_ in map(ALARM.ids, names)]
    return tuple_(a.district, a.patrol, a.id).in_(keys)


def _values(of: Alarm) -> dict[str, Any]:
    values = {name: getattr(of, name) for name in Alarm.__slots__ if name != "position"}
    return values | {
        "district": of.district,
        "recipients": list(of.recipients),
        "longitude": of.position.longitude if of.position else None,
        "latitude": of.position.latitude if of.position else None,
    }


def _alarm(row: Any) -> Alarm:
    values = {name: getattr(row, name) for name in Alarm.__slots__ if name != "position"}
    return Alarm(
        **values
        | {
            "recipients": tuple(row.recipients),
            "position": None if row.longitude is None else Location(row.longitude, row.latitude),
        }
    )
