"""A petition as the rules see it: frozen, and changed only into another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from google.protobuf.message import Message

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.petition.v1.resources_pb2 import Action, Actor, Kind, Part, State, TaskState
from onegrid_kit import codes
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.incidents import Incident
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName
from onegrid_petition import deadlines, lifecycle
from onegrid_petition.deadlines import Promise
from onegrid_petition.errors import (
    AssigneeBusy,
    DeadlinePassed,
    EmergencyReported,
    ExtendedAlready,
    TaskLimitReached,
    TasksOpen,
)

__all__ = [
    "MAX_TASKS",
    "PETITION",
    "TASK",
    "WORK_ITEM",
    "Attachment",
    "Decision",
    "Entry",
    "Known",
    "Petition",
    "Rating",
    "Task",
    "WorkItem",
    "first_asked",
    "new_tasks",
]

PETITION: Final = ResourceName("petitions/{petition}")
TASK: Final = ResourceName("petitions/{petition}/tasks/{task}")
WORK_ITEM: Final = ResourceName("workItems/{item}")
MAX_TASKS: Final = 100
"""How many tasks a petition may have, returned ones included. With as many, each with the longest instruction and
answer, it still fits into a response.
"""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is known of a file."""

    filename: str
    media_type: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Rating:
    """A rating of the outcome."""

    satisfied: bool
    stars: int
    comment: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One assignee's part of a petition."""

    number: int
    assignee: str
    part: Part
    state: TaskState
    instruction: str = ""
    answer: str = ""
    """The note for the petitioner when it was concluded."""
    return_reason: str = ""
    """Why it was returned; for the offices alone."""
    due_time: datetime
    create_time: datetime
    take_time: datetime | None = None
    end_time: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether the task is still to be done."""
        return self.state in lifecycle.TASKS.open

    @property
    def actor(self) -> Actor:
        """In what capacity its assignee acts."""
        return Actor.ACTOR_LEAD if self.part == Part.PART_LEAD else Actor.ACTOR_ASSISTANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Petition:
    """A request to the district, and its handling."""

    district: str
    id: str
    kind: Kind
    state: State
    text: str
    petitioner: str
    petitioner_kind: AccountKind
    organization: str = ""
    anonymous: bool = False
    sealed_phone: bytes | None = None
    """Where the petitioner can be called, encrypted."""
    place: str
    location: Location | None = None
    address: str = ""
    grid_worker: str = ""
    attachments: tuple[Attachment, ...] = ()
    work_item: str = ""
    responsible: str
    tasks: tuple[Task, ...] = ()
    rating: Rating | None = None
    verification: Rating | None = None
    reopen_count: int = 0
    accept_due_time: datetime
    accept_time: datetime | None = None
    promise: Promise | None = None
    """What its work item promises."""
    conclude_due_time: datetime | None = None
    conclude_due_estimated: bool = False
    extend_time: datetime | None = None
    """When its time limit was extended."""
    create_time: datetime
    update_time: datetime
    conclude_time: datetime | None = None
    end_reason: str = ""
    origin: str = ""
    """The request for aid that it was filed for: ``aidRequests/{request}``."""
    emergency_report_time: datetime | None = None
    """When it was reported as an emergency."""
    incident: Incident | None = None
    """The one that it is part of."""
    sequence: int = 1
    """The number of its last step, which is its version too."""

    @property
    def name(self) -> str:
        """``petitions/{petition}``."""
        return PETITION.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every step."""
        return str(self.sequence)

    @property
    def running_due_time(self) -> datetime | None:
        """Until when it must be accepted, while it is filed, or concluded, while it is under way; else None."""
        if self.state == State.STATE_FILED:
            return self.accept_due_time
        return self.conclude_due_time if self.state in lifecycle.UNDER_WAY else None

    @property
    def lead(self) -> Task | None:
        """The lead task that counts: the last that was given and not returned."""
        return next(
            (
                task
                for task in reversed(self.tasks)
                if task.part == Part.PART_LEAD and task.state != TaskState.TASK_STATE_RETURNED
            ),
            None,
        )

    @property
    def assignees(self) -> tuple[str, ...]:
        """The offices that have a task of it, the lead first."""
        if not self.tasks:
            return ()
        held = [task for task in self.tasks if task.state != TaskState.TASK_STATE_RETURNED]
        return tuple(dict.fromkeys(t.assignee for t in sorted(held, key=lambda t: (t.part, t.number))))

    def task(self, number: int) -> Task | None:
        """The task of that number."""
        return self.tasks[number - 1] if 0 < number <= len(self.tasks) else None

    def with_task(self, task: Task) -> Petition:
        """The same with this task in the place of the one with its number."""
        tasks = tuple(task if other.number == task.number else other for other in self.tasks)
        return replace(self, tasks=tasks)

    def without_open_tasks(self, now: datetime) -> Petition:
        """The same with its open tasks cancelled."""
        return replace(
            self,
            tasks=tuple(
                replace(task, state=TaskState.TASK_STATE_CANCELLED, end_time=now) if task.open else task
                for task in self.tasks
            ),
        )

    def handed_back(self) -> Petition:
        """The same with its lead at work again, after a rating that was not satisfied."""
        lead = self.lead
        assert lead is not None, "a concluded petition has a lead"
        due = self.conclude_due_time or lead.due_time
        again = self.with_task(replace(lead, state=TaskState.TASK_STATE_TAKEN, due_time=due))
        return replace(again, reopen_count=self.reopen_count + 1)

    def with_deadline(self) -> Petition:
        """The same with the deadline that acceptance, promise and extension make, for itself and for its open tasks."""
        # Releases that did not keep the time of acceptance may still run beside this one.
        accepted, extended = self.accept_time or self.create_time, self.extend_time is not None
        due = deadlines.conclude_due(accepted, self.promise, extended=extended)
        tasks = tuple(replace(task, due_time=due.time) if task.open else task for task in self.tasks)
        return replace(self, conclude_due_time=due.time, conclude_due_estimated=due.estimated, tasks=tasks)

    def extended(self, now: datetime) -> Petition:
        """The same with its time limit extended. Raises ExtendedAlready, or DeadlinePassed."""
        if self.extend_time is not None:
            raise ExtendedAlready(self.extend_time)
        if self.conclude_due_time is not None and self.conclude_due_time <= now:
            raise DeadlinePassed(self.conclude_due_time)
        return replace(self, extend_time=now).with_deadline()

    def reported_as_emergency(self, now: datetime) -> Petition:
        """The same, reported as an emergency. Raises EmergencyReported."""
        if self.emergency_report_time is not None:
            raise EmergencyReported(self.emergency_report_time)
        return replace(self, emergency_report_time=now)

    def require_assistants_done(self) -> None:
        """Raise TasksOpen while an assistant's task is open."""
        still = [
            TASK.name(self.id, task.number) for task in self.tasks if task.part == Part.PART_ASSISTING and task.open
        ]
        if still:
            raise TasksOpen(still)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step in a petition's timeline; it names offices and capacities, never persons."""

    sequence: int
    time: datetime
    action: Action
    actor: Actor
    office: str = ""
    office_display_name: str = ""
    state: State
    assignees: tuple[str, ...] = field(default=())
    public_note: str = ""
    internal_note: str = ""
    stars: int = 0
    incident: Incident | None = None


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A kind of work (事项) that a department is responsible for."""

    name: str
    """``workItems/{item}``."""
    display_name: str
    department: str
    promised_working_days: int

    @property
    def id(self) -> str:
        """The department's code and a number: ``210602D07-003``."""
        return WORK_ITEM.id(self.name)


