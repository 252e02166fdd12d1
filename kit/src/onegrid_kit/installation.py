"""Which installation a database is of: the same for good, over upgrades, copies and restored backups."""

from __future__ import annotations

from sqlalchemy import Connection, text

__all__ = ["installation_of"]

_ID = text("SELECT id FROM installation")


def installation_of(conn: Connection) -> str:
    """Its id."""
    return str(conn.execute(_ID).scalar_one())
