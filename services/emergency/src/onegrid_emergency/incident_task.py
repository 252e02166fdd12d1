"""Tasks of an incident as the rules see them, and until when each is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTaskState
from onegrid.emergency.v1.resources_pb2 import IncidentLevel
from onegrid_kit.names import ResourceName

__all__ = ["MAX_TASKS", "TASK", "Task", "acknowledge_within"]

TASK: Final = ResourceName("tasks/{task}")
MAX_TASKS: Final = 100
"""How many tasks an incident may have, ended ones included. With as many, and as many reports, each with the longest
texts, it still fits into a response.
"""
_OPEN: Final = (
    IncidentTaskState.INCIDENT_TASK_STATE_ASSIGNED,
    IncidentTaskState.INCIDENT_TASK_STATE_ACKNOWLEDGED,
)
_GRAVE: Final = (IncidentLevel.INCIDENT_LEVEL_I, IncidentLevel.INCIDENT_LEVEL_II)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What an office or a person is asked to do."""

    district: str
    id: str
    incident: str
    """The id of the incident that it belongs to now."""
    given_by: str
    """The id of the incident that gave it; where that is split off again, the task goes with it."""
    assignee: str
    """The code of an office, or ``users/{user}``."""
    instruction: str
    state: IncidentTaskState
    acknowledge_due_time: datetime
    due_time: datetime | None
    create_time: datetime
    acknowledge_time: datetime | None = None
    end_time: datetime | None = None
    report: str = ""

    @property
    def name(self) -> str:
        """``tasks/{task}``."""
        return TASK.name(self.id)

    @property
    def open(self) -> bool:
        """Whether it is still to be done."""
        return self.state in _OPEN


def acknowledge_within(level: IncidentLevel) -> timedelta:
    """How soon a task of an incident of that level is acknowledged, if who gives it does not say."""
    return timedelta(minutes=5 if level in _GRAVE else 10)
