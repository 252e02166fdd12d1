"""partyedu's timed work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1.meetings_pb2 import MeetingKind
from onegrid_kit.field import log as field_log
from onegrid_kit.jobs import Job
from onegrid_kit.lifecycle import short_name
from onegrid_partyedu import metrics
from onegrid_partyedu.commands.imports import discard_waiting
from onegrid_partyedu.commands.meeting_reminders import begin_reminding
from onegrid_partyedu.importing import KEPT
from onegrid_partyedu.store import guidance, imports, meetings_overdue, members, organizations, study, transfers

__all__ = ["JOBS"]

_DAY: Final = timedelta(days=1)
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
    late, since = guidance.oldest_overdue(conn, now)
    metrics.GUIDANCE_OVERDUE.labels("partyedu").set(late)
    metrics.GUIDANCE_OLDEST.labels("partyedu").set(since.total_seconds())


def forget_imports(conn: Connection, now: datetime) -> None:
    """Discard imports that nobody applied, with their names, and delete old ones."""
    discard_waiting(conn, now)
    imports.forget_imports(conn, now - KEPT, most=20)


def measure_meetings(conn: Connection, now: datetime) -> None:
    """Measure which meetings branches should have held."""
    late = meetings_overdue.late_shares(conn, now - _MONTH)
    for kind, overdue in meetings_overdue.count_overdue(conn, now).items():
        labels = ("partyedu", short_name(MeetingKind, kind))
        metrics.MEETINGS_OVERDUE.labels(*labels).set(overdue)
        metrics.MEETINGS_LATE.labels(*labels).set(late[kind])


def forget_study_entries(conn: Connection, now: datetime) -> None:
    """Delete positions and authors of what was recorded offline a month ago, some at a time; and players that are
    silent.
    """
    field_log.forget(conn, now - _MONTH)
    study.forget_players(conn, now - _DAY)


JOBS = (
    Job("measure meetings", timedelta(minutes=5), measure_meetings, in_each_replica=True),
    Job("measure organizations", timedelta(minutes=1), measure_organizations, in_each_replica=True),
    Job("remind branches", timedelta(minutes=10), begin_reminding),
    Job("forget imports", timedelta(minutes=10), forget_imports),
    Job("forget study entries", timedelta(minutes=10), forget_study_entries),
)
