"""The statements over the roles that shifts and plans grant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_identity.accounts import TemporaryRole
from onegrid_identity.tables import shift_role

__all__ = [
    "due_temporary_roles",
    "forget_temporary_roles",
    "lock_temporary_role",
    "reopen_temporary_roles",
    "save_temporary_role",
]


def lock_temporary_role(conn: Connection, source: str) -> TemporaryRole | None:
    """What is known of the source, which nobody else changes until the transaction ends."""
    row = conn.execute(select(shift_role).where(shift_role.c.shift == source).with_for_update()).one_or_none()
    return None if row is None else _temporary_role(row)


def save_temporary_role(conn: Connection, known: TemporaryRole) -> None:
    """Keep what is known of a source, and what became of its role."""
    values = {
        "revision": known.revision,
        "account": known.user,
        "role": known.role,
        "scope": known.scope,
        "guarantor": known.guarantor,
        "begin_time": known.begin,
        "end_time": known.end,
        "grant_id": known.grant_id,
        "pending": known.pending,
    }
    statement = insert(shift_role).values(shift=known.source, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[shift_role.c.shift], set_={name: statement.excluded[name] for name in values}
        )
    )


def due_temporary_roles(conn: Connection, until: datetime, most: int) -> list[TemporaryRole]:
    """Those that are to be decided and begin by then, locked; without those that others have locked."""
    s = shift_role.c
    query = select(shift_role).where(s.pending, s.begin_time <= until).order_by(s.begin_time).limit(most)
    return [_temporary_role(row) for row in conn.execute(query.with_for_update(skip_locked=True))]


def reopen_temporary_roles(conn: Connection, ended: TemporaryRole) -> None:
    """Have those decided again that another source's grant of the same role, place and time was enough for."""
    s = shift_role.c
    conn.execute(
        shift_role.update()
        .where(
            s.account == ended.user,
            s.role == ended.role,
            s.scope == ended.scope,
            s.begin_time == ended.begin,
            s.end_time == ended.end,
            s.shift != ended.source,
            s.grant_id == "",
        )
        .values(pending=True)
    )


def forget_temporary_roles(conn: Connection, before: datetime) -> None:
    """Forget those that ended before then."""
    conn.execute(shift_role.delete().where(shift_role.c.end_time < before))


def _temporary_role(row: Any) -> TemporaryRole:
    return TemporaryRole(
        source=row.shift,
        revision=row.revision,
        user=row.account,
        role=row.role,
        scope=row.scope,
        guarantor=row.guarantor,
        begin=row.begin_time,
        end=row.end_time,
        grant_id=row.grant_id,
        pending=row.pending,
    )
