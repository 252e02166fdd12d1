"""What notify does when others announce something."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection

from onegrid.border.v1 import events_pb2 as border_events
from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.duty.v1 import events_pb2 as duty_events
from onegrid.emergency.v1.events_pb2 import (
    IncidentDeadlineMissed,
    IncidentReported,
    PlanActivated,
    PlanDeactivated,
    ResourceReserved,
    StockRunDown,
    TaskAssigned,
    WarningCancelled,
    WarningIssued,
    WarningUpdated,
)
from onegrid.grid.v1.events_pb2 import AppointmentEnded, CellDefined, DivisionDefined
from onegrid.identity.v1 import resources_pb2
from onegrid.identity.v1.events_pb2 import DepartmentDefined, OneTimeCodeIssued, RoleGranted, RoleRevoked, UserDefined
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid.partyedu.v1 import events_pb2 as partyedu_events
from onegrid.petition.v1 import events_pb2 as petition_events
from onegrid_kit import codes
from onegrid_kit.events import Delivery, on, on_many, on_personal
from onegrid_notify.commands import aid, party, people, warnings
from onegrid_notify.commands.messages import (
    write_appointment_messages,
    write_call_messages,
    write_duty_messages,
    write_ended_appointment_message,
    write_guidance_messages,
    write_incident_messages,
    write_meeting_messages,
    write_overdue_meeting_messages,
    write_patrol_messages,
    write_petition_messages,
    write_role_messages,
    write_shortage_message,
    write_study_messages,
)
from onegrid_notify.memberships import FOREVER, Grant, Version
from onegrid_notify.notifications import GRANT
from onegrid_notify.one_time_codes import send_one_time_code
from onegrid_notify.party import MEMBER, ORGANIZATION, Announced, MemberVersion, OrganizationVersion, Post
from onegrid_notify.store import places

__all__ = ["HANDLERS"]

_AidStep = (
    petition_events.PetitionFiled
    | petition_events.PetitionDeclined
    | petition_events.PetitionRated
    | petition_events.PetitionVerified
    | petition_events.PetitionWithdrawn
    | petition_events.PetitionClosed
)
"""The steps in which a petition begins and those in which it may end."""


def keep_user(conn: Connection, event: UserDefined, delivery: Delivery) -> None:
    """Know where a person is at home, and until when they were where they were before."""
    version = Version(
        version=event.version,
        time=_moment(event.update_time) if event.HasField("update_time") else delivery.time,
        kind=event.kind,
        district=event.district,
        home=event.home,
        active=event.state == UserState.USER_STATE_ACTIVE,
    )
    people.keep_version(conn, event.user, version)


def keep_grant(conn: Connection, event: RoleGranted, _: Delivery) -> None:
    """Know where a person belongs by a role, and from when until when."""
    if event.scope != codes.SELF:
        people.keep_grant(conn, event.user, _grant(event.grant, event.oa_level, FOREVER))


def end_grant(conn: Connection, event: RoleRevoked, delivery: Delivery) -> None:
    """Know when a person ceased to belong somewhere by a role."""
    if event.scope != codes.SELF:
        people.keep_grant(conn, event.user, _grant(event.grant, OaLevel.OA_LEVEL_UNSPECIFIED, delivery.time))


def keep_division(conn: Connection, event: DivisionDefined, _: Delivery) -> None:
    """Keep a division's code and name."""
    places.keep_place(conn, event.code, event.version, event.display_name)


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Keep a cell's code and name."""
    places.keep_place(conn, event.code, event.version, event.display_name)


def keep_department(conn: Connection, event: DepartmentDefined, _: Delivery) -> None:
    """Keep a department's code and name."""
    places.keep_department(conn, event.code, event.version, event.display_name)


def keep_members(conn: Connection, events: Sequence[tuple[partyedu_events.MemberDefined, Delivery]]) -> None:
    """Know with which account members of the Party belong to which organization."""
    party.keep_members(conn, [(MEMBER.id(event.member), _member(event, delivery)) for event, delivery in events])


