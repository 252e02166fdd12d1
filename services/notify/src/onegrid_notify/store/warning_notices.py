"""The statements over the notices that warn people."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from onegrid_kit.projections import keep_newest
from onegrid_notify.tables import warning_notice

__all__ = ["keep_notice", "notice_of"]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('warning notices'), hashtext(:warning))")


def notice_of(conn: Connection, district: str, warning: str) -> tuple[int, str]:
    """The last known version of a warning, and the id of the article that warns of it; 0 and nothing if it is new.

    Nobody else is at the warning until the transaction ends.
    """
    conn.execute(_LOCK, {"warning": warning})
    n = warning_notice
    query = select(n.c.version, n.c.article).where(n.c.district == district, n.c.warning == warning)
    row = conn.execute(query).one_or_none()
    return (0, "") if row is None else (row.version, row.article)


def keep_notice(conn: Connection, district: str, warning: str, version: int, article: str) -> None:
    """Keep which article warns of it; empty if none does."""
    keep_newest(conn, warning_notice, {"district": district, "warning": warning}, version, {"article": article})
