"""The statements over divisions, cells, appointments, and what identity announced of users."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, and_, select, text
from sqlalchemy.dialects.postgresql import insert

from onegrid.grid.v1.resources_pb2 import DivisionLevel, Post
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_grid.errors import UserNotActive, UserUnknown
from onegrid_grid.registry import Appointment, Cell, Division
from onegrid_grid.tables import appointment, cell, division, ground, known_user
from onegrid_kit import cells as kept_cells
from onegrid_kit import codes, users
from onegrid_kit.geometry import Ring
from onegrid_kit.paging import START, Position, behind

__all__ = [
    "all_cells",
    "all_divisions",
    "appointments_page",
    "boundaries_near",
    "cells",
    "divisions_by_code",
    "divisions_page",
    "end_appointment",
    "find_appointment",
    "ground_versions",
    "insert_appointment",
    "insert_cells",
    "keep_user",
    "known_cells",
    "lock_ground",
    "posts_of",
    "require_active",
    "save_cell",
    "upsert_divisions",
]

_LOCK = 0x0E61D617


def lock_ground(conn: Connection, district: str) -> None:
    """Be the only one who changes any district's ground until the transaction ends, and let this one's be loaded anew.

    Two districts that change their ground at the same moment could otherwise overlap.
    """
    conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    statement = insert(ground).values(district=district, version=1)
    conn.execute(
        statement.on_conflict_do_update(index_elements=[ground.c.district], set_={"version": ground.c.version + 1})
    )


def ground_versions(conn: Connection, districts: Sequence[str]) -> dict[str, int]:
    """The version of each district's ground; 0 where nothing was entered yet."""
    found = conn.execute(select(ground).where(ground.c.district.in_(districts)))
    return dict.fromkeys(districts, 0) | {row.district: row.version for row in found}


def divisions_by_code(conn: Connection, district: str, wanted: Sequence[str]) -> dict[str, Division]:
    """Those of the divisions that are known."""
    rows = conn.execute(select(division).where(division.c.district == district, division.c.code.in_(wanted)))
    return {row.code: _division(row) for row in rows}


def divisions_page(conn: Connection, parent: str, level: DivisionLevel, after: Position, limit: int) -> list[Division]:
    """The divisions inside the parent, itself included, by code; of one level, or of all."""
    query = select(division).where(
        division.c.district == codes.district_of(parent),
        division.c.code.like(parent + "%"),
        behind(after, division.c.code),
    )
    if level:
        query = query.where(division.c.level == int(level))
    return [_division(row) for row in conn.execute(query.order_by(division.c.code).limit(limit))]


def all_divisions(conn: Connection, after: Position, limit: int) -> list[Division]:
    """The divisions of every district, by district and code."""
    d = division.c
    query = select(division).where(behind(after, d.district, d.code)).order_by(d.district, d.code).limit(limit)
    return [_division(row) for row in conn.execute(query)]


def upsert_divisions(conn: Connection, district: str, changed: Sequence[Division], now: datetime) -> None:
    """Enter or rename divisions."""
    statement = insert(division)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[division.c.district, division.c.code],
            set_={name: statement.excluded[name] for name in ("display_name", "version", "update_time")},
        ),
        [
            {
                "district": district,
                "code": each.code,
                "level": int(each.level),
                "display_name": each.display_name,
                "version": each.version,
                "update_time": now,
            }
            for each in changed
        ],
    )


def insert_cells(conn: Connection, new: Sequence[Cell]) -> set[str]:
    """Enter cells; the codes of those that were not there."""
    statement = insert(cell).on_conflict_do_nothing().returning(cell.c.code)
    rows = [
        {
            "district": codes.district_of(each.code),
            "code": each.code,
            "display_name": each.display_name,
            "boundary": [list(corner) for corner in each.boundary],
            "area_m2": each.area_m2,
            "version": each.version,
            "create_time": each.create_time,
            "update_time": each.update_time,
        }
        for each in new
    ]
    return set(conn.execute(statement, rows).scalars())


def save_cell(conn: Connection, changed: Cell) -> None:
    """Store what changed of a cell but its appointments."""
    conn.execute(
        cell.update()
        .where(cell.c.district == codes.district_of(changed.code), cell.c.code == changed.code)
        .values(
            display_name=changed.display_name,
            boundary=[list(corner) for corner in changed.boundary],
            area_m2=changed.area_m2,
            version=changed.version,
            update_time=changed.update_time,
        )
    )


def cells(
    conn: Connection, parent: str, after: Position = START, limit: int | None = None, *, lock: bool = False
) -> list[Cell]:
    """The cells inside a division, or the cell itself, by code, with those appointed now."""
    inside = and_(cell.c.district == codes.district_of(parent), cell.c.code.like(parent + "%"))
    query = select(cell).where(inside, behind(after, cell.c.code)).order_by(cell.c.code).limit(limit)
    return _with_appointments(conn, conn.execute(query.with_for_update() if lock else query).all())


def all_cells(conn: Connection, after: Position, limit: int) -> list[Cell]:
    """The cells of every district, by district and code, with those appointed now."""
    c = cell.c
    query = select(cell).where(behind(after, c.district, c.code)).order_by(c.district, c.code).limit(limit)
    return _with_appointments(conn, conn.execute(query).all())


