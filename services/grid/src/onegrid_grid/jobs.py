"""grid's timed work."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from onegrid_grid.settings import GridSettings
from onegrid_kit.field import log as field_log
from onegrid_kit.jobs import Job

__all__ = ["jobs_of"]


def jobs_of(settings: GridSettings) -> tuple[Job, ...]:
    """What is done again and again."""
    kept = timedelta(days=settings.position_days)

    def forget_positions(conn: Connection, now: datetime) -> None:
        """Delete positions and authors that were kept for long enough, some at a time."""
        field_log.forget(conn, now - kept)

    return (Job("forget positions", timedelta(minutes=1), forget_positions),)
