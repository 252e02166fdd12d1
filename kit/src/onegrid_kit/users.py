"""Identity's users as services keep them, each in a table of its own: whether they are active."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Table, select

from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_kit.errors import UserNotActive, UserUnknown
from onegrid_kit.projections import keep_newest

__all__ = ["keep_user", "lock_user_states", "require_active"]


def keep_user(conn: Connection, users: Table, district: str, name: str, state: UserState, version: int) -> bool:
    """Keep what was announced of a user; whether it is the newest. Who has locked the user's state is waited for."""
    return keep_newest(conn, users, {"district": district, "name": name}, version, {"state": int(state)})


def lock_user_states(conn: Connection, users: Table, district: str, names: Collection[str]) -> dict[str, UserState]:
    """Whether these users are active, and stay so until the transaction ends; those of whom something was announced."""
    u = users.c
    query = select(u.name, u.state).where(u.district == district, u.name.in_(names))
    return {row.name: row.state for row in conn.execute(query.order_by(u.name).with_for_update(read=True))}


def require_active(
    conn: Connection,
    users: Table,
    district: str,
    name: str,
    *,
    unknown: type[UserUnknown],
    not_active: type[UserNotActive],
) -> None:
    """Raise the service's UserUnknown or UserNotActive unless the user is active, and stays so until the transaction
    ends.
    """
    state = lock_user_states(conn, users, district, [name]).get(name)
    if state is None:
        raise unknown(name)
    if state != UserState.USER_STATE_ACTIVE:
        raise not_active(name)
