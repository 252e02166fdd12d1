"""Messages that events make."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.emergency.v1.events_pb2 import ResourceReserved, StockRunDown
from onegrid.grid.v1.events_pb2 import AppointmentEnded, CellDefined
from onegrid.identity.v1.events_pb2 import RoleGranted, RoleRevoked
from onegrid.partyedu.v1.events_pb2 import MeetingDeadlineMissed, StudyReminderIssued
from onegrid_kit import codes
from onegrid_kit.events import Delivery, retention_of
from onegrid_kit.names import code_in
from onegrid_notify.convening import MeetingEvent, meeting_notifications, overdue_notification
from onegrid_notify.facts import encode, event_key
from onegrid_notify.guiding import GuidanceEvent, guidance_notifications
from onegrid_notify.incidents import IncidentEvent, incident_and_place, incident_notifications
from onegrid_notify.item import KEPT
from onegrid_notify.notifications import (
    CELL,
    GRANT,
    Notification,
    PetitionEvent,
    appointments,
    called,
    ended_appointment,
    offices_in,
    petition_notifications,
    role_notifications,
    run_down,
)
from onegrid_notify.party import ORGANIZATION
from onegrid_notify.patrolling import PatrolEvent, is_call_to_act, patrol_and_office, patrol_notifications
from onegrid_notify.rendering import render
from onegrid_notify.rostering import DutyEvent, duty_notifications, subject_of
from onegrid_notify.sendings import announce
from onegrid_notify.store import messages as store
from onegrid_notify.store import people, places
from onegrid_notify.store.party import known_organizations
from onegrid_notify.studying import study_notifications
from onegrid_notify.templates import LANGUAGES

__all__ = [
    "delete_expired",
    "write_appointment_messages",
    "write_call_messages",
    "write_duty_messages",
    "write_ended_appointment_message",
    "write_guidance_messages",
    "write_incident_messages",
    "write_meeting_messages",
    "write_overdue_meeting_messages",
    "write_patrol_messages",
    "write_petition_messages",
    "write_role_messages",
    "write_shortage_message",
    "write_study_messages",
]

_DELETED_AT_ONCE: Final = 10_000


def write_petition_messages(conn: Connection, events: Sequence[tuple[PetitionEvent, Delivery]]) -> None:
    """Write to everybody whom events of petitions concern."""
    names = places.display_names(conn, frozenset().union(*(offices_in(event) for event, _ in events)))
    announce(
        conn,
        [
            announcement
            for event, delivery in events
            for announcement in _announcements(
                conn,
                event,
                delivery,
                codes.district_of(code_in(event.step.petition)),
                event.step.petition,
                petition_notifications(event, names),
            )
        ],
    )


def write_role_messages(conn: Connection, event: RoleGranted | RoleRevoked, delivery: Delivery) -> None:
    """Write to somebody of the staff who was given a role, or does not hold it any more."""
    if event.scope == codes.SELF or not _of_staff(conn, event):
        return
    names = places.display_names(conn, [event.scope])
    notifications = role_notifications(event, names.get(event.scope, ""), delivery.time)
    district = codes.district_of(event.scope)
    announce(conn, _announcements(conn, event, delivery, district, event.user, notifications))


def write_appointment_messages(conn: Connection, event: CellDefined, delivery: Delivery) -> None:
    """Write to whom this change of a cell appointed to it."""
    district, subject = codes.district_of(event.code), CELL.name(event.code)
    announce(conn, _announcements(conn, event, delivery, district, subject, appointments(event, delivery.time)))


def write_ended_appointment_message(conn: Connection, event: AppointmentEnded, delivery: Delivery) -> None:
    """Write to whose appointment to a cell ended."""
    cell = code_in(event.appointment.name)
    district, subject = codes.district_of(cell), CELL.name(cell)
    announce(conn, _announcements(conn, event, delivery, district, subject, [ended_appointment(event)]))


def write_duty_messages(conn: Connection, event: DutyEvent, delivery: Delivery) -> None:
    """Write to the staff whom a shift, a swap or a gap concerns."""
    subject, roster = subject_of(event)
    district = codes.district_of(code_in(roster))
    announce(conn, _announcements(conn, event, delivery, district, subject, duty_notifications(event, delivery.time)))


def write_call_messages(conn: Connection, event: ResourceReserved, delivery: Delivery) -> None:
    """Write to the office whose team, expert or vehicle is called to an emergency."""
    subject = event.reservation.name
    district = codes.district_of(event.office)
    announce(conn, _announcements(conn, event, delivery, district, subject, called(event, delivery.time)))


def write_shortage_message(conn: Connection, event: StockRunDown, delivery: Delivery) -> None:
    """Write to the office that has less of a supply than it should have."""
    district = codes.district_of(event.office)
    announce(conn, _announcements(conn, event, delivery, district, event.stock, [run_down(event)]))


def write_incident_messages(conn: Connection, event: IncidentEvent, delivery: Delivery) -> None:
    """Write to whom an emergency, a task of it or a deadline that has passed concerns."""
    incident, place = incident_and_place(event)
    names = places.display_names(conn, [place])
    notifications = incident_notifications(event, names.get(place, ""), delivery.time)
    district = codes.district_of(place)
    announce(conn, _announcements(conn, event, delivery, district, incident, notifications))


def write_patrol_messages(conn: Connection, event: PatrolEvent, delivery: Delivery) -> None:
    """Write to whom a patrol of the border, or what goes wrong with it, concerns."""
    patrol, office = patrol_and_office(event)
    names = places.display_names(conn, [office])
    notifications = patrol_notifications(event, names.get(office, ""), delivery.time)
    district = codes.district_of(office)
    critical = is_call_to_act(event)
    announce(conn, _announcements(conn, event, delivery, district, patrol, notifications, critical=critical))


def write_study_messages(conn: Connection, event: StudyReminderIssued, delivery: Delivery) -> None:
    """Write to the members who have not done what a study plan asks."""
    district = codes.district_of(code_in(event.study_plan))
    notifications = study_notifications(event, delivery.time)
    announce(conn, _announcements(conn, event, delivery, district, event.study_plan, notifications))


def write_guidance_messages(conn: Connection, event: GuidanceEvent, delivery: Delivery) -> None:
    """Write to the officers of the Party organizations that a task concerns."""
    district = codes.district_of(code_in(event.task.name))
    notifications = guidance_notifications(event, delivery.time)
    announce(conn, _announcements(conn, event, delivery, district, event.task.name, notifications))


def write_meeting_messages(conn: Connection, event: MeetingEvent, delivery: Delivery) -> None:
    """Write to the members of the Party whom a meeting expects."""
    meeting = event.meeting
    district, organization = codes.district_of(code_in(meeting.name)), ORGANIZATION.id(meeting.organization)
    names = known_organizations(conn, district, [organization])
    notifications = meeting_notifications(event, names.get(organization, ""), delivery.time)
    announce(conn, _announcements(conn, event, delivery, district, meeting.name, notifications))


def write_overdue_meeting_messages(conn: Connection, event: MeetingDeadlineMissed, delivery: Delivery) -> None:
    """Write to the secretary of a branch that should have met."""
    district = codes.district_of(code_in(event.organization))
    notifications = [overdue_notification(event, delivery.time)]
    announce(conn, _announcements(conn, event, delivery, district, event.organization, notifications))


def delete_expired(conn: Connection, now: datetime) -> None:
    """Delete messages that may not be kept any longer, and the facts that they were written from."""
    store.delete_expired(conn, now, _DELETED_AT_ONCE)


def _of_staff(conn: Connection, event: RoleGranted | RoleRevoked) -> bool:
    """Whether the role is one of an OA level; the event of the granting alone says so."""
    if isinstance(event, RoleGranted):
        return event.oa_level != OaLevel.OA_LEVEL_UNSPECIFIED
    id_ = GRANT.id(event.grant.name)
    return any(
        grant.oa_level != OaLevel.OA_LEVEL_UNSPECIFIED
        for grant in people.grants_of(conn, event.user)
        if grant.id == id_
    )


def _announcements(
    conn: Connection,
    event: Message,
    delivery: Delivery,
    district: str,
    subject: str,
    notifications: Iterable[Notification],
    *,
    critical: bool = False,
) -> list[store.Announcement]:
    """What each is written, in every language; who reads it has it in theirs. They keep it as long as the contract
    allows. One announcement, or none if it concerns nobody.
    """
    key = event_key(type(event))
    origin = store.Origin(
        district=district,
        item=f"m-{uuid.UUID(delivery.id).hex}",
        subject=subject,
        event=key,
        time=delivery.time,
        expire_time=delivery.time + (retention_of(type(event)) or KEPT),
        traceparent=delivery.traceparent,
        critical=critical,
    )
    addressed = [
        store.Addressed(
            each.address,
            each.recipient,
            encode(each.facts),
            {language: render(conn, district, key, each.recipient, each.facts, language) for language in LANGUAGES},
        )
        for each in notifications
    ]
    return [store.Announcement(origin, addressed)] if addressed else []
