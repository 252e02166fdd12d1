"""Places and departments, as far as identity knows them: by their codes."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_identity import store
from onegrid_identity.errors import ScopeUnknown
from onegrid_kit import codes

__all__ = ["require_known"]


def require_known(conn: Connection, code: str) -> None:
    """Raise ScopeUnknown unless there is a place or department of that code."""
    known = (
        store.find_department(conn, code) is not None if codes.is_department(code) else store.knows_place(conn, code)
    )
    if not known:
        raise ScopeUnknown(code)
