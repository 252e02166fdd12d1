"""Between the contract's messages on meetings and partyedu's records."""

from __future__ import annotations

from onegrid.partyedu.v1 import meetings_pb2 as pb
from onegrid_kit.timestamps import moment, timestamp
from onegrid_partyedu.meeting import Attendance, CalendarLink, Counts, Meeting, MinutesRevision, Plan
from onegrid_partyedu.meeting_duties import Overdue
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.organization import ORGANIZATION

__all__ = ["attendance", "calendar_link", "meeting", "minutes", "overdue", "plan", "plan_of"]


def plan_of(message: pb.MeetingPlan) -> Plan:
    """The plan in a request."""
    return Plan(
        title=message.title,
        begin_time=moment(message.begin_time),
        end_time=moment(message.end_time),
        place=message.place,
        agenda=tuple(message.agenda),
        expected=message.expected,
        members=tuple(sorted(map(MEMBER.id, message.members))),
        guests_welcome=message.guests_welcome,
    )


def meeting(of: Meeting) -> pb.Meeting:
    """The meeting as a message."""
    return pb.Meeting(
        name=of.name,
        organization=ORGANIZATION.name(of.organization),
        kind=of.kind,
        plan=plan(of.plan),
        state=of.state,
        sequence=of.sequence,
        cancel_reason=of.cancel_reason,
        duration_minutes=of.duration_minutes,
        counts=None if of.counts is None else _counts(of.counts),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        open_time=timestamp(of.open_time),
        end_time=timestamp(of.end_time),
        etag=of.etag,
    )


def minutes(of: MinutesRevision) -> pb.MinutesRevision:
    """The revision as a message."""
    return pb.MinutesRevision(name=of.name, minutes=of.minutes, reason=of.reason, create_time=timestamp(of.create_time))


def attendance(of: Attendance) -> pb.Attendance:
    """The attendance as a message, with its reason."""
    return pb.Attendance(
        name=of.name,
        member=MEMBER.name(of.member),
        state=of.state,
        source=of.source,
        guest=of.guest,
        reason=of.reason,
        record_time=timestamp(of.record_time),
    )


def calendar_link(of: CalendarLink, secret: str) -> pb.MeetingCalendarLink:
    """The link as a message, with its path."""
    return pb.MeetingCalendarLink(
        name=of.name, path=f"/v1/meetings/calendars/{secret}.ics", reminder_minutes=of.reminder_minutes
    )


def overdue(of: Overdue) -> pb.OverdueMeeting:
    """What a branch should have held, as a message."""
    return pb.OverdueMeeting(
        organization=ORGANIZATION.name(of.organization),
        display_name=of.display_name,
        kind=of.kind,
        last_time=timestamp(of.last_time),
        due_time=timestamp(of.due_time),
    )


def plan(of: Plan) -> pb.MeetingPlan:
    """The plan as a message."""
    return pb.MeetingPlan(
        title=of.title,
        begin_time=timestamp(of.begin_time),
        end_time=timestamp(of.end_time),
        place=of.place,
        agenda=of.agenda,
        expected=of.expected,
        members=map(MEMBER.name, of.members),
        guests_welcome=of.guests_welcome,
    )


def _counts(of: Counts) -> pb.AttendanceCounts:
    return pb.AttendanceCounts(
        expected=of.expected, present=of.present, excused=of.excused, guests=of.guests, quorate=of.quorate
    )