def keep_organizations(
    conn: Connection, events: Sequence[tuple[partyedu_events.OrganizationDefined, Delivery]]
) -> None:
    """Know which organization of the Party stands below which, and who holds its posts."""
    party.keep_organizations(conn, [_organization(event) for event, _ in events])


def follow_aid_request(conn: Connection, event: _AidStep, _: Delivery) -> None:
    """Know which petition a request for aid became, and when that ends."""
    aid.follow_petition(conn, event.step)


def _member(event: partyedu_events.MemberDefined, delivery: Delivery) -> MemberVersion:
    return MemberVersion(
        version=event.version,
        time=_moment(event.update_time) if event.HasField("update_time") else delivery.time,
        user=event.user,
        state=event.state,
        organization=ORGANIZATION.id(event.organization),
    )


def _organization(event: partyedu_events.OrganizationDefined) -> Announced:
    of = event.organization
    officers = (
        Post(
            post=each.post,
            member=MEMBER.id(each.member),
            begin=_moment(each.begin_time),
            end=_moment(each.end_time) if each.HasField("end_time") else FOREVER,
        )
        for each in of.term.officers
    )
    return Announced(
        id=ORGANIZATION.id(of.name),
        version=OrganizationVersion(
            version=event.version,
            time=_moment(of.update_time),
            term=int(of.term.name.rpartition("/")[2]) if of.HasField("term") else 0,
            term_begin=_moment(of.term.begin_time),
            officers=tuple(officers),
        ),
        parent=ORGANIZATION.id(of.parent) if of.parent else "",
        display_name=of.display_name,
        dissolved=of.HasField("dissolve_time"),
    )


def _grant(grant: resources_pb2.Grant, level: OaLevel, end: datetime) -> Grant:
    """The grant, which ends at this moment if its period does not end before."""
    create_time = _moment(grant.create_time)
    return Grant(
        id=GRANT.id(grant.name),
        role=grant.role,
        scope=grant.scope,
        oa_level=level,
        begin=max(create_time, _moment(grant.begin_time)) if grant.HasField("begin_time") else create_time,
        end=min(end, _moment(grant.expire_time)) if grant.HasField("expire_time") else end,
    )


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(UTC)


