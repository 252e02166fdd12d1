"""Plans: defined, put into effect for an incident, ended with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid.emergency.v1.plans_pb2 import ElevationState
from onegrid_emergency import incident_authority as authority
from onegrid_emergency import plan_messages
from onegrid_emergency.commands import tasks
from onegrid_emergency.commands.checklists import ticked
from onegrid_emergency.commands.incident_steps import Step, allow, require_incident, take
from onegrid_emergency.errors import (
    AssigneeUnknown,
    PlanActive,
    PlanEnded,
    PlanRetired,
    RoleNotGrantable,
    TaskLimitReached,
)
from onegrid_emergency.incident import OPEN_INCIDENTS, Incident
from onegrid_emergency.incident_authority import Standing
from onegrid_emergency.incident_lifecycle import LIFE
from onegrid_emergency.incident_task import MAX_TASKS
from onegrid_emergency.plan import (
    ACTIVATION,
    PLAN,
    Activation,
    ActiveElevation,
    PagedRoster,
    Plan,
    items_of,
)
from onegrid_emergency.store import activations, places
from onegrid_emergency.store import plans as store
from onegrid_kit import codes, ids
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.errors import Conflict, FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.names import code_in

__all__ = [
    "ActivatePlan",
    "DeactivatePlan",
    "Tick",
    "activate_matching",
    "activate_plan",
    "deactivate_plan",
    "define_plan",
    "end_all",
    "hand_over",
    "keep_elevation_state",
    "keep_page",
    "require_plan",
    "require_usable",
    "retire_plan",
    "tick",
]

_GRANTING: Final = "identity.grants.create"
"""The permission to grant roles, over the scope that they are held over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivatePlan:
    """Which plan is to be in effect."""

    incident: str
    """The incident's id."""
    plan: str
    """The plan's id."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivatePlan:
    """Which plan is to end."""

    activation: str
    """The activation's id."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Which item was done."""

    activation: str
    """The activation's id."""
    number: int
    untick: bool = False


def define_plan(conn: Connection, wanted: Plan, etag: str, call: Call) -> Plan:
    """Enter a plan, or make it what it is to be. Raises InvalidRequest, AssigneeUnknown, RoleNotGrantable or
    StaleEtag.
    """
    outside = [FieldViolation(field, f"lies outside of {wanted.district}") for field in _fields_outside(wanted)]
    if outside:
        raise InvalidRequest(*outside)
    for elevation in wanted.elevations:
        if not call.caller.may(_GRANTING, elevation.scope):
            raise RoleNotGrantable(elevation.role, elevation.scope)
    offices = [task.assignee for task in wanted.tasks if task.assignee and not task.assignee.startswith("users/")]
    known = places.office_names(conn, wanted.district, offices)
    for office in offices:
        if office not in known:
            raise AssigneeUnknown(office)
    before = store.find_plan(conn, wanted.id, lock=True)
    require_fresh(wanted.name, "" if before is None else before.etag, etag)
    after = wanted
    if before is not None:
        after = replace(wanted, sequence=before.sequence + 1, create_time=before.create_time)
    _save(conn, after)
    return after


def retire_plan(conn: Connection, id_: str, etag: str, call: Call) -> Plan:
    """End a plan: it is not activated any more. Raises NotFound or StaleEtag."""
    before = store.find_plan(conn, id_, lock=True)
    if before is None:
        raise NotFound(PLAN.name(id_))
    require_fresh(before.name, before.etag, etag)
    if before.retire_time is not None:
        return before
    after = replace(before, sequence=before.sequence + 1, retire_time=call.now, update_time=call.now)
    _save(conn, after)
    return after


def require_plan(conn: Connection, id_: str) -> Plan:
    """The plan of that id. Raises NotFound."""
    found = store.find_plan(conn, id_)
    if found is None:
        raise NotFound(PLAN.name(id_))
    return found


def require_usable(conn: Connection, id_: str, district: str) -> Plan:
    """The district's plan of that id, if it is not retired. Raises NotFound or PlanRetired."""
    plan = require_plan(conn, id_)
    if plan.district != district:
        raise NotFound(plan.name)
    if plan.retire_time is not None:
        raise PlanRetired(plan.name)
    return plan