@dataclass(frozen=True, slots=True)
class Known:
    """What a command on a petition is decided on."""

    petition: Petition | None
    office_names: Mapping[str, str] = field(default_factory=dict)
    """Of the offices that the command names, of those that the caller may act for and of the assignees, by code."""
    work_item: WorkItem | None = None
    """The one that the command names, if there is one of that name."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command decided: a step of a petition."""

    before: Petition
    after: Petition
    entry: Entry
    """Its place in the timeline."""
    event: Message
    """What is announced of it."""


def first_asked(place: str) -> str:
    """The office that answers for a new petition (首问负责): the community of its place, or the lowest platform
    above it.
    """
    return codes.community_of(place)


def new_tasks(
    petition: Petition, lead: str, assistants: Sequence[str], instruction: str, now: datetime
) -> tuple[Task, ...]:
    """The petition's tasks with those of a new lead and assistants behind them, due when the petition is.

    Raises InvalidRequest if the lead is an assistant as well, AssigneeBusy if one of them has an open task of the
    petition already, and TaskLimitReached.
    """
    if lead in assistants:
        raise InvalidRequest(FieldViolation(f"assistants[{assistants.index(lead)}]", f"{lead} leads"))
    busy = {task.assignee: task for task in petition.tasks if task.open}
    for assignee in (lead, *assistants):
        if assignee in busy:
            raise AssigneeBusy(assignee, f"{petition.name}/tasks/{busy[assignee].number}")
    due = petition.conclude_due_time
    assert due is not None, "an accepted petition has a deadline"
    if len(petition.tasks) + 1 + len(assistants) > MAX_TASKS:
        raise TaskLimitReached(len(petition.tasks), MAX_TASKS)
    parts = [(lead, Part.PART_LEAD), *((assistant, Part.PART_ASSISTING) for assistant in assistants)]
    given = tuple(
        Task(
            number=len(petition.tasks) + offset,
            assignee=assignee,
            part=part,
            state=TaskState.TASK_STATE_ASSIGNED,
            instruction=instruction,
            due_time=due,
            create_time=now,
        )
        for offset, (assignee, part) in enumerate(parts, start=1)
    )
    return petition.tasks + given
