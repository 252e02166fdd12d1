"""Meetings: scheduled, changed, cancelled, opened, closed with minutes, which are amended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.partyedu.v1 import events_pb2
from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.meetings_pb2 import AttendanceSource, AttendanceState, MeetingAction, MeetingKind
from onegrid_kit import codes, ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, StaleEtag
from onegrid_kit.etags import require_fresh
from onegrid_kit.persons import require_nobody
from onegrid_partyedu import meeting_messages
from onegrid_partyedu.commands.completing import complete
from onegrid_partyedu.commands.organizations import require_existing
from onegrid_partyedu.completion import Completion
from onegrid_partyedu.errors import MeetingNotQuorate, MeetingTooEarly, MemberNotExpected, MinutesLimitReached
from onegrid_partyedu.meeting import (
    MOST_REVISIONS,
    OPENS_BEFORE,
    Attendance,
    Meeting,
    MinutesRevision,
    Plan,
    counts_of,
    violations_of_plan,
)
from onegrid_partyedu.meeting_authority import found_meeting, require_office
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.store import attendances
from onegrid_partyedu.store import meetings as store
from onegrid_partyedu.store.known import known_cells

__all__ = [
    "AmendMinutes",
    "CloseMeeting",
    "amend_minutes",
    "cancel_ahead",
    "cancel_meeting",
    "change_meeting",
    "close_meeting",
    "completed",
    "locked_by_host",
    "open_meeting",
    "schedule_meeting",
]

_DISSOLVED: Final = "党组织已撤销"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseMeeting:
    """A meeting that is over."""

    meeting: str
    duration_minutes: int
    """0: as many as were planned."""
    minutes: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendMinutes:
    """Minutes as they are to be."""

    meeting: str
    minutes: str
    reason: str
    revision: int
    """The one that is amended; 0: the latest."""


def schedule_meeting(conn: Connection, organization: str, kind: MeetingKind, plan: Plan, call: Call) -> Meeting:
    """Schedule a meeting. Raises PermissionDenied, NotFound, OrganizationDissolved, MemberNotExpected, PersonInText or
    InvalidRequest.
    """
    require_office(conn, organization, call)
    require_existing(conn, organization)
    new = Meeting(
        id=f"{codes.district_of(organization)}-{ids.new_id()}",
        organization=organization,
        kind=kind,
        plan=plan,
        create_time=call.now,
        update_time=call.now,
    )
    _require_sound(conn, new, call)
    return _saved(conn, new, events_pb2.MeetingScheduled(meeting=meeting_messages.meeting(new)), call)


def change_meeting(conn: Connection, id_: str, plan: Plan, etag: str, call: Call) -> Meeting:
    """Change a meeting's plan. As schedule_meeting, and raises MeetingInWrongState or StaleEtag."""
    before = locked_by_host(conn, id_, etag, call)
    before.after(MeetingAction.MEETING_ACTION_CHANGE)
    if plan == before.plan:
        return before
    after = before.changed(call.now, plan=plan, sequence=before.sequence + 1)
    _require_sound(conn, after, call)
    changed = events_pb2.MeetingChanged(
        meeting=meeting_messages.meeting(after), before=meeting_messages.plan(before.plan)
    )
    return _saved(conn, after, changed, call)


def cancel_meeting(conn: Connection, id_: str, reason: str, etag: str, call: Call) -> Meeting:
    """Cancel a meeting. Raises PermissionDenied, NotFound, MeetingInWrongState, StaleEtag or PersonInText."""
    require_nobody(partial(known_cells, conn), reason=reason)
    return _cancelled(conn, locked_by_host(conn, id_, etag, call), reason, call)


def cancel_ahead(conn: Connection, organization: str, call: Call) -> None:
    """Cancel the meetings of an organization that begin later: it was dissolved."""
    for before in store.lock_ahead(conn, organization, call.now):
        _cancelled(conn, before, _DISSOLVED, call)


def open_meeting(conn: Connection, id_: str, sealed_secret: bytes, etag: str, call: Call) -> Meeting:
    """Open a meeting. Raises PermissionDenied, NotFound, MeetingTooEarly, MeetingInWrongState or StaleEtag."""
    before = locked_by_host(conn, id_, etag, call)
    state = before.after(MeetingAction.MEETING_ACTION_OPEN)
    if state == before.state:
        return before
    _require_time(before, before.plan.begin_time - OPENS_BEFORE, call)
    after = before.changed(call.now, state=state, sealed_secret=sealed_secret, open_time=call.now)
    store.save_meeting(conn, after)
    return after


