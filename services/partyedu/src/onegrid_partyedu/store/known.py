"""What grid announced of cells, and identity of users."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_kit import cells, codes, users
from onegrid_kit.projections import keep_newest
from onegrid_partyedu.errors import UserNotActive, UserUnknown
from onegrid_partyedu.tables import cell, known_user

__all__ = ["keep_cell", "keep_user", "known_cells", "lock_user_states", "require_active"]


def keep_cell(conn: Connection, code: str, version: int) -> None:
    """Know a cell's code."""
    keep_newest(conn, cell, {"district": codes.district_of(code), "code": code}, version, {})


def known_cells(conn: Connection, candidates: Collection[str]) -> frozenset[str]:
    """Those that are codes of cells."""
    return cells.known_cells(conn, cell, candidates)


def keep_user(conn: Connection, district: str, name: str, state: UserState, version: int) -> None:
    """Know whether a user is active."""
    users.keep_user(conn, known_user, district, name, state, version)


def require_active(conn: Connection, district: str, name: str) -> None:
    """Raise UserUnknown or UserNotActive unless the user is active, and stays so until the transaction ends."""
    users.require_active(conn, known_user, district, name, unknown=UserUnknown, not_active=UserNotActive)


def lock_user_states(conn: Connection, district: str, names: Collection[str]) -> dict[str, UserState]:
    """Whether these users are active, and stay so until the transaction ends; those of whom something was announced."""
    return users.lock_user_states(conn, known_user, district, names)
