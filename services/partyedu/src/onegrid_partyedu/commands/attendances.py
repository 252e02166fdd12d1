"""Attendance at meetings: by the code that is shown in the room, or recorded by the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1.meetings_pb2 import (
    AttendanceSource,
    AttendanceState,
    MeetingAction,
    MeetingActor,
    MeetingState,
)
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.one_time_codes import CODE_TRIES
from onegrid_kit.persons import require_nobody
from onegrid_partyedu.check_in_codes import require_few_guesses
from onegrid_partyedu.commands.completing import complete
from onegrid_partyedu.commands.meetings import completed, locked_by_host
from onegrid_partyedu.errors import MemberNotExpected
from onegrid_partyedu.meeting import MEETING, Attendance, Counts, Meeting, counts_of
from onegrid_partyedu.meeting_authority import require_own
from onegrid_partyedu.member import MEMBER, Member
from onegrid_partyedu.store import attendances as store
from onegrid_partyedu.store import meetings, members
from onegrid_partyedu.store.known import known_cells

__all__ = ["RecordAttendance", "check_in", "record_attendance", "try_code"]

_PRESENT: Final = AttendanceState.ATTENDANCE_STATE_PRESENT
_ACTIONS: Final = {
    _PRESENT: MeetingAction.MEETING_ACTION_RECORD_PRESENT,
    AttendanceState.ATTENDANCE_STATE_EXCUSED: MeetingAction.MEETING_ACTION_EXCUSE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAttendance:
    """Who was there, or is excused."""

    meeting: str
    member: str
    state: AttendanceState
    reason: str


def try_code(conn: Connection, meeting_id: str, is_right: Callable[[Meeting], bool], call: Call) -> bool:
    """Whether the caller may check in by a code, of which `is_right` knows whether it is right; a wrong one is counted.

    Its own transaction: a refused check-in would undo the count. Raises NotFound, MeetingInWrongState,
    MemberNotExpected or RateLimited.
    """
    own = require_own(conn, call)
    of = _required(meetings.find_meeting(conn, meeting_id), meeting_id)
    if _is_present(conn, of, own):
        return True
    of.after(MeetingAction.MEETING_ACTION_CHECK_IN, MeetingActor.MEETING_ACTOR_MEMBER)
    _is_guest(conn, of, own)
    count, last = store.lock_guesses(conn, of.id, own.id, call.now)
    require_few_guesses(count, last, call.now)
    if is_right(of):
        return True
    store.count_guess(conn, of.id, own.id, 1 if count >= CODE_TRIES else count + 1, call.now)
    return False


def check_in(conn: Connection, meeting_id: str, call: Call) -> Attendance:
    """Record that the caller, whose code was right, is there. Raises NotFound, MeetingInWrongState or
    MemberNotExpected.
    """
    own = require_own(conn, call)
    of = _required(meetings.share_meeting(conn, meeting_id), meeting_id)
    before = store.find_attendance(conn, of.id, own.id)
    if before is not None and before.present:
        return before
    of.after(MeetingAction.MEETING_ACTION_CHECK_IN, MeetingActor.MEETING_ACTOR_MEMBER)
    here = Attendance(
        meeting=of.id,
        member=own.id,
        state=_PRESENT,
        source=AttendanceSource.ATTENDANCE_SOURCE_CODE,
        guest=_is_guest(conn, of, own),
        record_time=call.now,
    )
    store.save_attendances(conn, [here])
    return here


def record_attendance(conn: Connection, command: RecordAttendance, call: Call) -> Attendance:
    """Record by hand that a member was there, or is excused. Raises PermissionDenied, NotFound, MeetingInWrongState,
    MemberNotExpected or PersonInText.
    """
    require_nobody(partial(known_cells, conn), reason=command.reason)
    of = locked_by_host(conn, command.meeting, "", call)
    of.after(_ACTIONS[command.state])
    of_whom = members.find_member(conn, command.member)
    if of_whom is None:
        raise NotFound(MEMBER.name(command.member))
    held = of.state == MeetingState.MEETING_STATE_HELD
    before = store.find_attendance(conn, of.id, of_whom.id)
    guest = _is_guest(conn, of, of_whom) if before is None else before.guest
    recorded = Attendance(
        meeting=of.id,
        member=of_whom.id,
        state=command.state,
        source=AttendanceSource.ATTENDANCE_SOURCE_HOST,
        guest=guest,
        reason=command.reason,
        record_time=call.now,
    )
    store.save_attendances(conn, [recorded])
    if held:
        meetings.save_meeting(conn, of.changed(call.now, counts=_counted(conn, of)))
        complete(conn, [completed(of, recorded, call)], call)
    return recorded


def _counted(conn: Connection, held: Meeting) -> Counts:
    rows = store.attendances_of(conn, held.id)
    expected = members.find_members(conn, [each.member for each in rows if not each.guest])
    return counts_of({id_: each.state for id_, each in expected.items()}, rows)


def _required(found: Meeting | None, id_: str) -> Meeting:
    if found is None:
        raise NotFound(MEETING.name(id_))
    return found


def _is_present(conn: Connection, of: Meeting, member: Member) -> bool:
    found = store.find_attendance(conn, of.id, member.id)
    return found is not None and found.present


def _is_guest(conn: Connection, of: Meeting, member: Member) -> bool:
    # Once it is over, who was expected is known by what was recorded then.
    if of.state != MeetingState.MEETING_STATE_HELD and meetings.expects(conn, of, member.id):
        return False
    if not of.plan.guests_welcome or member.district != of.district or member.end_time is not None:
        raise MemberNotExpected(member.name)
    return True
