"""The statements over warnings, and over the ground that they are about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import URL, ColumnElement, Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.emergency.v1.warnings_pb2 import CapScope, CapStatus, WarningState
from onegrid_emergency.cap.areas import Cells, Target
from onegrid_emergency.cap.warning import Content, Warning
from onegrid_emergency.store.warning_messages import faults_json, faults_of
from onegrid_emergency.tables import place, warning
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = [
    "cells_of",
    "count_in_force",
    "find_warning",
    "public_warnings",
    "save_warning",
    "warnings_by_id",
    "warnings_page",
    "warnings_to_expire",
]

_CONTENT = frozenset(Content.__dataclass_fields__)
_IN_FORCE = int(WarningState.WARNING_STATE_IN_FORCE)
_KNOWN_CELLS: Final[dict[tuple[URL, str], tuple[tuple[int, int], Cells]]] = {}
"""Of each database and district, with what they were read at."""


def cells_of(conn: Connection, district: str) -> Cells:
    """The district's cells that have ground. They are kept while none changes: to read a thousand boundaries takes
    longer than all else that a message needs.
    """
    query = select(func.count(), func.coalesce(func.sum(place.c.version), 0)).where(*_with_ground(district))
    count, versions = conn.execute(query).one()
    # A version never falls, so that every change of a cell changes one of the two.
    state = (int(count), int(versions))
    key = conn.engine.url, district
    known = _KNOWN_CELLS.get(key)
    if known is None or known[0] != state:
        rows = conn.execute(select(place.c.code, place.c.boundary).where(*_with_ground(district)))
        known = _KNOWN_CELLS[key] = state, Cells((row.code, row.boundary) for row in rows)
    return known[1]


def _with_ground(district: str) -> tuple[ColumnElement[bool], ...]:
    return place.c.district == district, place.c.boundary.is_not(None)


def find_warning(conn: Connection, id_: str) -> Warning | None:
    """The warning of that id."""
    return warnings_by_id(conn, codes.district_of(id_), [id_]).get(id_)


def warnings_by_id(
    conn: Connection, district: str, ids: Collection[str], *, lock: bool = False
) -> Mapping[str, Warning]:
    """The warnings of these ids; locked until the transaction ends, if that is asked for."""
    query = select(warning).where(warning.c.district == district, warning.c.id.in_(ids)).order_by(warning.c.id)
    rows = conn.execute(query.with_for_update() if lock else query)
    return {row.id: _warning(row) for row in rows}


def save_warning(conn: Connection, changed: Warning) -> None:
    """Store a new warning, or what changed of it."""
    values = _values(changed)
    statement = insert(warning).values(values)
    changes = {name: statement.excluded[name] for name in values if name not in ("district", "id")}
    conn.execute(statement.on_conflict_do_update(index_elements=[warning.c.district, warning.c.id], set_=changes))


def warnings_page(
    conn: Connection, district: str, states: Sequence[WarningState], after: Position, limit: int
) -> list[Warning]:
    """The warnings of a district, in any of the states or in all, the last sent first."""
    order = (warning.c.sent_time, warning.c.id)
    query = select(warning).where(warning.c.district == district, behind(after, *order, descending=True))
    if states:
        query = query.where(warning.c.state.in_(states))
    rows = conn.execute(query.order_by(*(each.desc() for each in order)).limit(limit))
    return [_warning(row) for row in rows]


def public_warnings(conn: Connection, district: str, now: datetime, limit: int) -> list[Warning]:
    """The warnings in force that everybody may know of, the last changed first."""
    query = select(warning).where(
        warning.c.district == district,
        warning.c.state == _IN_FORCE,
        warning.c.status == CapStatus.CAP_STATUS_ACTUAL,
        warning.c.scope == CapScope.CAP_SCOPE_PUBLIC,
        warning.c.expire_time > now,
    )
    rows = conn.execute(query.order_by(warning.c.update_time.desc(), warning.c.id).limit(limit))
    return [_warning(row) for row in rows]


def count_in_force(conn: Connection, now: datetime) -> Mapping[int, int]:
    """How many actual warnings are in force, by colour."""
    query = select(warning.c.colour, func.count()).where(
        warning.c.state == _IN_FORCE, warning.c.status == CapStatus.CAP_STATUS_ACTUAL, warning.c.expire_time > now
    )
    return {row[0]: row[1] for row in conn.execute(query.group_by(warning.c.colour))}


def warnings_to_expire(conn: Connection, now: datetime, limit: int) -> list[Warning]:
    """The warnings in force whose time is over, the first ones first; locked. Those that somebody else is at are left
    to them.
    """
    query = (
        select(warning)
        .where(warning.c.state == _IN_FORCE, warning.c.expire_time <= now)
        .order_by(warning.c.expire_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_warning(row) for row in conn.execute(query)]


def _values(of: Warning) -> dict[str, Any]:
    values = asdict(of)
    content, target = values.pop("content"), values.pop("target")
    content["categories"] = [int(each) for each in of.content.categories]
    return {
        **values,
        **content,
        "cells": list(target["cells"]),
        "places": list(target["places"]),
        "faults": faults_json(of.faults),
        "replies": list(of.replies),
    }


def _warning(row: Any) -> Warning:
    values = dict(row._mapping)
    content = {name: values.pop(name) for name in _CONTENT}
    content["categories"] = tuple(content["categories"])
    target = Target(tuple(values.pop("cells")), tuple(values.pop("places")))
    values |= {"faults": faults_of(values["faults"]), "replies": tuple(values["replies"])}
    return Warning(**values, content=Content(**content), target=target)
