"""A timer in, a row out. A row in `fault` that says `hang` keeps the job from ending."""

import time
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from onegrid_kit.jobs import Job


def tick(conn: Connection, _: datetime) -> None:
    """Leave a trace of having run. Two can't do it at the same time."""
    conn.execute(text("LOCK TABLE tick IN SHARE ROW EXCLUSIVE MODE"))
    conn.execute(text("INSERT INTO tick DEFAULT VALUES"))
    while conn.execute(text("SELECT 1 FROM fault WHERE said = 'hang'")).first():
        time.sleep(0.02)


JOBS = (Job("tick", timedelta(seconds=1), tick),)
