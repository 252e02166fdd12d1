"""Whom an event of a guidance task concerns, and what they are to hear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from onegrid.partyedu.v1 import events_pb2 as pb
from onegrid_kit.names import ResourceName
from onegrid_notify.facts import GuidanceFacts, Recipient
from onegrid_notify.notifications import Notification
from onegrid_notify.party import ORGANIZATION

__all__ = ["GuidanceEvent", "guidance_notifications"]

_ASSIGNMENT = ResourceName("guidanceTasks/{guidance_task}/assignments/{assignment}")
_Told = pb.GuidanceTaskIssued | pb.GuidanceTaskWithdrawn | pb.GuidanceDeadlineNeared | pb.GuidanceDeadlineMissed
GuidanceEvent = _Told | pb.GuidanceReported | pb.GuidanceReportReturned


def guidance_notifications(event: GuidanceEvent, time: datetime) -> Iterator[Notification]:
    """Of a task hear the officers of the organizations that have it, of a report those of its sender, of a returned one
    those who gave it; the sender also of how many are late.
    """
    task = event.task
    facts = GuidanceFacts(time=time, title=task.title, due=task.due_time.ToDatetime(tzinfo=UTC))
    match event:
        case pb.GuidanceReported():
            yield _to(task.sender, replace(facts, organization=event.organization_display_name))
        case pb.GuidanceReportReturned():
            reporter = ORGANIZATION.name(_ASSIGNMENT.id(event.assignment))
            yield _to(reporter, replace(facts, reason=event.reason))
        case _:
            given = replace(facts, organization=event.sender_display_name, reason=task.withdraw_reason)
            for organization in event.organizations:
                yield _to(organization, given)
            if isinstance(event, pb.GuidanceDeadlineMissed):
                yield _to(task.sender, replace(facts, late=str(len(event.organizations))))


def _to(organization: str, facts: GuidanceFacts) -> Notification:
    return Notification(Recipient.PERSON, organization, facts)
