"""The handover book: written, escalated, acknowledged."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import HandoverForgotten, HandoverTaken, HandoverWritten
from onegrid_duty import messages
from onegrid_duty.errors import HandoverImpossible
from onegrid_duty.escalation import HANDOVER, HANDOVER_WAIT, Handover
from onegrid_duty.store import escalation as store
from onegrid_duty.store import shifts
from onegrid_duty.timetable import require_roster, shifts_of
from onegrid_kit import ladder, outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.errors import AlreadyExists, PermissionDenied
from onegrid_kit.ladder import Climb, Next

__all__ = ["LADDER", "acknowledge", "climb", "write"]

LADDER: Final = "duty handover"
"""What the ladder of handovers is called."""
_LATEST: Final = timedelta(days=1)
_FOLLOWS_WITHIN: Final = timedelta(days=7)


def write(conn: Connection, shift_id: str, text: str, call: Call) -> Handover:
    """Hand a shift over. Raises PermissionDenied, HandoverImpossible or AlreadyExists."""
    shift = shifts.find_shift(conn, shift_id)
    if shift is None or shift.user != call.caller.user:
        raise PermissionDenied(call.permission)
    if not shift.begin <= call.now < shift.end + _LATEST:
        raise HandoverImpossible(shift.name)
    roster = require_roster(conn, shift.roster)
    coming = shifts_of(conn, roster, shift.end, shift.end + _FOLLOWS_WITHIN, shift.begin, 1)
    if not coming or not coming[0].id:
        raise HandoverImpossible(shift.name)
    new = Handover(
        id=shift.id,
        roster=roster.id,
        author=shift.user,
        text=text,
        following_shift=coming[0].id,
        create_time=call.now,
    )
    if not store.insert_handover(conn, new):
        raise AlreadyExists(new.name)
    ladder.start(conn, LADDER, new.name, max(call.now, coming[0].begin) + HANDOVER_WAIT)
    event = HandoverWritten(
        handover=messages.handover(new, text=False),
        receiver=coming[0].user,
        roster_display_name=roster.display_name,
    )
    outbox.append(conn, call, [(new.name, event)])
    return new


def climb(conn: Connection, climb: Climb, now: datetime) -> Next | None:
    """Ask again for what nobody has acknowledged: first whose shift follows, then the supervisors."""
    handover = store.lock_handover(conn, HANDOVER.id(climb.subject))
    if handover is None or handover.acknowledger:
        return None
    roster = require_roster(conn, handover.roster)
    following = shifts.find_shift(conn, handover.following_shift)
    first = climb.rung == 1
    users = roster.supervisors or (roster.definer,)
    if first:
        users = (following.user,) if following is not None else ()
    if users:
        call = Call(caller=ANONYMOUS, now=now, method=LADDER, traceparent=climb.traceparent)
        event = HandoverForgotten(
            handover=messages.handover(handover, text=False), users=users, roster_display_name=roster.display_name
        )
        outbox.append(conn, call, [(handover.name, event)])
    return Next(now + HANDOVER_WAIT if users else now) if first else None


def acknowledge(conn: Connection, handover_id: str, call: Call) -> Handover:
    """Take over. Raises PermissionDenied."""
    handover = store.lock_handover(conn, handover_id)
    following = None if handover is None else shifts.find_shift(conn, handover.following_shift)
    if handover is None or following is None or following.user != call.caller.user:
        raise PermissionDenied(call.permission)
    if handover.acknowledger:
        return handover
    after = replace(handover, acknowledger=call.caller.user, acknowledge_time=call.now)
    store.save_handover(conn, after)
    ladder.stop(conn, LADDER, handover.name)
    outbox.append(conn, call, [(after.name, HandoverTaken(handover=messages.handover(after, text=False)))])
    return after