HANDLERS = (
    on("keep_user", UserDefined, keep_user),
    on("keep_grant", RoleGranted, keep_grant),
    on("end_grant", RoleRevoked, end_grant),
    on("keep_division", DivisionDefined, keep_division),
    on("keep_cell", CellDefined, keep_cell),
    on("keep_department", DepartmentDefined, keep_department),
    on_many("keep_party_member", partyedu_events.MemberDefined, keep_members, in_turn=True),
    on_many("keep_party_organization", partyedu_events.OrganizationDefined, keep_organizations, in_turn=True),
    on("message_role_granted", RoleGranted, write_role_messages),
    on("message_role_revoked", RoleRevoked, write_role_messages),
    on("message_cell_appointments", CellDefined, write_appointment_messages),
    on("message_appointment_ended", AppointmentEnded, write_ended_appointment_message),
    on("message_shift_reminded", duty_events.ShiftReminded, write_duty_messages),
    on("message_gap_detected", duty_events.GapDetected, write_duty_messages),
    on("message_swap_proposed", duty_events.SwapProposed, write_duty_messages),
    on("message_swap_accepted", duty_events.SwapAccepted, write_duty_messages),
    on("message_swap_declined", duty_events.SwapDeclined, write_duty_messages),
    on("message_resource_reserved", ResourceReserved, write_call_messages),
    on("message_stock_run_down", StockRunDown, write_shortage_message),
    on("message_incident_reported", IncidentReported, write_incident_messages),
    on("message_incident_task_assigned", TaskAssigned, write_incident_messages),
    on("message_incident_deadline_missed", IncidentDeadlineMissed, write_incident_messages),
    on("message_patrol_planned", border_events.PatrolPlanned, write_patrol_messages),
    on("message_patrol_cancelled", border_events.PatrolCancelled, write_patrol_messages),
    on("message_patrol_alarm_escalated", border_events.AlarmEscalated, write_patrol_messages),
    on("message_welfare_check_requested", border_events.WelfareCheckRequested, write_patrol_messages),
    on("message_guidance_issued", partyedu_events.GuidanceTaskIssued, write_guidance_messages),
    on("message_guidance_withdrawn", partyedu_events.GuidanceTaskWithdrawn, write_guidance_messages),
    on("message_guidance_neared", partyedu_events.GuidanceDeadlineNeared, write_guidance_messages),
    on("message_guidance_missed", partyedu_events.GuidanceDeadlineMissed, write_guidance_messages),
    on("message_guidance_reported", partyedu_events.GuidanceReported, write_guidance_messages),
    on("message_guidance_returned", partyedu_events.GuidanceReportReturned, write_guidance_messages),
    on("message_meeting_scheduled", partyedu_events.MeetingScheduled, write_meeting_messages),
    on("message_meeting_changed", partyedu_events.MeetingChanged, write_meeting_messages),
    on("message_meeting_cancelled", partyedu_events.MeetingCancelled, write_meeting_messages),
    on("message_meeting_missed", partyedu_events.MeetingDeadlineMissed, write_overdue_meeting_messages),
    on("message_rung_reached", duty_events.RungReached, write_duty_messages),
    on("message_page_ended", duty_events.PageEnded, write_duty_messages),
    on("message_handover_written", duty_events.HandoverWritten, write_duty_messages),
    on("message_study_reminder_issued", partyedu_events.StudyReminderIssued, write_study_messages),
    on("message_handover_forgotten", duty_events.HandoverForgotten, write_duty_messages),
    on_personal("send_one_time_code", OneTimeCodeIssued, send_one_time_code),
    on_many("message_petition_filed", petition_events.PetitionFiled, write_petition_messages),
    on_many("message_petition_accepted", petition_events.PetitionAccepted, write_petition_messages),
    on_many("message_petition_declined", petition_events.PetitionDeclined, write_petition_messages),
    on_many("message_petition_dispatched", petition_events.PetitionDispatched, write_petition_messages),
    on_many("message_petition_rescheduled", petition_events.PetitionRescheduled, write_petition_messages),
    on_many("message_petition_extended", petition_events.PetitionExtended, write_petition_messages),
    on_many("message_petition_deadline_neared", petition_events.PetitionDeadlineNeared, write_petition_messages),
    on_many("message_petition_deadline_missed", petition_events.PetitionDeadlineMissed, write_petition_messages),
    on_many("message_task_taken", petition_events.TaskTaken, write_petition_messages),
    on_many("message_task_returned", petition_events.TaskReturned, write_petition_messages),
    on_many("message_task_reported", petition_events.TaskReported, write_petition_messages),
    on_many("message_task_concluded", petition_events.TaskConcluded, write_petition_messages),
    on_many("message_petition_rated", petition_events.PetitionRated, write_petition_messages),
    on_many("message_petition_verified", petition_events.PetitionVerified, write_petition_messages),
    on_many("message_petition_withdrawn", petition_events.PetitionWithdrawn, write_petition_messages),
    on_many("message_petition_closed", petition_events.PetitionClosed, write_petition_messages),
    on("notice_warning_issued", WarningIssued, warnings.notice_warning),
    on("notice_warning_updated", WarningUpdated, warnings.notice_warning),
    on("notice_warning_cancelled", WarningCancelled, warnings.withdraw_warning),
    on("notice_plan_activated", PlanActivated, warnings.notice_plan),
    on("withdraw_plan_deactivated", PlanDeactivated, warnings.withdraw_plan),
    on("follow_aid_request_filed", petition_events.PetitionFiled, follow_aid_request),
    on("follow_aid_request_declined", petition_events.PetitionDeclined, follow_aid_request),
    on("follow_aid_request_rated", petition_events.PetitionRated, follow_aid_request),
    on("follow_aid_request_verified", petition_events.PetitionVerified, follow_aid_request),
    on("follow_aid_request_withdrawn", petition_events.PetitionWithdrawn, follow_aid_request),
    on("follow_aid_request_closed", petition_events.PetitionClosed, follow_aid_request),
)
