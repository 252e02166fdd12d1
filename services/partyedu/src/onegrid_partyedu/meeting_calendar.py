"""Meetings in calendars, as iCalendar (RFC 5545, RFC 5546) has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from icalendar import Event, vCalAddress, vText

from onegrid.partyedu.v1.meetings_pb2 import MeetingState
from onegrid_kit.clock import CHINA
from onegrid_kit.ical import alarm, written
from onegrid_partyedu.meeting import Meeting
from onegrid_partyedu.organization import ORGANIZATION

__all__ = ["feed_of", "invitation"]

_TITLE: Final = "组织生活"
_CANCELLED: Final = MeetingState.MEETING_STATE_CANCELLED


def feed_of(meetings: Sequence[tuple[Meeting, str]], reminder: timedelta) -> bytes:
    """The calendar of a member's meetings, each with the display name of its organization."""
    return written("partyedu", _TITLE, [_event(each, organizer, reminder) for each, organizer in meetings])


def invitation(meeting: Meeting, organizer: str) -> bytes:
    """One meeting, for the calendar of who gets it; `organizer`: the display name of its organization."""
    method = "CANCEL" if meeting.state == _CANCELLED else "PUBLISH"
    return written("partyedu", meeting.plan.title, [_event(meeting, organizer, timedelta())], method=method)


def _event(meeting: Meeting, organizer: str, reminder: timedelta) -> Event:
    plan, cancelled = meeting.plan, meeting.state == _CANCELLED
    event = Event()
    event.add("uid", f"{meeting.id}@partyedu.onegrid")
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", meeting.update_time)
    event.add("last-modified", meeting.update_time)
    event.add("dtstart", plan.begin_time.astimezone(CHINA))
    event.add("dtend", plan.end_time.astimezone(CHINA))
    event.add("summary", plan.title)
    event.add("location", plan.place)
    if plan.agenda:
        event.add("description", "\n".join(f"{number}. {item}" for number, item in enumerate(plan.agenda, start=1)))
    event.add("organizer", _organizer(meeting, organizer))
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
    if reminder and not cancelled:
        event.add_component(alarm(plan.title, reminder))
    return event


def _organizer(meeting: Meeting, display_name: str) -> vCalAddress:
    # A calendar address is a URI; organizations have no mail.
    organizer = vCalAddress(f"onegrid:{ORGANIZATION.name(meeting.organization)}")
    organizer.params["CN"] = vText(display_name)
    return organizer
