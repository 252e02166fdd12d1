"""duty's timed work."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Final

from sqlalchemy import Connection

from onegrid.duty.v1.resources_pb2 import GapReason
from onegrid_duty import metrics
from onegrid_duty.commands import scheduling, watching
from onegrid_duty.store import escalation, gaps
from onegrid_kit.contracts import served_by
from onegrid_kit.jobs import Job
from onegrid_kit.lifecycle import short_name

__all__ = ["JOBS", "measure_duty"]

_HOST: Final = served_by("duty")
_PAGES_OF: Final = timedelta(days=1)


def measure_duty(conn: Connection, now: datetime) -> None:
    """Measure which gaps there are, and how many pages nobody has acknowledged."""
    counted = gaps.count_gaps(conn, now)
    for reason, begins in product(filter(None, GapReason.values()), gaps.BEGINNINGS):
        count = counted.get((reason, begins), 0)
        metrics.GAPS.labels(_HOST, short_name(GapReason, reason), begins).set(count)
    pages, first = escalation.open_pages(conn, now - _PAGES_OF)
    metrics.PAGES_OPEN.labels(_HOST).set(pages)
    metrics.PAGE_OLDEST_OPEN.labels(_HOST).set((now - (first or now)).total_seconds())


JOBS = (
    Job("extend rosters", timedelta(minutes=1), scheduling.extend_rosters),
    Job("remind of shifts", timedelta(minutes=1), watching.remind),
    Job("detect gaps", timedelta(minutes=10), watching.watch_all),
    Job("measure duty", timedelta(seconds=15), measure_duty, in_each_replica=True),
)
