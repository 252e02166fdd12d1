"""Branches that should have met are reminded once a month, as long as they have not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1.events_pb2 import MeetingDeadlineMissed
from onegrid_kit import outbox, steps
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.steps import Progress, Steps, Work
from onegrid_partyedu.meeting_duties import reminder_time
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import meetings_overdue

__all__ = ["STEPS", "begin_reminding"]

_WORK: Final = "remind branches"
_LATE: Final = timedelta(days=14)
"""A reminder that is later than this is none; finished work is known for longer."""
_LOOKED_AT: Final = 200


def begin_reminding(conn: Connection, now: datetime) -> None:
    """Have the branches of each district reminded, if this month's time has come."""
    time = reminder_time(now)
    if not time <= now < time + _LATE:
        return
    for district in meetings_overdue.districts(conn):
        steps.start(conn, _WORK, f"{_WORK} {district} {time:%Y-%m}", subject=district)


def _remind(conn: Connection, work: Work, now: datetime) -> Progress:
    after = str(work.cursor.get("last", ""))
    found = meetings_overdue.overdue_branches(conn, work.subject, now, after, _LOOKED_AT)
    if not found:
        return Progress(work.cursor, 0, finished=True)
    call = Call(caller=ANONYMOUS, now=now, method=work.kind, resource=work.subject, traceparent=work.traceparent)
    missed = [
        MeetingDeadlineMissed(organization=ORGANIZATION.name(id_), display_name=display_name, kinds=kinds)
        for id_, display_name, kinds in found
    ]
    outbox.append(conn, call, [(each.organization, each) for each in missed])
    return Progress({"last": found[-1][0]}, len(found), finished=len(found) < _LOOKED_AT)


STEPS: Final = (Steps(_WORK, _remind),)
"""Who is reminded."""
