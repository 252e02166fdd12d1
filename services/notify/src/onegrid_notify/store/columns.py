"""The statements over columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from onegrid_notify.columns import Column, Columns
from onegrid_notify.tables import content_column

__all__ = ["columns_of", "lock_columns", "save_column"]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('columns'), hashtext(:district))")


def lock_columns(conn: Connection, district: str) -> None:
    """Have the tree of a district to oneself until the transaction ends."""
    conn.execute(_LOCK, {"district": district})


def columns_of(conn: Connection, district: str) -> Columns:
    """The columns of a district, which are few."""
    rows = conn.execute(select(content_column).where(content_column.c.district == district))
    return Columns([_column(row) for row in rows])


def save_column(conn: Connection, changed: Column) -> None:
    """Enter a column, or store what changed of it."""
    values = {
        "display_name": changed.display_name,
        "parent": changed.parent,
        "position": changed.position,
        "owner": changed.owner,
        "archived": changed.archived,
        "party_voice": int(changed.party_voice),
        "version": changed.version,
        "update_time": changed.update_time,
    }
    statement = insert(content_column).values(district=changed.district, id=changed.id, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[content_column.c.district, content_column.c.id],
            set_={name: statement.excluded[name] for name in values},
        )
    )


def _column(row: Any) -> Column:
    return Column(
        id=row.id,
        display_name=row.display_name,
        parent=row.parent,
        position=row.position,
        owner=row.owner,
        archived=row.archived,
        party_voice=row.party_voice,
        version=row.version,
        update_time=row.update_time,
    )
