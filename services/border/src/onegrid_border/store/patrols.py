"""The statements over patrols and welfare checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid_border.alarm import WelfareCheck
from onegrid_border.patrol import Covered, Patrol, Point
from onegrid_border.tables import patrol, welfare_check
from onegrid_kit import codes, ladder
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = [
    "checks_of",
    "count_out",
    "current_positions",
    "find_patrol",
    "find_patrols",
    "forget_positions",
    "insert_check",
    "insert_patrol",
    "led_page",
    "lock_patrols",
    "look",
    "outstanding_of",
    "patrols_of_shift",
    "patrols_page",
    "planned_of_unit",
    "planned_on",
    "recent_of",
    "update_patrols",
]

_LOG = (
    "version", "update_time", "cancel_reason", "cancel_time", "state", "leader", "start_time", "finish_time",
    "pause_until_time", "points", "covered", "longitude", "latitude", "position_time", "entry_time", "entries", "marks",
    "devices", "outstanding", "route_revision", "start_due_time", "planned_leader", "unit", "route", "lone",
    "points_reached", "points_in_time", "points_early", "points_late", "points_missed", "points_outstanding",
)  # fmt: skip


_LOOK: Final = text(
    ladder.setting(
        "SELECT CAST(:kind AS text), name, 1, CAST(:now AS timestamptz) FROM unnest(CAST(:names AS text[])) AS name"
    )
)


_UPDATE: Final = update(patrol).where(patrol.c.district == bindparam("of_district"), patrol.c.id == bindparam("of_id"))


def look(conn: Connection, kind: str, names: Sequence[str], now: datetime) -> None:
    """Have the ladder of that kind climbed for these patrols, now."""
    conn.execute(_LOOK, {"kind": kind, "names": names, "now": now})


def find_patrol(conn: Connection, id_: str) -> Patrol | None:
    """The patrol of that id."""
    return find_patrols(conn, [id_]).get(id_)


def find_patrols(conn: Connection, ids: Sequence[str]) -> dict[str, Patrol]:
    """The patrols of these ids."""
    return {row.id: _patrol(row) for row in conn.execute(_with_ids(ids))}


def lock_patrols(conn: Connection, ids: Sequence[str]) -> dict[str, Patrol]:
    """The patrols of these ids, which nobody else changes until the transaction ends."""
    # In one order, so that two who lock several do not wait for one another.
    found = conn.execute(_with_ids(ids).order_by(patrol.c.district, patrol.c.id).with_for_update())
    return {row.id: _patrol(row) for row in found}


def insert_patrol(conn: Connection, new: Patrol) -> bool:
    """Enter a patrol; False, and nothing changes, if the unit has one for that shift."""
    statement = insert(patrol).values(district=new.district, **_values(new)).on_conflict_do_nothing()
    return conn.execute(statement.returning(patrol.c.id)).one_or_none() is not None


def update_patrols(conn: Connection, changed: Sequence[Patrol]) -> None:
    """Store what changed of patrols."""
    if changed:
        conn.execute(_UPDATE, [_changed_values(each) for each in changed])


def patrols_page(
    conn: Connection,
    scope: str,
    unit: str,
    period: tuple[datetime | None, datetime | None],
    states: Sequence[PatrolState],
    after: Position,
    limit: int,
) -> list[Patrol]:
    """The patrols of units of a place or department, the one to start last first."""
    p = patrol.c
    query = select(patrol).where(
        p.district == codes.district_of(scope),
        p.unit.startswith(scope),
        behind(after, p.start_due_time, p.id, descending=True),
    )
    begin, end = period
    if unit:
        query = query.where(p.unit == unit)
    if begin is not None:
        query = query.where(p.start_due_time >= begin)
    if end is not None:
        query = query.where(p.start_due_time < end)
    if states:
        query = query.where(p.state.in_(states))
    ordered = query.order_by(p.start_due_time.desc(), p.id.desc()).limit(limit)
    return [_patrol(row) for row in conn.execute(ordered)]


def led_page(conn: Connection, user: str, since: datetime, after: Position, limit: int) -> list[Patrol]:
    """The patrols that somebody leads or was planned to lead and that were to start since then, the last one first."""
    p = patrol.c
    query = select(patrol).where(
        or_(p.leader == user, p.planned_leader == user),
        p.start_due_time >= since,
        behind(after, p.start_due_time, p.id, descending=True),
    )
    ordered = query.order_by(p.start_due_time.desc(), p.id.desc()).limit(limit)
    return [_patrol(row) for row in conn.execute(ordered)]


def count_out(conn: Connection) -> int:
    """How many patrols have started and are not over."""
    out = [int(PatrolState.PATROL_STATE_UNDERWAY), int(PatrolState.PATROL_STATE_PAUSED)]
    return int(conn.execute(select(func.count()).select_from(patrol).where(patrol.c.state.in_(out))).scalar_one())


def outstanding_of(conn: Connection, district: str, device_key: str) -> list[str]:
    """The patrols with entries of a device of which it is not known whether all checkpoints were reached."""
    p = patrol.c
    found = select(p.id).where(p.district == district, p.devices.contains([device_key]), p.outstanding)
    return list(conn.execute(found).scalars())


def recent_of(conn: Connection, device_key: str, since: datetime) -> list[str]:
    """The patrols with entries of a device that were to start since then."""
    p = patrol.c
    return list(conn.execute(select(p.id).where(p.devices.contains([device_key]), p.start_due_time >= since)).scalars())


def patrols_of_shift(conn: Connection, district: str, shift: str) -> list[Patrol]:
    """The patrols that were planned for a shift, which nobody else changes until the transaction ends."""
    p = patrol.c
    query = select(patrol).where(p.district == district, p.shift == shift).order_by(p.id).with_for_update()
    return [_patrol(row) for row in conn.execute(query)]


def planned_of_unit(conn: Connection, unit: str, since: datetime) -> list[Patrol]:
    """The patrols of a unit that were planned for shifts, have not started and are to start since then, which nobody
    else changes until the transaction ends.
    """
    p = patrol.c
    query = select(patrol).where(
        p.district == codes.district_of(unit),
        p.unit == unit,
        p.shift != "",
        p.start_due_time >= since,
        p.state == int(PatrolState.PATROL_STATE_PLANNED),
    )
    return [_patrol(row) for row in conn.execute(query.order_by(p.id).with_for_update())]


def planned_on(conn: Connection, district: str, route: str, since: datetime) -> list[str]:
    """The patrols on a route that have not started and are to start since then."""
    p = patrol.c
    planned = p.state == int(PatrolState.PATROL_STATE_PLANNED)
    query = select(p.id).where(p.district == district, p.route == route, p.start_due_time >= since, planned)
    return list(conn.execute(query).scalars())


def current_positions(conn: Connection, district: str) -> list[Patrol]:
    """The patrols of a district of which a position is known, the newest of each unit."""
    p = patrol.c
    query = (
        select(patrol)
        .ext(distinct_on(p.unit))
        .where(p.district == district, p.longitude.is_not(None))
        .order_by(p.unit, p.position_time.desc(), p.id)
    )
    return [_patrol(row) for row in conn.execute(query)]


def insert_check(conn: Connection, of: Patrol, ask_time: datetime, due_time: datetime) -> WelfareCheck:
    """Enter a welfare check of a patrol, which is locked."""
    w = welfare_check.c
    counted = select(func.count()).where(w.district == of.district, w.patrol == of.id)
    new = WelfareCheck(number=conn.execute(counted).scalar_one() + 1, ask_time=ask_time, due_time=due_time)
    conn.execute(insert(welfare_check).values(district=of.district, patrol=of.id, **asdict(new)))
    return new


def checks_of(conn: Connection, ids: Sequence[str]) -> dict[str, list[WelfareCheck]]:
    """The welfare checks of these patrols, by patrol, in the order in which they were asked for."""
    w = welfare_check.c
    query = select(welfare_check).where(w.district.in_({codes.district_of(each) for each in ids}), w.patrol.in_(ids))
    found: dict[str, list[WelfareCheck]] = {each: [] for each in ids}
    for row in conn.execute(query.order_by(w.patrol, w.number)):
        found[row.patrol].append(WelfareCheck(number=row.number, ask_time=row.ask_time, due_time=row.due_time))
    return found


def forget_positions(conn: Connection, before: datetime, most: int) -> int:
    """Delete positions that were taken before a moment; of how many patrols."""
    p = patrol.c
    old = select(p.district, p.id).where(p.longitude.is_not(None), p.position_time < before)
    chosen = old.order_by(p.position_time).limit(most).with_for_update(skip_locked=True).cte()
    done = update(patrol).where(p.district == chosen.c.district, p.id == chosen.c.id)
    return conn.execute(done.values(longitude=None, latitude=None)).rowcount


def _with_ids(ids: Sequence[str]) -> Select[Any]:
    return select(patrol).where(patrol.c.district.in_({codes.district_of(each) for each in ids}), patrol.c.id.in_(ids))


def _changed_values(of: Patrol) -> dict[str, Any]:
    values = {name: value for name, value in _values(of).items() if name in _LOG}
    return values | {"of_district": of.district, "of_id": of.id}


def _values(of: Patrol) -> dict[str, Any]:
    values = {name: getattr(of, name) for name in Patrol.__slots__ if name != "position"}
    return values | {
        "points": [_encode_point(each) for each in of.points],
        "covered": asdict(of.covered) | {"duration": of.covered.duration.total_seconds()},
        "longitude": of.position.longitude if of.position else None,
        "latitude": of.position.latitude if of.position else None,
        "marks": list(of.marks),
        "devices": list(of.devices),
        "outstanding": of.outstanding,
        **{f"points_{name}": count for name, count in asdict(of.counts).items()},
    }


def _patrol(row: Any) -> Patrol:
    values = {name: getattr(row, name) for name in Patrol.__slots__ if name != "position"}
    covered = row.covered | {"duration": timedelta(seconds=row.covered["duration"])}
    return Patrol(
        **values
        | {
            "points": tuple(_point(each) for each in row.points),
            "covered": Covered(**covered),
            "position": None if row.longitude is None else Location(row.longitude, row.latitude),
            "marks": tuple(row.marks),
            "devices": tuple(row.devices),
        }
    )


def _encode_point(of: Point) -> Mapping[str, Any]:
    # Without dataclasses.asdict, which copies deeply: a patrol has dozens of points, and is stored often.
    return {
        "id": of.id,
        "display_name": of.display_name,
        "location": [of.location.longitude, of.location.latitude],
        "tolerance_m": of.tolerance_m,
        "due_time": of.due_time.isoformat(),
        "late_time": of.late_time.isoformat(),
        "reach_time": of.reach_time.isoformat() if of.reach_time else None,
        "state": int(of.state),
        "entry_id": of.entry_id,
        "marks": list(of.marks),
        "evidence": int(of.evidence),
    }


def _point(of: Mapping[str, Any]) -> Point:
    times = {
        name: datetime.fromisoformat(of[name]) if of[name] else None for name in ("due_time", "late_time", "reach_time")
    }
    return Point(**{**of, **times, "location": Location(*of["location"]), "marks": tuple(of["marks"])})
