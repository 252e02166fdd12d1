"""What another service announced, kept in tables of our own: the newest version wins, in whatever order events come."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import insert

__all__ = ["keep_newest"]


def keep_newest(
    conn: Connection, table: Table, key: Mapping[str, object], version: int, values: Mapping[str, object]
) -> bool:
    """Store one announced resource unless this version of it, or a newer one, is there; whether it was stored.

    `key` holds the columns of the table's primary key; the table has a column `version` beside those of `values`.
    """
    statement = insert(table).values(**key, version=version, **values)
    newer = statement.on_conflict_do_update(
        index_elements=[table.c[name] for name in key],
        set_={name: statement.excluded[name] for name in ("version", *values)},
        where=table.c.version < statement.excluded.version,
    )
    return conn.execute(newer.returning(table.c.version)).one_or_none() is not None
