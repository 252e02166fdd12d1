"""Between the contract's messages on plans and the rules' values."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from google.protobuf.duration_pb2 import Duration

from onegrid.emergency.v1 import plans_pb2 as pb
from onegrid_emergency.incident import INCIDENT
from onegrid_emergency.plan import (
    DEFAULT_ELEVATE_AT_MOST,
    ELEVATION,
    PLAN,
    Activation,
    ActiveElevation,
    Checklist,
    Elevation,
    Item,
    Notice,
    PagedRoster,
    Plan,
    PlanTask,
)
from onegrid_kit.timestamps import timestamp

__all__ = ["activation", "item", "plan", "plan_of"]


def plan(found: Plan) -> pb.Plan:
    """The message of a plan."""
    message = pb.Plan(
        name=found.name,
        display_name=found.display_name,
        kind=found.kind,
        level=found.level,
        automatic=found.automatic,
        tasks=[_task(each) for each in found.tasks],
        checklists=[pb.Checklist(title=each.title, items=each.items) for each in found.checklists],
        elevations=[pb.PlanElevation(**asdict(each)) for each in found.elevations],
        rosters=found.rosters,
        notice=_notice(found.notice),
        definer=found.definer,
        retire_time=timestamp(found.retire_time),
        create_time=timestamp(found.create_time),
        update_time=timestamp(found.update_time),
        etag=found.etag,
    )
    message.elevate_at_most.FromTimedelta(found.elevate_at_most)
    return message


def plan_of(message: pb.Plan, definer: str, now: datetime) -> Plan:
    """A plan as a message has it, if it is entered now."""
    lasts = message.elevate_at_most.ToTimedelta() if message.HasField("elevate_at_most") else DEFAULT_ELEVATE_AT_MOST
    notice = message.notice
    return Plan(
        id=PLAN.id(message.name),
        display_name=message.display_name,
        kind=message.kind,
        level=message.level,
        automatic=message.automatic,
        tasks=tuple(_task_of(each) for each in message.tasks),
        checklists=tuple(Checklist(each.title, tuple(each.items)) for each in message.checklists),
        elevations=tuple(Elevation(each.holder, each.role, each.scope) for each in message.elevations),
        elevate_at_most=lasts,
        rosters=tuple(message.rosters),
        notice=Notice(notice.headline, notice.text, tuple(notice.places)) if message.HasField("notice") else None,
        definer=definer,
        create_time=now,
        update_time=now,
    )


def activation(found: Activation) -> pb.PlanActivation:
    """The message of an activation."""
    return pb.PlanActivation(
        name=found.name,
        plan=PLAN.name(found.plan),
        display_name=found.display_name,
        incident=INCIDENT.name(found.incident),
        activator=found.activator,
        guarantor=found.guarantor,
        tasks=found.tasks,
        items=[item(each) for each in found.items],
        elevations=[_elevation(found.id, number, each) for number, each in enumerate(found.elevations, 1)],
        rosters=[_roster(each) for each in found.rosters],
        notice=_notice(found.notice),
        activate_time=timestamp(found.activate_time),
        expire_time=timestamp(found.expire_time),
        end_time=timestamp(found.end_time),
    )


def item(found: Item) -> pb.ChecklistItem:
    """The message of an item of a checklist."""
    return pb.ChecklistItem(
        number=found.number,
        checklist=found.checklist,
        text=found.text,
        ticked_by=found.ticked_by,
        tick_time=timestamp(found.tick_time),
    )


def _elevation(activation_id: str, number: int, found: ActiveElevation) -> pb.ActiveElevation:
    return pb.ActiveElevation(
        name=ELEVATION.name(activation_id, number),
        elevation=pb.PlanElevation(**asdict(found.elevation)),
        state=found.state,
        reason=found.reason,
    )


def _roster(found: PagedRoster) -> pb.PagedRoster:
    return pb.PagedRoster(**asdict(found))


def _notice(found: Notice | None) -> pb.PlanNotice | None:
    if found is None:
        return None
    return pb.PlanNotice(headline=found.headline, text=found.text, places=found.places)


def _task(found: PlanTask) -> pb.PlanTask:
    return pb.PlanTask(
        assignee=found.assignee,
        office=found.office,
        instruction=found.instruction,
        acknowledge_within=_duration(found.acknowledge_within_s),
        due_after=_duration(found.due_after_s),
    )


def _task_of(message: pb.PlanTask) -> PlanTask:
    return PlanTask(
        assignee=message.assignee,
        office=message.office,
        instruction=message.instruction,
        acknowledge_within_s=message.acknowledge_within.seconds,
        due_after_s=message.due_after.seconds,
    )


def _duration(seconds: int) -> Duration | None:
    return Duration(seconds=seconds) if seconds else None