def _with_appointments(conn: Connection, rows: Sequence[Any]) -> list[Cell]:
    """The cells of these rows, which are in order."""
    if not rows:
        return []
    a = appointment
    people: dict[str, list[Appointment]] = {}
    # A code begins with its district's, so that both orders are the same.
    lasting = select(a).where(
        a.c.district.between(rows[0].district, rows[-1].district),
        a.c.cell.between(rows[0].code, rows[-1].code),
        a.c.end_time.is_(None),
    )
    for row in conn.execute(lasting.order_by(a.c.cell, a.c.post, a.c.start_time, a.c.id)):
        people.setdefault(row.cell, []).append(_appointment(row))
    return [_cell(row, tuple(people.get(row.code, ()))) for row in rows]


_BOUNDARIES_NEAR = text(
    """
    SELECT code, boundary FROM cell, LATERAL (
      SELECT min((corner->>0)::float8) AS west, max((corner->>0)::float8) AS east,
             min((corner->>1)::float8) AS south, max((corner->>1)::float8) AS north
      FROM jsonb_array_elements(boundary) AS corner
    ) AS box
    WHERE box.west <= :east AND box.east >= :west AND box.south <= :north AND box.north >= :south
    """
)


def known_cells(conn: Connection, candidates: Collection[str]) -> frozenset[str]:
    """Those that are codes of cells."""
    return kept_cells.known_cells(conn, cell, candidates)


def boundaries_near(conn: Connection, corners: Sequence[tuple[float, float]]) -> list[tuple[str, Ring]]:
    """The cells, of any district, whose bounding boxes meet that of these corners: their codes and boundaries."""
    longitudes, latitudes = zip(*corners, strict=True)
    box = {"west": min(longitudes), "east": max(longitudes), "south": min(latitudes), "north": max(latitudes)}
    return [(row.code, _ring(row.boundary)) for row in conn.execute(_BOUNDARIES_NEAR, box)]


def insert_appointment(conn: Connection, new: Appointment) -> None:
    """Enter an appointment."""
    conn.execute(
        appointment.insert().values(
            district=codes.district_of(new.cell),
            cell=new.cell,
            id=new.id,
            user=new.user,
            post=int(new.post),
            start_time=new.start_time,
        )
    )


def end_appointment(conn: Connection, ended: Appointment) -> None:
    """Store when an appointment ended."""
    conn.execute(
        appointment.update()
        .where(
            appointment.c.district == codes.district_of(ended.cell),
            appointment.c.cell == ended.cell,
            appointment.c.id == ended.id,
        )
        .values(end_time=ended.end_time)
    )


def find_appointment(conn: Connection, cell_code: str, appointment_id: str) -> Appointment | None:
    """The appointment of that id."""
    a = appointment
    row = conn.execute(
        select(a).where(a.c.district == codes.district_of(cell_code), a.c.cell == cell_code, a.c.id == appointment_id)
    ).one_or_none()
    return None if row is None else _appointment(row)


def keep_user(conn: Connection, district: str, name: str, state: UserState, version: int) -> bool:
    """Keep what was announced of a user; whether it is the newest. Appointments of the user wait until this commits."""
    return users.keep_user(conn, known_user, district, name, state, version)


def require_active(conn: Connection, district: str, name: str) -> None:
    """Raise UserUnknown or UserNotActive unless the user is active, and stays so until the transaction ends."""
    users.require_active(conn, known_user, district, name, unknown=UserUnknown, not_active=UserNotActive)


def posts_of(conn: Connection, user: str) -> list[Appointment]:
    """The posts that a user holds now."""
    rows = conn.execute(select(appointment).where(appointment.c.user == user, appointment.c.end_time.is_(None)))
    return [_appointment(row) for row in rows]


def appointments_page(
    conn: Connection, parent: str, show_ended: bool, after: Position, limit: int
) -> list[Appointment]:
    """The appointments inside a place, by cell, start and id."""
    a = appointment
    order = (a.c.cell, a.c.start_time, a.c.id)
    query = select(a).where(
        a.c.district == codes.district_of(parent), a.c.cell.like(parent + "%"), behind(after, *order)
    )
    if not show_ended:
        query = query.where(a.c.end_time.is_(None))
    rows = conn.execute(query.order_by(*order).limit(limit))
    return [_appointment(row) for row in rows]


def _appointment(row: Any) -> Appointment:
    return Appointment(
        id=row.id,
        cell=row.cell,
        user=row.user,
        post=cast(Post, row.post),
        start_time=row.start_time,
        end_time=row.end_time,
    )


def _division(row: Any) -> Division:
    return Division(
        code=row.code,
        level=cast(DivisionLevel, row.level),
        display_name=row.display_name,
        version=row.version,
        update_time=row.update_time,
    )


def _cell(row: Any, appointments: tuple[Appointment, ...]) -> Cell:
    return Cell(
        code=row.code,
        display_name=row.display_name,
        boundary=_ring(row.boundary),
        area_m2=row.area_m2,
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
        appointments=appointments,
    )


def _ring(boundary: Sequence[Sequence[float]]) -> Ring:
    return [(longitude, latitude) for longitude, latitude in boundary]