def activate_plan(conn: Connection, command: ActivatePlan, call: Call) -> Activation:
    """Put a plan into effect (启动预案). Raises NotFound, PlanRetired, PlanActive or TaskLimitReached."""
    before = require_incident(conn, command.incident, call)
    after, who = allow(before, call, IncidentAction.INCIDENT_ACTION_ACTIVATE_PLAN)
    plan = require_usable(conn, command.plan, before.district)
    for each in activations.open_activations(conn, before.id):
        if each.plan == plan.id:
            raise PlanActive(each.name)
    if not _fits(before, plan):
        raise TaskLimitReached(len(before.tasks) + len(plan.tasks), MAX_TASKS)
    return _activate(conn, call, after, plan, who, command.note)[1]


def activate_matching(conn: Connection, incident: Incident, call: Call) -> Incident:
    """Put the plans into effect that are for such an incident, and activate themselves; the incident as it is then."""
    if incident.state not in OPEN_INCIDENTS:
        return incident
    candidates = [
        plan
        for plan in store.automatic_plans(conn, incident.district, incident.kind, incident.level)
        if plan.matches(incident)
    ]
    known = activations.plans_activated(conn, incident.id) if candidates else frozenset()
    for plan in candidates:
        if plan.id not in known and _fits(incident, plan):
            by_itself = replace(call, caller=ANONYMOUS)
            incident, _ = _activate(conn, by_itself, incident, plan, authority.SYSTEM, "")
    return incident


def deactivate_plan(conn: Connection, command: DeactivatePlan, call: Call) -> Activation:
    """End a plan (终止预案). Raises PlanEnded."""
    incident, activation = _current(conn, command.activation, call)
    after, who = allow(incident, call, IncidentAction.INCIDENT_ACTION_DEACTIVATE_PLAN)
    _require_open(activation)
    return _end(conn, call, after, activation, who, command.reason)[1]


def end_all(conn: Connection, call: Call, incident: Incident, who: Standing) -> Incident:
    """End the plans of an incident that is to end; the incident as it is then."""
    for activation in activations.open_activations(conn, incident.id):
        incident, _ = _end(conn, call, incident, activation, who, "")
    return incident


def hand_over(conn: Connection, call: Call, merged: Incident, into: str, who: Standing) -> Incident:
    """Have the plans of an incident go on for the one that it is merged into; one that both have goes on once."""
    there = {each.plan for each in activations.open_activations(conn, into)}
    for activation in activations.open_activations(conn, merged.id):
        if activation.plan in there:
            merged, _ = _end(conn, call, merged, activation, who, "")
        else:
            activations.update_activation(conn, replace(activation, incident=into))
    return merged


def tick(conn: Connection, command: Tick, call: Call) -> Activation:
    """Tick an item of a checklist (勾选), or take the tick back. Raises InvalidRequest or PlanEnded."""
    action = IncidentAction.INCIDENT_ACTION_TICK
    incident, activation = _current(conn, command.activation, call)
    who = authority.of_participant(call, incident, action)
    state = LIFE.advance(incident.state, action, who.actor)
    _require_open(activation)
    item, items = ticked(activation.name, activation.items, command.number, call, untick=command.untick)
    if items == activation.items:
        return activation
    after = replace(activation, items=items)
    activations.update_activation(conn, after)
    take(
        conn,
        call,
        replace(incident, state=state),
        Step(action, who, item.text, plan_activation=activation.name),
        lambda step: events_pb2.ChecklistItemTicked(
            step=step, activation=activation.name, item=plan_messages.item(item)
        ),
    )
    return after


def keep_elevation_state(
    conn: Connection, activation: str, number: int, state: ElevationState, reason: str = ""
) -> None:
    """Know what identity made of an elevation."""
    found = activations.lock_activation(conn, activation)
    if found is not None:
        activations.update_activation(conn, found.with_elevation(number, state, reason))