def close_meeting(conn: Connection, command: CloseMeeting, call: Call) -> Meeting:
    """Close a meeting with its minutes.

    Raises PermissionDenied, NotFound, MeetingInWrongState, MeetingTooEarly, MeetingNotQuorate, StaleEtag or
    PersonInText.
    """
    require_nobody(partial(known_cells, conn), minutes=command.minutes)
    before = locked_by_host(conn, command.meeting, command.etag, call)
    state = before.after(MeetingAction.MEETING_ACTION_CLOSE)
    _require_time(before, before.plan.begin_time, call)
    expected = store.expected_members(conn, before)
    recorded = attendances.attendances_of(conn, before.id)
    counts = counts_of(expected, recorded)
    if before.kind == MeetingKind.MEETING_KIND_COMMITTEE and not counts.quorate:
        raise MeetingNotQuorate(before.name, expected=counts.expected, present=counts.present)
    after = before.changed(
        call.now,
        state=state,
        sealed_secret=b"",
        duration_minutes=command.duration_minutes or before.plan.minutes,
        counts=counts,
        end_time=call.now,
    )
    absent = sorted(expected.keys() - {each.member for each in recorded})
    attendances.save_attendances(conn, [_absence(after, member, call) for member in absent])
    attendances.forget_guesses(conn, after.id)
    first = MinutesRevision(meeting=after.id, revision=1, minutes=command.minutes, create_time=call.now)
    store.add_minutes(conn, first)
    complete(conn, [completed(after, each, call) for each in recorded if each.present], call)
    return _saved(conn, after, events_pb2.MeetingClosed(meeting=meeting_messages.meeting(after)), call)


def amend_minutes(conn: Connection, command: AmendMinutes, call: Call) -> MinutesRevision:
    """Enter another revision. Raises PermissionDenied, NotFound, MeetingInWrongState, StaleEtag, MinutesLimitReached or
    PersonInText.
    """
    require_nobody(partial(known_cells, conn), minutes=command.minutes, reason=command.reason)
    of = locked_by_host(conn, command.meeting, "", call)
    of.after(MeetingAction.MEETING_ACTION_AMEND)
    latest = store.latest_revision(conn, of.id)
    if command.revision not in (0, latest):
        raise StaleEtag(of.name, str(latest))
    if latest >= MOST_REVISIONS:
        raise MinutesLimitReached(of.name, MOST_REVISIONS)
    amended = MinutesRevision(
        meeting=of.id,
        revision=latest + 1,
        minutes=command.minutes,
        reason=command.reason,
        create_time=call.now,
    )
    store.add_minutes(conn, amended)
    return amended


def locked_by_host(conn: Connection, id_: str, etag: str, call: Call) -> Meeting:
    """A meeting that the caller hosts. Raises PermissionDenied, NotFound or StaleEtag."""
    found = found_meeting(store.lock_meeting(conn, id_), id_, call)
    require_office(conn, found.organization, call)
    require_fresh(found.name, found.etag, etag)
    return found


def completed(held: Meeting, by: Attendance, call: Call) -> Completion:
    """That who was at a meeting has studied. It counts in the year in which the meeting ended."""
    end = held.plan.begin_time + timedelta(minutes=held.duration_minutes)
    return Completion(
        member=by.member,
        subject=held.name,
        kind=CompletionKind.COMPLETION_KIND_MEETING,
        minutes=held.duration_minutes,
        complete_time=min(end, call.now),
    )


def _require_sound(conn: Connection, meeting: Meeting, call: Call) -> None:
    plan = meeting.plan
    violations = [FieldViolation(*each) for each in violations_of_plan(meeting.kind, plan, call.now)]
    if violations:
        raise InvalidRequest(*violations)
    agenda = {f"plan.agenda[{index}]": item for index, item in enumerate(plan.agenda)}
    require_nobody(partial(known_cells, conn), **{"plan.title": plan.title, "plan.place": plan.place}, **agenda)
    if plan.members:
        elsewhere = set(plan.members) - store.expected_members(conn, meeting).keys()
        if elsewhere:
            raise MemberNotExpected(MEMBER.name(min(elsewhere)))


def _require_time(meeting: Meeting, since: datetime, call: Call) -> None:
    if call.now < since:
        raise MeetingTooEarly(meeting.name, since)


def _absence(of: Meeting, member: str, call: Call) -> Attendance:
    return Attendance(
        meeting=of.id,
        member=member,
        state=AttendanceState.ATTENDANCE_STATE_ABSENT,
        source=AttendanceSource.ATTENDANCE_SOURCE_CLOSING,
        record_time=call.now,
    )


def _cancelled(conn: Connection, before: Meeting, reason: str, call: Call) -> Meeting:
    after = before.changed(
        call.now,
        state=before.after(MeetingAction.MEETING_ACTION_CANCEL),
        sequence=before.sequence + 1,
        cancel_reason=reason,
        sealed_secret=b"",
        end_time=call.now,
    )
    attendances.forget_guesses(conn, after.id)
    return _saved(conn, after, events_pb2.MeetingCancelled(meeting=meeting_messages.meeting(after)), call)


def _saved(conn: Connection, after: Meeting, event: Message, call: Call) -> Meeting:
    store.save_meeting(conn, after)
    outbox.append(conn, call, [(after.name, event)])
    return after
