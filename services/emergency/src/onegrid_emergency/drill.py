"""Drills: plans that are practised. They know nothing of incidents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid_emergency.plan import Item, Plan, items_of
from onegrid_kit import codes
from onegrid_kit.names import ResourceName

__all__ = ["DRILL", "DRILL_TASK", "Drill", "DrillTask", "begun"]

DRILL: Final = ResourceName("drills/{drill}")
DRILL_TASK: Final = ResourceName("drills/{drill}/tasks/{task}")
_ACKNOWLEDGE_WITHIN: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillTask:
    """What is to be done in a drill."""

    number: int
    assignee: str
    """The code of an office, or ``users/{user}``."""
    instruction: str
    acknowledge_due_time: datetime
    due_time: datetime | None
    acknowledge_time: datetime | None = None
    complete_time: datetime | None = None
    report: str = ""

    def acknowledged(self, now: datetime) -> DrillTask:
        """The task once it is acknowledged, now or before."""
        return replace(self, acknowledge_time=self.acknowledge_time or now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A plan that is practised (应急演练)."""

    district: str
    id: str
    plan: str
    """The plan's id."""
    display_name: str
    place: str
    author: str
    """``users/{user}``."""
    tasks: tuple[DrillTask, ...]
    items: tuple[Item, ...]
    warnings: tuple[str, ...] = ()
    """``warnings/{warning}``: the exercises that were issued."""
    start_time: datetime
    end_time: datetime | None = None
    summary: str = ""

    @property
    def name(self) -> str:
        """``drills/{drill}``."""
        return DRILL.name(self.id)

    def task(self, number: int) -> DrillTask | None:
        """The task of that number."""
        return next((each for each in self.tasks if each.number == number), None)

    def with_task(self, task: DrillTask) -> Drill:
        """The drill once this is a task of it."""
        return replace(self, tasks=tuple(task if each.number == task.number else each for each in self.tasks))


def begun(plan: Plan, id_: str, place: str, display_name: str, author: str, now: datetime) -> Drill:
    """A drill of a plan that begins now."""
    tasks = [
        DrillTask(
            number=number,
            assignee=each.assignee_at(place),
            instruction=each.instruction,
            acknowledge_due_time=now + (each.acknowledge_within or _ACKNOWLEDGE_WITHIN),
            due_time=each.due_time(now),
        )
        for number, each in enumerate(plan.tasks, 1)
    ]
    return Drill(
        district=codes.district_of(place),
        id=id_,
        plan=plan.id,
        display_name=display_name,
        place=place,
        author=author,
        tasks=tuple(tasks),
        items=items_of(plan.checklists),
        start_time=now,
    )
