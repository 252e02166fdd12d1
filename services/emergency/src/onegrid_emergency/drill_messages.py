"""The contract's messages of drills."""

from __future__ import annotations

from onegrid.emergency.v1 import drills_pb2 as pb
from onegrid_emergency import plan_messages
from onegrid_emergency.drill import DRILL_TASK, Drill, DrillTask
from onegrid_emergency.plan import PLAN
from onegrid_kit.timestamps import timestamp

__all__ = ["drill", "task"]


def drill(found: Drill) -> pb.Drill:
    """The message of a drill."""
    return pb.Drill(
        name=found.name,
        plan=PLAN.name(found.plan),
        display_name=found.display_name,
        place=found.place,
        author=found.author,
        tasks=[task(found, each) for each in found.tasks],
        items=[plan_messages.item(each) for each in found.items],
        warnings=found.warnings,
        start_time=timestamp(found.start_time),
        end_time=timestamp(found.end_time),
        summary=found.summary,
    )


def task(of: Drill, found: DrillTask) -> pb.DrillTask:
    """The message of a task of a drill."""
    return pb.DrillTask(
        name=DRILL_TASK.name(of.id, found.number),
        assignee=found.assignee,
        instruction=found.instruction,
        acknowledge_due_time=timestamp(found.acknowledge_due_time),
        due_time=timestamp(found.due_time),
        acknowledge_time=timestamp(found.acknowledge_time),
        complete_time=timestamp(found.complete_time),
        report=found.report,
    )
