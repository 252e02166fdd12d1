"""partyedu's timed work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid_kit.jobs import Job
from onegrid_partyedu import metrics
from onegrid_partyedu.store import members, organizations, transfers

__all__ = ["JOBS"]

_MONTH: Final = timedelta(days=30)


def measure_organizations(conn: Connection, now: datetime) -> None:
    """Measure which elections, confirmations and transfers nobody looks after."""
    count, first = organizations.count_overdue(conn, now)
    metrics.ELECTIONS_OVERDUE.labels("partyedu").set(count)
    metrics.ELECTION_OLDEST.labels("partyedu").set(0 if first is None else (now - first).total_seconds())
    metrics.PROBATIONS_OVERDUE.labels("partyedu").set(members.count_probations_over(conn, now - _MONTH))
    waiting, oldest = transfers.oldest_waiting(conn, now)
    metrics.TRANSFERS_WAITING.labels("partyedu").set(waiting)
    metrics.TRANSFER_OLDEST.labels("partyedu").set(oldest.total_seconds())


JOBS = (Job("measure organizations", timedelta(minutes=1), measure_organizations, in_each_replica=True),)
