"""Whom an event of study concerns, and what they are to hear."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from onegrid.partyedu.v1.events_pb2 import StudyReminderIssued
from onegrid_notify.facts import Recipient, StudyFacts
from onegrid_notify.notifications import Notification

__all__ = ["study_notifications"]


def study_notifications(event: StudyReminderIssued, time: datetime) -> Iterator[Notification]:
    """Each member who has not done what a plan asks hears of it alone: nobody else who has not is named."""
    facts = StudyFacts(time=time, plan=event.display_name, due=event.due_time.ToDatetime(UTC), overdue=event.overdue)
    for user in event.users:
        yield Notification(Recipient.PERSON, user, facts)
