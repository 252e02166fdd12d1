"""What grid announced of cells, and identity of users."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_kit import cells, codes
from onegrid_kit.projections import keep_newest
from onegrid_partyedu.tables import cell, known_user

__all__ = ["keep_cell", "keep_user", "known_cells", "lock_user_state", "lock_user_states"]


def keep_cell(conn: Connection, code: str, version: int) -> None:
    """Know a cell's code."""
    keep_newest(conn, cell, {"district": codes.district_of(code), "code": code}, version, {})


def known_cells(conn: Connection, candidates: Collection[str]) -> frozenset[str]:
    """Those that are codes of cells."""
    return cells.known_cells(conn, cell, candidates)


def keep_user(conn: Connection, district: str, name: str, state: UserState, version: int) -> None:
    """Know whether a user is active."""
    keep_newest(conn, known_user, {"district": district, "name": name}, version, {"state": int(state)})


def lock_user_state(conn: Connection, district: str, name: str) -> UserState | None:
    """Whether the user is active, and stays so until the transaction ends; None if nothing was announced of them."""
    query = select(known_user.c.state).where(known_user.c.district == district, known_user.c.name == name)
    return conn.execute(query.with_for_update(read=True)).scalar_one_or_none()


def lock_user_states(conn: Connection, district: str, names: Collection[str]) -> dict[str, UserState]:
    """Whether these users are active, and stay so until the transaction ends; those of whom something was announced."""
    u = known_user.c
    query = select(u.name, u.state).where(u.district == district, u.name.in_(names))
    return {row.name: row.state for row in conn.execute(query.order_by(u.name).with_for_update(read=True))}
