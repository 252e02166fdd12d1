"""What must be done about an incident in time: who hears of it when it is not, rung by rung."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentDeadline
from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTaskState
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid_emergency import incident_authority as authority
from onegrid_emergency import messages
from onegrid_emergency.commands.incident_steps import Step, take
from onegrid_emergency.incident import INCIDENT, Incident
from onegrid_emergency.incident_task import TASK, Task
from onegrid_emergency.store import incident_deadlines as store
from onegrid_emergency.store import incident_tasks, incidents
from onegrid_kit import codes, ladder
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.ladder import Climb, Ladder, Next, each
from onegrid_kit.timestamps import timestamp

__all__ = [
    "LADDERS",
    "await_acknowledgement",
    "await_response",
    "await_situation_report",
    "overdue",
    "stop_all",
    "stop_awaiting_acknowledgement",
    "stop_awaiting_response",
    "stop_task",
]

_RESPONSE: Final = "incident response"
_ACKNOWLEDGEMENT: Final = "task acknowledgement"
_COMPLETION: Final = "task completion"
_SITUATION: Final = "situation report"
_RESPOND_WITHIN: Final = timedelta(minutes=5)
_SOON: Final = timedelta(minutes=5)
_LATER: Final = timedelta(minutes=15)


def await_response(conn: Connection, incident: Incident, now: datetime) -> None:
    """Somebody must take charge of the incident."""
    ladder.start(conn, _RESPONSE, incident.name, now + _RESPOND_WITHIN)


def stop_awaiting_response(conn: Connection, incident: Incident) -> None:
    """Somebody has, or nobody needs to."""
    ladder.stop(conn, _RESPONSE, incident.name)


def await_acknowledgement(conn: Connection, task: Task) -> None:
    """A task must be acknowledged, and completed in time if it has a deadline."""
    ladder.start(conn, _ACKNOWLEDGEMENT, task.name, task.acknowledge_due_time)
    if task.due_time is not None:
        ladder.start(conn, _COMPLETION, task.name, task.due_time)


def stop_awaiting_acknowledgement(conn: Connection, task: Task) -> None:
    """A task was acknowledged."""
    ladder.stop(conn, _ACKNOWLEDGEMENT, task.name)


def stop_task(conn: Connection, task: Task) -> None:
    """A task has ended."""
    ladder.stop(conn, _ACKNOWLEDGEMENT, task.name)
    ladder.stop(conn, _COMPLETION, task.name)


def await_situation_report(conn: Connection, incident: Incident) -> None:
    """The situation must be reported by when the incident says; if it says nothing, no more."""
    if incident.situation_due_time is None:
        ladder.stop(conn, _SITUATION, incident.name)
    elif not ladder.start(conn, _SITUATION, incident.name, incident.situation_due_time):
        ladder.reschedule(conn, _SITUATION, incident.name, incident.situation_due_time, rung=1)


def stop_all(conn: Connection, incident: Incident) -> None:
    """Nothing more must be done about the incident itself."""
    ladder.stop(conn, _RESPONSE, incident.name)
    ladder.stop(conn, _SITUATION, incident.name)


def overdue(conn: Connection, now: datetime) -> Mapping[int, tuple[int, timedelta]]:
    """How many deadlines of each sort have passed, and for how long the first of them has."""
    found = store.overdue(conn, now, _RESPOND_WITHIN)
    return {deadline: (count, now - first) for deadline, (count, first) in found.items()}


def _climb_response(conn: Connection, climb: Climb, now: datetime) -> Next | None:
    incident = incidents.lock_incident(conn, INCIDENT.id(climb.subject))
    if incident is None or incident.state != IncidentState.INCIDENT_STATE_REPORTED:
        return None
    recipients = (codes.community_of(incident.place), codes.street_of(incident.place), incident.district)
    deadline = IncidentDeadline.INCIDENT_DEADLINE_RESPONSE
    return _escalate(conn, climb, now, incident, None, deadline, recipients, _SOON)


def _climb_situation(conn: Connection, climb: Climb, now: datetime) -> Next | None:
    incident = incidents.lock_incident(conn, INCIDENT.id(climb.subject))
    if incident is None or incident.situation_due_time is None:
        return None
    recipients = (incident.commander, codes.street_of(incident.place), incident.district)
    deadline = IncidentDeadline.INCIDENT_DEADLINE_SITUATION_REPORT
    return _escalate(conn, climb, now, incident, None, deadline, recipients, _LATER)


def _climb_task(
    deadline: IncidentDeadline, until: IncidentTaskState, pause: timedelta
) -> Callable[[Connection, Climb, datetime], Next | None]:
    """For a deadline of tasks that have not come so far."""

    def climb_task(conn: Connection, climb: Climb, now: datetime) -> Next | None:
        found = incident_tasks.find_task(conn, TASK.id(climb.subject))
        incident = found and incidents.lock_incident(conn, found.incident)
        if not incident:
            return None
        task = next((each for each in incident.tasks if each.name == climb.subject), None)
        if task is None:
            # It was moved to another incident just now.
            return Next(now, climb.rung)
        if task.state >= until:
            return None
        recipients = (task.assignee, incident.commander, incident.district)
        return _escalate(conn, climb, now, incident, task, deadline, recipients, pause)

    return climb_task


def _escalate(
    conn: Connection,
    climb: Climb,
    now: datetime,
    incident: Incident,
    task: Task | None,
    deadline: IncidentDeadline,
    recipients: tuple[str, ...],
    pause: timedelta,
) -> Next | None:
    """Go on to the recipient of this rung. Where there is none, or one who has heard of it, the next rung is due."""
    last = climb.rung >= len(recipients)
    recipient = recipients[climb.rung - 1]
    if recipient in ("", *recipients[: climb.rung - 1]):
        return None if last else Next(now)
    call = Call(caller=ANONYMOUS, now=now, method=climb.kind, resource=incident.name, traceparent=climb.traceparent)
    step = Step(
        IncidentAction.INCIDENT_ACTION_ESCALATE,
        authority.SYSTEM,
        task=task.name if task else "",
        deadline=deadline,
        recipient=recipient,
    )
    due_time = _due_time(incident, task, deadline)
    take(
        conn,
        call,
        incident,
        step,
        lambda step: events_pb2.IncidentDeadlineMissed(
            step=step,
            deadline=deadline,
            recipient=recipient,
            rung=climb.rung,
            due_time=timestamp(due_time),
            task=messages.task(task) if task else None,
        ),
    )
    return None if last else Next(climb.due_time + pause)


def _due_time(incident: Incident, task: Task | None, deadline: IncidentDeadline) -> datetime | None:
    if task is not None:
        acknowledged = deadline == IncidentDeadline.INCIDENT_DEADLINE_ACKNOWLEDGEMENT
        return task.acknowledge_due_time if acknowledged else task.due_time
    return incident.situation_due_time if deadline == IncidentDeadline.INCIDENT_DEADLINE_SITUATION_REPORT else None


LADDERS: Final = (
    Ladder(_RESPONSE, each(_climb_response)),
    Ladder(
        _ACKNOWLEDGEMENT,
        each(
            _climb_task(
                IncidentDeadline.INCIDENT_DEADLINE_ACKNOWLEDGEMENT,
                IncidentTaskState.INCIDENT_TASK_STATE_ACKNOWLEDGED,
                _SOON,
            )
        ),
    ),
    Ladder(
        _COMPLETION,
        each(
            _climb_task(
                IncidentDeadline.INCIDENT_DEADLINE_COMPLETION,
                IncidentTaskState.INCIDENT_TASK_STATE_COMPLETED,
                _LATER,
            )
        ),
    ),
    Ladder(_SITUATION, each(_climb_situation)),
)
"""What is climbed until it is done."""
