"""Whom an event of an emergency concerns, and what they are to hear."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.emergency.v1 import events_pb2 as pb
from onegrid.emergency.v1.incident_steps_pb2 import IncidentDeadline
from onegrid_kit import codes
from onegrid_kit.names import code_in
from onegrid_notify.facts import IncidentFacts, Recipient
from onegrid_notify.notifications import Notification

__all__ = ["IncidentEvent", "incident_and_place", "incident_notifications"]

IncidentEvent = pb.IncidentReported | pb.TaskAssigned | pb.IncidentDeadlineMissed


def incident_and_place(event: IncidentEvent) -> tuple[str, str]:
    """The incident that the event is about, and the code of its place."""
    if isinstance(event, pb.IncidentReported):
        return event.incident, event.place
    return event.step.incident, event.step.place


def incident_notifications(event: IncidentEvent, place: str, time: datetime) -> Iterator[Notification]:
    """Of a new incident in a place of this name hear the community, or the lowest platform above it, and the district;
    of a task its assignee; of a deadline that has passed whoever stands on the rung.
    """
    incident, code = incident_and_place(event)
    number = code_in(incident)
    match event:
        case pb.IncidentReported():
            facts = IncidentFacts(time=time, number=number, place=place)
            for office in dict.fromkeys((codes.community_of(code), codes.district_of(code))):
                yield Notification(Recipient.OFFICE, office, facts)
        case pb.TaskAssigned():
            facts = IncidentFacts(
                time=time,
                number=number,
                place=place,
                instruction=event.task.instruction,
                due=_moment(event.task.acknowledge_due_time),
            )
            yield _to(event.task.assignee, facts)
        case pb.IncidentDeadlineMissed():
            deadline = event.deadline
            facts = IncidentFacts(
                time=time,
                number=number,
                place=place,
                instruction=event.task.instruction,
                due=_moment(event.due_time) if event.HasField("due_time") else None,
                unattended=deadline == IncidentDeadline.INCIDENT_DEADLINE_RESPONSE,
                unacknowledged=deadline == IncidentDeadline.INCIDENT_DEADLINE_ACKNOWLEDGEMENT,
                incomplete=deadline == IncidentDeadline.INCIDENT_DEADLINE_COMPLETION,
                unreported=deadline == IncidentDeadline.INCIDENT_DEADLINE_SITUATION_REPORT,
            )
            yield _to(event.recipient, facts)


def _to(recipient: str, facts: IncidentFacts) -> Notification:
    kind = Recipient.PERSON if recipient.startswith("users/") else Recipient.OFFICE
    return Notification(kind, recipient, facts)


def _moment(time: Timestamp) -> datetime:
    return time.ToDatetime(tzinfo=UTC)
