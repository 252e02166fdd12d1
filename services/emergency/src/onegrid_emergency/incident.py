"""Incidents and reports as the rules see them: frozen, and changed only into others."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentActor, IncidentDeadline
from onegrid.emergency.v1.resources_pb2 import Confidence, IncidentKind, IncidentLevel, IncidentState, Source
from onegrid_emergency.incident_task import Task
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName

__all__ = [
    "INCIDENT",
    "MAX_REPORTS",
    "OPEN_INCIDENTS",
    "REPORT",
    "Command",
    "Entry",
    "Grading",
    "Incident",
    "Post",
    "Report",
    "Review",
]

OPEN_INCIDENTS: Final = (IncidentState.INCIDENT_STATE_REPORTED, IncidentState.INCIDENT_STATE_RESPONDING)
"""Where an incident stands until it is over: alarms join it, plans take effect and resources are reserved for it."""
MAX_REPORTS: Final = 100
"""How many reports an incident may be made of."""
INCIDENT: Final = ResourceName("incidents/{incident}")
REPORT: Final = ResourceName("reports/{report}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one source says."""

    district: str
    id: str
    incident: str
    """The id of the incident that it belongs to now."""
    kind: IncidentKind
    text: str
    place: str
    location: Location | None
    address: str
    source: Source
    reporter: str
    """``users/{user}``; empty for what no person reported."""
    occur_time: datetime
    create_time: datetime
    source_name: str = ""
    """What it was made of at another service; see `commands.sources`."""
    level: IncidentLevel = IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
    """How grave it seemed to the office that reported it."""
    home: str = ""
    """The id of the incident that it belonged to before that was merged; where it goes if it is split off again."""

    @property
    def name(self) -> str:
        """``reports/{report}``."""
        return REPORT.name(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """How grave an incident was found to be."""

    level: IncidentLevel
    reason: str
    grader: str
    """``users/{user}``."""
    office: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """A post of the command."""

    title: str
    holder: str
    """``users/{user}``, or the code of an office."""


@dataclass(frozen=True, slots=True)
class Command:
    """Who commands on the ground (现场指挥部)."""

    commander: str
    """``users/{user}``."""
    posts: tuple[Post, ...] = ()

    @property
    def holders(self) -> frozenset[str]:
        """All who take part: users and offices."""
        return frozenset({self.commander, *(post.holder for post in self.posts)})


@dataclass(frozen=True, slots=True)
class Review:
    """What was learned."""

    summary: str
    lessons: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An emergency, from its first report until its review."""

    district: str
    id: str
    sequence: int = 1
    """How many steps it has taken: its version."""
    kind: IncidentKind
    category: str = ""
    """What it is within its kind, in the words of GB/T 35561."""
    confidence: Confidence = Confidence.CONFIDENCE_UNVERIFIED
    state: IncidentState = IncidentState.INCIDENT_STATE_REPORTED
    place: str
    location: Location | None
    reports: tuple[Report, ...] = field(default=())
    """The oldest first."""
    occur_time: datetime
    create_time: datetime
    update_time: datetime
    grading: Grading | None = None
    """The last one."""
    command: Command | None = None
    respond_time: datetime | None = None
    clear_time: datetime | None = None
    review: Review | None = None
    merged_into: str = ""
    """The id of the incident that it is part of."""
    tasks: tuple[Task, ...] = field(default=())
    """The oldest first."""
    situation_due_time: datetime | None = None
    """Until when the situation must be reported upward next."""
    situation_reports: int = 0
    """How many reports of the situation were made."""
    final_report: bool = False
    """Whether the final one was made since the last all clear."""

    @property
    def name(self) -> str:
        """``incidents/{incident}``."""
        return INCIDENT.name(self.id)

    @property
    def level(self) -> IncidentLevel:
        """How grave it is; unspecified until it is graded."""
        return self.grading.level if self.grading else IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED

    @property
    def sources(self) -> tuple[str, ...]:
        """What others know of it as."""
        return tuple(report.source_name for report in self.reports if report.source_name)

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        """What is still to be done."""
        return tuple(task for task in self.tasks if task.open)

    @property
    def commander(self) -> str:
        """Who commands: ``users/{user}``; empty until somebody takes charge."""
        return self.command.commander if self.command else ""

    @property
    def etag(self) -> str:
        """Changes with every step."""
        return str(self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step in an incident's timeline."""

    sequence: int
    time: datetime
    action: IncidentAction
    actor: IncidentActor
    user: str = ""
    """``users/{user}``; empty for what no person did."""
    office: str = ""
    office_display_name: str = ""
    state: IncidentState
    level: IncidentLevel
    note: str = ""
    task: str = ""
    """``tasks/{task}``."""
    other_incident: str = ""
    """``incidents/{incident}``, for a merge or split."""
    reports: tuple[str, ...] = ()
    """``reports/{report}``."""
    situation_report: str = ""
    """``incidents/{incident}/situationReports/{number}``."""
    deadline: IncidentDeadline = IncidentDeadline.INCIDENT_DEADLINE_UNSPECIFIED
    recipient: str = ""
    """Who was reminded: ``users/{user}``, or the code of an office."""
    plan_activation: str = ""
    """``planActivations/{activation}``."""
