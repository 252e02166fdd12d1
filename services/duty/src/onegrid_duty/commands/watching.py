"""What is noticed in advance: shifts that begin soon, and gaps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import GapDetected, ShiftReminded
from onegrid_duty import messages
from onegrid_duty.gaps import new_ones
from onegrid_duty.roster import Roster
from onegrid_duty.store import gaps as store
from onegrid_duty.store import rosters, shifts
from onegrid_duty.timetable import gaps_of
from onegrid_kit import outbox
from onegrid_kit.callers import ANONYMOUS, Call

__all__ = ["detect_gaps", "remind", "watch_all", "watch_rosters_of"]

_REMINDED_BEFORE: Final = timedelta(days=1)
_REMINDED_AT_ONCE: Final = 500
_LOOKED_AHEAD: Final = timedelta(weeks=2)


def remind(conn: Connection, now: datetime, roster_id: str = "") -> None:
    """Announce once of each shift, of this roster or of all, that it begins within a day."""
    call = Call(caller=ANONYMOUS, now=now, method="remind of shifts")
    due = shifts.remind(conn, now, now + _REMINDED_BEFORE, _REMINDED_AT_ONCE, roster_id)
    outbox.append(
        conn,
        call,
        [
            (each.name, ShiftReminded(shift=messages.shift(each), roster_display_name=display_name))
            for each, display_name in due
        ],
    )


def watch_all(conn: Connection, now: datetime) -> None:
    """Detect the gaps that have come within reach."""
    call = Call(caller=ANONYMOUS, now=now, method="detect gaps")
    for roster in rosters.lock_rosters(conn):
        detect_gaps(conn, roster, call)


def watch_rosters_of(conn: Connection, user: str, call: Call) -> None:
    """Detect the gaps that a change of somebody makes."""
    for roster in rosters.lock_rosters_of(conn, user, call.now):
        detect_gaps(conn, roster, call)


def detect_gaps(conn: Connection, roster: Roster, call: Call) -> None:
    """Announce the gaps of the next weeks that were not known yet. The roster must be locked."""
    found = gaps_of(conn, roster, call.now, call.now + _LOOKED_AHEAD)
    known = store.known_gaps(conn, roster.id)
    new = new_ones(found, known)
    if new or new_ones(known, found):
        store.save_gaps(conn, roster.id, found)
    outbox.append(
        conn,
        call,
        [
            (
                roster.name,
                GapDetected(
                    gap=messages.gap(each, roster.name),
                    roster_display_name=roster.display_name,
                    scope=roster.scope,
                    supervisors=roster.supervisors,
                ),
            )
            for each in new
        ],
    )
