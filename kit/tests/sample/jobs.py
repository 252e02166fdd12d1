"""A timer in, a row out."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from onegrid_kit.jobs import Job


def tick(conn: Connection, _: datetime) -> None:
    """Leave a trace of having run."""
    conn.execute(text("INSERT INTO tick DEFAULT VALUES"))


JOBS = (Job("tick", timedelta(seconds=1), tick),)
