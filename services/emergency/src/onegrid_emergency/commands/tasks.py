"""The tasks of incidents; one function a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTaskState
from onegrid_emergency import incident_authority as authority
from onegrid_emergency import messages
from onegrid_emergency.commands import incident_deadlines as deadlines
from onegrid_emergency.commands.incident_steps import Step, allow, require_incident, take
from onegrid_emergency.errors import AssigneeUnknown, TaskLimitReached, TaskWrongState
from onegrid_emergency.incident import Incident
from onegrid_emergency.incident_authority import Standing
from onegrid_emergency.incident_lifecycle import LIFE
from onegrid_emergency.incident_task import MAX_TASKS, TASK, Task, acknowledge_within
from onegrid_emergency.store import incident_tasks as store
from onegrid_emergency.store import places
from onegrid_kit import ids
from onegrid_kit.callers import Call
from onegrid_kit.errors import Conflict, FieldViolation, InvalidRequest

__all__ = [
    "ActOnTask",
    "AssignTask",
    "acknowledge_task",
    "assign_task",
    "cancel_open_tasks",
    "cancel_task",
    "complete_task",
    "give",
    "new_task",
    "report_task_progress",
]

_ASSIGNED = IncidentTaskState.INCIDENT_TASK_STATE_ASSIGNED
_ACKNOWLEDGED = IncidentTaskState.INCIDENT_TASK_STATE_ACKNOWLEDGED
_COMPLETED = IncidentTaskState.INCIDENT_TASK_STATE_COMPLETED
_CANCELLED = IncidentTaskState.INCIDENT_TASK_STATE_CANCELLED


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignTask:
    """What is to be done, and by whom."""

    incident: str
    """The incident's id."""
    assignee: str
    """The code of an office, or ``users/{user}``."""
    instruction: str
    acknowledge_within: timedelta | None = None
    due_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnTask:
    """A step with a task."""

    task: str
    """The task's id."""
    report: str = ""
    """What was done; of one that is cancelled, why."""


def assign_task(conn: Connection, command: AssignTask, call: Call) -> Task:
    """Give a task (派发任务). Raises AssigneeUnknown, TaskLimitReached, or InvalidRequest for a past deadline."""
    action = IncidentAction.INCIDENT_ACTION_ASSIGN
    before = require_incident(conn, command.incident, call)
    after, who = allow(before, call, action)
    office = command.assignee
    if not office.startswith("users/") and office not in places.office_names(conn, before.district, [office]):
        raise AssigneeUnknown(office)
    if command.due_time is not None and command.due_time <= call.now:
        raise InvalidRequest(FieldViolation("due_time", "is past"))
    if len(before.tasks) >= MAX_TASKS:
        raise TaskLimitReached(len(before.tasks) + 1, MAX_TASKS)
    task = new_task(before, office, command.instruction, command.acknowledge_within, command.due_time, call.now)
    give(conn, call, after, task, who)
    return task


def new_task(
    incident: Incident,
    assignee: str,
    instruction: str,
    within: timedelta | None,
    due_time: datetime | None,
    now: datetime,
) -> Task:
    """A task of an incident, as it is given now; without `within` it is acknowledged as the incident's level has it."""
    return Task(
        district=incident.district,
        id=f"{incident.district}-{ids.new_id()}",
        incident=incident.id,
        given_by=incident.id,
        assignee=assignee,
        instruction=instruction,
        state=_ASSIGNED,
        acknowledge_due_time=now + (within or acknowledge_within(incident.level)),
        due_time=due_time,
        create_time=now,
    )


def give(conn: Connection, call: Call, incident: Incident, task: Task, who: Standing) -> Incident:
    """Store a new task of an incident, and announce it; the incident as it is then."""
    store.insert_task(conn, task)
    deadlines.await_acknowledgement(conn, task)
    after = replace(incident, tasks=(*incident.tasks, task))
    step = Step(IncidentAction.INCIDENT_ACTION_ASSIGN, who, task.instruction, task=task.name)
    return take(conn, call, after, step, lambda step: events_pb2.TaskAssigned(step=step, task=messages.task(task)))


