"""identity's timed work."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from onegrid_identity import store
from onegrid_identity.commands import temporary_roles, users
from onegrid_identity.store.temporary_roles import forget_temporary_roles
from onegrid_kit.jobs import Job

__all__ = ["JOBS"]


def announce_accounts(conn: Connection, now: datetime) -> None:
    """Announce what the release before made or changed."""
    users.announce_pending(conn, now)


def forget_shifts(conn: Connection, now: datetime) -> None:
    """Forget the shifts and plans that ended a month ago; no carrier keeps an event that long."""
    forget_temporary_roles(conn, now - timedelta(days=30))


JOBS = (
    Job("forget expired sessions", timedelta(minutes=30), store.forget_expired),
    Job("forget shifts", timedelta(hours=6), forget_shifts),
    Job("grant shifts their roles", timedelta(minutes=1), temporary_roles.grant_due),
    Job("announce accounts", timedelta(minutes=1), announce_accounts),
)
