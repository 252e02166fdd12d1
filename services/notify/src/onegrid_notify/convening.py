"""Whom an event of a meeting concerns, and what they are to hear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from onegrid.partyedu.v1 import events_pb2 as pb
from onegrid.partyedu.v1.meetings_pb2 import ExpectedAttendance, MeetingPlan
from onegrid_notify.facts import MeetingFacts, OverdueMeetingsFacts, Recipient
from onegrid_notify.notifications import Notification, members_of, secretary_of

__all__ = ["MeetingEvent", "meeting_notifications", "overdue_notification"]

MeetingEvent = pb.MeetingScheduled | pb.MeetingChanged | pb.MeetingCancelled

_SHOWN = ("title", "begin_time", "end_time", "place")


def meeting_notifications(event: MeetingEvent, organization: str, time: datetime) -> Iterator[Notification]:
    """Who is expected hears when, where and what; `organization`: what people call it. Of another agenda nobody hears,
    nor of meetings that are entered afterwards.
    """
    meeting, plan = event.meeting, event.meeting.plan
    if plan.end_time.ToDatetime(UTC) <= time:
        return
    facts = MeetingFacts(
        time=time,
        title=plan.title,
        organization=organization,
        begin=plan.begin_time.ToDatetime(UTC),
        place=plan.place,
        reason=meeting.cancel_reason,
    )
    expected, already, released = _expected(meeting.organization, plan), set[str](), list[str]()
    if isinstance(event, pb.MeetingChanged):
        before = _expected(meeting.organization, event.before)
        if all(getattr(plan, each) == getattr(event.before, each) for each in _SHOWN):
            already.update(before)
        if event.before.expected == plan.expected:
            released = [each for each in before if each not in expected]
    for address in expected:
        if address not in already:
            yield Notification(Recipient.PERSON, address, facts)
    for address in released:
        yield Notification(Recipient.PERSON, address, replace(facts, released=True))


def overdue_notification(event: pb.MeetingDeadlineMissed, time: datetime) -> Notification:
    """The secretary hears what the branch should have held."""
    facts = OverdueMeetingsFacts(time=time, organization=event.display_name, meetings=tuple(event.kinds))
    return Notification(Recipient.PERSON, secretary_of(event.organization), facts)


def _expected(organization: str, plan: MeetingPlan) -> list[str]:
    match plan.expected:
        case ExpectedAttendance.EXPECTED_ATTENDANCE_SELECTED:
            return list(plan.members)
        case ExpectedAttendance.EXPECTED_ATTENDANCE_COMMITTEE:
            return [organization]
        case _:
            return [members_of(organization)]