def acknowledge_task(conn: Connection, command: ActOnTask, call: Call) -> Task:
    """Acknowledge a task (签收)."""
    action = IncidentAction.INCIDENT_ACTION_ACKNOWLEDGE
    on = _of_assignee(conn, command, call, action, _ASSIGNED)
    return _act(conn, call, on, action, _acknowledged(on.task, call), events_pb2.TaskAcknowledged)


def report_task_progress(conn: Connection, command: ActOnTask, call: Call) -> Task:
    """Report what was done of a task so far (反馈)."""
    action = IncidentAction.INCIDENT_ACTION_PROGRESS
    on = _of_assignee(conn, command, call, action, _ASSIGNED, _ACKNOWLEDGED)
    after = replace(_acknowledged(on.task, call), report=command.report)
    return _act(conn, call, on, action, after, events_pb2.TaskProgressReported, command.report)


def complete_task(conn: Connection, command: ActOnTask, call: Call) -> Task:
    """Complete a task (完成)."""
    action = IncidentAction.INCIDENT_ACTION_COMPLETE
    on = _of_assignee(conn, command, call, action, _ASSIGNED, _ACKNOWLEDGED)
    after = replace(_acknowledged(on.task, call), state=_COMPLETED, report=command.report, end_time=call.now)
    return _act(conn, call, on, action, after, events_pb2.TaskCompleted, command.report)


def cancel_task(conn: Connection, command: ActOnTask, call: Call) -> Task:
    """Cancel a task (取消)."""
    action = IncidentAction.INCIDENT_ACTION_CANCEL
    incident, task = _current(conn, command, call)
    after, who = allow(incident, call, action)
    _require_state(task, _ASSIGNED, _ACKNOWLEDGED)
    cancelled = replace(task, state=_CANCELLED, report=command.report, end_time=call.now)
    return _act(conn, call, _Handling(after, task, who), action, cancelled, events_pb2.TaskCancelled, command.report)


def cancel_open_tasks(conn: Connection, incident: Incident, reason: str, now: datetime) -> Incident:
    """The incident without open tasks: they end with it, or with its all clear."""
    for task in incident.open_tasks:
        cancelled = replace(task, state=_CANCELLED, report=reason, end_time=now)
        store.update_task(conn, cancelled)
        deadlines.stop_task(conn, cancelled)
        incident = _with(incident, cancelled)
    return incident


@dataclass(frozen=True, slots=True)
class _Handling:
    incident: Incident
    task: Task
    who: Standing


def _of_assignee(
    conn: Connection, command: ActOnTask, call: Call, action: IncidentAction, *states: IncidentTaskState
) -> _Handling:
    """For an action of its assignee, on a task in one of these states."""
    incident, task = _current(conn, command, call)
    who = authority.of_task(call, task)
    state = LIFE.advance(incident.state, action, who.actor)
    _require_state(task, *states)
    return _Handling(replace(incident, state=state), task, who)


def _act(
    conn: Connection,
    call: Call,
    on: _Handling,
    action: IncidentAction,
    task: Task,
    event: Callable[..., Message],
    note: str = "",
) -> Task:
    store.update_task(conn, task)
    if task.open:
        deadlines.stop_awaiting_acknowledgement(conn, task)
    else:
        deadlines.stop_task(conn, task)
    step = Step(action, on.who, note, task=task.name)
    take(conn, call, _with(on.incident, task), step, lambda step: event(step=step, task=messages.task(task)))
    return task


def _current(conn: Connection, command: ActOnTask, call: Call) -> tuple[Incident, Task]:
    """The task and its incident, which no other step can change until the transaction ends."""
    found = call.existing(store.find_task(conn, command.task), TASK, command.task)
    incident = require_incident(conn, found.incident, call)
    task = next((each for each in incident.tasks if each.id == found.id), None)
    if task is None:
        # It was moved to another incident meanwhile.
        raise Conflict
    return incident, task


def _require_state(task: Task, *states: IncidentTaskState) -> None:
    if task.state not in states:
        raise TaskWrongState(task.name, task.state)


def _acknowledged(task: Task, call: Call) -> Task:
    return replace(task, state=_ACKNOWLEDGED, acknowledge_time=task.acknowledge_time or call.now)


def _with(incident: Incident, task: Task) -> Incident:
    tasks = tuple(task if each.id == task.id else each for each in incident.tasks)
    return replace(incident, tasks=tasks)
