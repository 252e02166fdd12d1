"""border's timed work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.border.v1.patrols_pb2 import AlarmKind
from onegrid_border import metrics
from onegrid_border.settings import BorderSettings
from onegrid_border.store import alarms, patrols
from onegrid_kit.field import log as field_log
from onegrid_kit.jobs import Job
from onegrid_kit.lifecycle import short_name

__all__ = ["jobs_of"]

_TOGETHER: Final = 5000


def jobs_of(settings: BorderSettings) -> tuple[Job, ...]:
    """What is done again and again."""
    kept = timedelta(days=settings.position_days)

    def forget_positions(conn: Connection, now: datetime) -> None:
        """Delete positions and authors that were kept for long enough, some at a time."""
        field_log.forget(conn, now - kept)
        patrols.forget_positions(conn, now - kept, _TOGETHER)
        alarms.forget_positions(conn, now - kept, _TOGETHER)

    return (
        Job("forget positions", timedelta(minutes=1), forget_positions),
        Job("measure patrols", timedelta(seconds=15), _measure_patrols, in_each_replica=True),
    )


def _measure_patrols(conn: Connection, now: datetime) -> None:
    """Measure how many patrols are out, and which alarms nobody looks after."""
    metrics.PATROLS_OUT.labels("border").set(patrols.count_out(conn))
    found = alarms.count_open(conn)
    for kind in filter(None, AlarmKind.values()):
        count, first = found.get(kind, (0, now))
        labels = "border", short_name(AlarmKind, kind)
        metrics.ALARMS_OPEN.labels(*labels).set(count)
        metrics.ALARM_OLDEST_OPEN.labels(*labels).set((now - first).total_seconds())
