"""What duty does when others announce something."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.border.v1.events_pb2 import AlarmAcknowledged, AlarmEnded, AlarmEscalated
from onegrid.border.v1.patrols_pb2 import Alarm
from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.duty.v1.resources_pb2 import RoleState
from onegrid.emergency.v1.events_pb2 import PlanActivated, PlanDeactivated
from onegrid.emergency.v1.plans_pb2 import PlanActivation
from onegrid.identity.v1.events_pb2 import ShiftRoleGranted, ShiftRoleRefused, UserDefined
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_duty.commands import plans
from onegrid_duty.commands.alarms import end_for_alarm, page_for_alarm, title_of
from onegrid_duty.commands.pages import end_page
from onegrid_duty.commands.watching import watch_rosters_of
from onegrid_duty.elevation import Elevation
from onegrid_duty.escalation import Cause
from onegrid_duty.roster import ROSTER, SHIFT, Person
from onegrid_duty.store import people, shifts
from onegrid_kit.events import Delivery, on
from onegrid_kit.names import code_in
from onegrid_kit.timestamps import moment

__all__ = ["HANDLERS"]


def keep_person(conn: Connection, event: UserDefined, delivery: Delivery) -> None:
    """Know who is staff, and whether they can be counted on."""
    known = Person(
        staff=event.kind == AccountKind.ACCOUNT_KIND_STAFF,
        active=event.state == UserState.USER_STATE_ACTIVE,
        reachable=event.has_phone,
    )
    if people.keep_person(conn, event.user, event.version, known):
        watch_rosters_of(conn, event.user, delivery.call())


def keep_role_state(conn: Connection, event: ShiftRoleGranted | ShiftRoleRefused, delivery: Delivery) -> None:
    """Know whether whoever is on duty holds the role of the duty."""
    granted = isinstance(event, ShiftRoleGranted)
    state = RoleState.ROLE_STATE_GRANTED if granted else RoleState.ROLE_STATE_REFUSED
    user = shifts.set_role_state(conn, SHIFT.id(event.shift), event.revision, state)
    if user and not granted:
        watch_rosters_of(conn, user, delivery.call())


def follow_plan(conn: Connection, event: PlanActivated, delivery: Delivery) -> None:
    """Page the rosters that a plan opens, and elevate whoever is on duty."""
    activation, call = event.activation, delivery.call()
    for roster in _paged(activation):
        plans.page_for_plan(conn, activation.name, roster, _title(activation), call)
    for elevation in _elevations(activation):
        plans.elevate(conn, elevation, call)


def end_plan(conn: Connection, event: PlanDeactivated, delivery: Delivery) -> None:
    """Whoever is on duty holds no more than before, and nobody else is paged."""
    activation, call = event.activation, delivery.call()
    for roster in _paged(activation):
        end_page(conn, ROSTER.id(roster), _title(activation), call, Cause(plan_activation=activation.name))
    for elevation in _elevations(activation):
        plans.end_elevation(conn, elevation, call)


def follow_alarm(conn: Connection, event: AlarmEscalated, delivery: Delivery) -> None:
    """Page the duty of an alarm, from the rung of the unit's office on."""
    alarm = event.alarm
    if alarm.roster:
        title = title_of(alarm.kind, event.unit_display_name, event.checkpoint_display_name)
        page_for_alarm(conn, _cause(alarm), alarm.roster, title, delivery.call())


def end_alarm(conn: Connection, event: AlarmAcknowledged | AlarmEnded, delivery: Delivery) -> None:
    """Nobody else is paged for it."""
    alarm = event.alarm
    if alarm.roster:
        end_for_alarm(conn, _cause(alarm), alarm.roster, title_of(alarm.kind), delivery.call())


def _cause(alarm: Alarm) -> Cause:
    return Cause(alarm=alarm.name, alarm_raise_time=moment(alarm.raise_time))


def _title(activation: PlanActivation) -> str:
    return f"{activation.display_name} {code_in(activation.incident)}"


def _paged(activation: PlanActivation) -> list[str]:
    """The rosters, whose pages are locked in order."""
    return sorted(each.roster for each in activation.rosters)


def _elevations(activation: PlanActivation) -> list[Elevation]:
    """Those of rosters, which are locked in order."""
    found = [
        Elevation(
            name=each.name,
            roster=ROSTER.id(each.elevation.holder),
            role=each.elevation.role,
            scope=each.elevation.scope,
            guarantor=activation.guarantor,
            begin=activation.activate_time.ToDatetime(UTC),
            end=activation.expire_time.ToDatetime(UTC),
        )
        for each in activation.elevations
        if each.elevation.holder.startswith("rosters/")
    ]
    return sorted(found, key=lambda each: each.roster)


HANDLERS = (
    on("follow_activated_plan", PlanActivated, follow_plan),
    on("follow_deactivated_plan", PlanDeactivated, end_plan),
    on("follow_escalated_alarm", AlarmEscalated, follow_alarm),
    on("follow_acknowledged_alarm", AlarmAcknowledged, end_alarm),
    on("follow_ended_alarm", AlarmEnded, end_alarm),
    on("keep_duty_person", UserDefined, keep_person),
    on("keep_granted_role", ShiftRoleGranted, keep_role_state),
    on("keep_refused_role", ShiftRoleRefused, keep_role_state),
)
