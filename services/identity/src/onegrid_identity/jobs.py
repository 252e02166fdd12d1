"""identity's timed work."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from onegrid_identity import store
from onegrid_identity.commands import users
from onegrid_kit.jobs import Job

__all__ = ["JOBS"]


def announce_accounts(conn: Connection, now: datetime) -> None:
    """Announce what the release before made or changed."""
    users.announce_pending(conn, now)


JOBS = (
    Job("forget expired sessions", timedelta(minutes=30), store.forget_expired),
    Job("announce accounts", timedelta(minutes=1), announce_accounts),
)