def keep_page(conn: Connection, activation: str, result: PagedRoster) -> None:
    """Know what duty made of a roster that was to be paged."""
    found = activations.lock_activation(conn, activation)
    if found is not None:
        activations.update_activation(conn, found.with_page(result))


def _activate(
    conn: Connection, call: Call, incident: Incident, plan: Plan, who: Standing, note: str
) -> tuple[Incident, Activation]:
    given = []
    for template in plan.tasks:
        task = tasks.new_task(
            incident,
            template.assignee_at(incident.place),
            template.instruction,
            template.acknowledge_within,
            template.due_time(call.now),
            call.now,
        )
        incident = tasks.give(conn, call, incident, task, who)
        given.append(task.name)
    activation = Activation(
        district=incident.district,
        id=f"{incident.district}-{ids.new_id()}",
        plan=plan.id,
        display_name=plan.display_name,
        incident=incident.id,
        activator=call.caller.user,
        guarantor=plan.definer,
        tasks=tuple(given),
        items=items_of(plan.checklists),
        elevations=tuple(ActiveElevation(elevation=each) for each in plan.elevations),
        rosters=tuple(PagedRoster(roster=each) for each in plan.rosters),
        notice=plan.notice_at(incident.place),
        activate_time=call.now,
        expire_time=call.now + plan.elevate_at_most,
    )
    activations.insert_activation(conn, activation)
    text = "\n".join(each for each in (plan.display_name, note) if each)
    message = plan_messages.activation(activation)
    after = take(
        conn,
        call,
        incident,
        Step(IncidentAction.INCIDENT_ACTION_ACTIVATE_PLAN, who, text, plan_activation=activation.name),
        lambda step: events_pb2.PlanActivated(step=step, activation=message),
    )
    return after, activation


def _end(
    conn: Connection, call: Call, incident: Incident, activation: Activation, who: Standing, reason: str
) -> tuple[Incident, Activation]:
    ended = replace(activation, end_time=call.now)
    activations.update_activation(conn, ended)
    text = "\n".join(each for each in (activation.display_name, reason) if each)
    message = plan_messages.activation(ended)
    after = take(
        conn,
        call,
        incident,
        Step(IncidentAction.INCIDENT_ACTION_DEACTIVATE_PLAN, who, text, plan_activation=activation.name),
        lambda step: events_pb2.PlanDeactivated(step=step, activation=message),
    )
    return after, ended


def _current(conn: Connection, id_: str, call: Call) -> tuple[Incident, Activation]:
    """The activation and its incident, which no other step can change until the transaction ends."""
    found = call.existing(activations.find_activation(conn, id_), ACTIVATION, id_)
    incident = require_incident(conn, found.incident, call)
    locked = activations.lock_activation(conn, id_)
    if locked is None or locked.incident != incident.id:
        # It was handed over to another incident meanwhile.
        raise Conflict
    return incident, locked


def _require_open(activation: Activation) -> None:
    if activation.end_time is not None:
        raise PlanEnded(activation.name)


def _fits(incident: Incident, plan: Plan) -> bool:
    return len(incident.tasks) + len(plan.tasks) <= MAX_TASKS


def _save(conn: Connection, after: Plan) -> None:
    if not store.save_plan(conn, after):
        # Somebody else entered it at the same moment.
        raise Conflict


def _fields_outside(plan: Plan) -> Iterator[str]:
    """The fields that name something of another district."""
    named = [
        *((f"plan.tasks[{i}].assignee", each.assignee) for i, each in enumerate(plan.tasks)),
        *((f"plan.elevations[{i}].holder", each.holder) for i, each in enumerate(plan.elevations)),
        *((f"plan.elevations[{i}].scope", each.scope) for i, each in enumerate(plan.elevations)),
        *((f"plan.rosters[{i}]", each) for i, each in enumerate(plan.rosters)),
        *((f"plan.notice.places[{i}]", each) for i, each in enumerate(plan.notice.places if plan.notice else ())),
    ]
    for field, value in named:
        code = "" if value.startswith("users/") else code_in(value)
        if code and codes.district_of(code) != plan.district:
            yield field
