"""What is done with an incident from when somebody takes charge of it until it is reviewed; one function a command."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid.emergency.v1.resources_pb2 import Confidence, IncidentKind, IncidentLevel
from onegrid_emergency import messages
from onegrid_emergency.commands import incident_deadlines as deadlines
from onegrid_emergency.commands import plans, situations
from onegrid_emergency.commands.incident_steps import Step, begin, take
from onegrid_emergency.commands.tasks import cancel_open_tasks
from onegrid_emergency.errors import FinalReportMissing, TasksOpen
from onegrid_emergency.incident import Command, Grading, Incident, Review
from onegrid_emergency.situation import FINAL_WITHIN, FIRST_WITHIN, FOLLOW_UP_WITHIN
from onegrid_emergency.store import places
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.locations import Location, point

__all__ = [
    "ActOnIncident",
    "CorrectIncident",
    "DeclareAllClear",
    "GradeIncident",
    "OrganizeCommand",
    "RespondToIncident",
    "ReviewIncident",
    "annotate_incident",
    "confirm_incident",
    "correct_incident",
    "declare_all_clear",
    "dismiss_incident",
    "grade_incident",
    "organize_command",
    "reopen_incident",
    "respond_to_incident",
    "review_incident",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnIncident:
    """A step that needs no more than a note."""

    incident: str
    """The incident's id."""
    note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RespondToIncident:
    """Who takes charge."""

    incident: str
    commander: str = ""
    """``users/{user}``; empty: the caller."""
    note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeIncident:
    """How grave it is."""

    incident: str
    level: IncidentLevel
    reason: str
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectIncident:
    """What was wrong; what is not given stays as it is."""

    incident: str
    kind: IncidentKind
    category: str = ""
    place: str = ""
    location: Location | None = None
    note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizeCommand:
    """Who commands, and who holds which post."""

    incident: str
    command: Command
    note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareAllClear:
    """That the danger is over."""

    incident: str
    note: str = ""
    open_tasks_reason: str = ""
    """Why it is over although tasks are open."""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewIncident:
    """What was learned."""

    incident: str
    summary: str
    lessons: str
    etag: str = ""


def respond_to_incident(conn: Connection, command: RespondToIncident, call: Call) -> Incident:
    """Take charge of a reported incident (响应)."""
    action = IncidentAction.INCIDENT_ACTION_RESPOND
    _, after, who = begin(conn, command, call, action)
    after = replace(after, command=Command(command.commander or call.caller.user), respond_time=call.now)
    deadlines.stop_awaiting_response(conn, after)
    step = Step(action, who, command.note)
    return take(conn, call, after, step, lambda step: events_pb2.IncidentResponded(step=step))


def grade_incident(conn: Connection, command: GradeIncident, call: Call) -> Incident:
    """Grade an incident (分级), for the first time or anew."""
    action = IncidentAction.INCIDENT_ACTION_GRADE
    before, after, who = begin(conn, command, call, action)
    grading = Grading(
        level=command.level, reason=command.reason, grader=call.caller.user, office=who.office, time=call.now
    )
    after = situations.with_level(replace(after, grading=grading), call.now)
    deadlines.await_situation_report(conn, after)
    graded = take(
        conn,
        call,
        after,
        Step(action, who, command.reason),
        lambda step: events_pb2.IncidentGraded(step=step, before=before.level),
    )
    return plans.activate_matching(conn, graded, call)


def confirm_incident(conn: Connection, command: ActOnIncident, call: Call) -> Incident:
    """Confirm that an incident is true (核实)."""
    action = IncidentAction.INCIDENT_ACTION_CONFIRM
    _, after, who = begin(conn, command, call, action)
    after = replace(after, confidence=Confidence.CONFIDENCE_CONFIRMED)
    step = Step(action, who, command.note)
    confirmed = take(conn, call, after, step, lambda step: events_pb2.IncidentConfirmed(step=step))
    return plans.activate_matching(conn, confirmed, call)


def dismiss_incident(conn: Connection, command: ActOnIncident, call: Call) -> Incident:
    """End an incident as a false alarm (误报)."""
    action = IncidentAction.INCIDENT_ACTION_DISMISS
    before, after, who = begin(conn, command, call, action)
    after = replace(plans.end_all(conn, call, before, who), state=after.state)
    after = replace(after, confidence=Confidence.CONFIDENCE_FALSE, situation_due_time=None)
    after = cancel_open_tasks(conn, after, command.note, call.now)
    deadlines.stop_all(conn, after)
    step = Step(action, who, command.note)
    return take(conn, call, after, step, lambda step: events_pb2.IncidentDismissed(step=step))


def correct_incident(conn: Connection, command: CorrectIncident, call: Call) -> Incident:
    """Correct what is known of an incident (更正). Raises InvalidRequest for a place outside of its district."""
    action = IncidentAction.INCIDENT_ACTION_CORRECT
    before, after, who = begin(conn, command, call, action)
    if command.place and not codes.contains(before.district, command.place):
        raise InvalidRequest(FieldViolation("place", f"lies outside of {before.district}"))
    cell = places.cell_at(conn, before.district, command.location) if command.location else None
    after = replace(
        after,
        kind=command.kind or before.kind,
        category=command.category or before.category,
        place=cell or command.place or before.place,
        location=command.location or before.location,
    )
    corrected = take(
        conn,
        call,
        after,
        Step(action, who, command.note),
        lambda step: events_pb2.IncidentCorrected(step=step, location=point(after.location)),
    )
    return plans.activate_matching(conn, corrected, call)


def organize_command(conn: Connection, command: OrganizeCommand, call: Call) -> Incident:
    """Say who commands, and who holds which post (现场指挥部)."""
    action = IncidentAction.INCIDENT_ACTION_ORGANIZE
    _, after, who = begin(conn, command, call, action)
    after = replace(after, command=command.command)
    return take(
        conn,
        call,
        after,
        Step(action, who, command.note),
        lambda step: events_pb2.CommandOrganized(step=step, command=messages.command(command.command)),
    )


def annotate_incident(conn: Connection, command: ActOnIncident, call: Call) -> Incident:
    """Note something in the timeline (记录)."""
    action = IncidentAction.INCIDENT_ACTION_ANNOTATE
    _, after, who = begin(conn, command, call, action)
    step = Step(action, who, command.note)
    return take(conn, call, after, step, lambda step: events_pb2.IncidentAnnotated(step=step))


def declare_all_clear(conn: Connection, command: DeclareAllClear, call: Call) -> Incident:
    """Declare that the danger is over (解除). Raises TasksOpen."""
    action = IncidentAction.INCIDENT_ACTION_CLEAR
    before, after, who = begin(conn, command, call, action)
    if before.open_tasks and not command.open_tasks_reason:
        raise TasksOpen([task.name for task in before.open_tasks])
    after = replace(plans.end_all(conn, call, before, who), state=after.state)
    after = cancel_open_tasks(conn, after, command.open_tasks_reason, call.now)
    after = replace(after, clear_time=call.now, situation_due_time=call.now + FINAL_WITHIN)
    deadlines.await_situation_report(conn, after)
    note = "\n".join(each for each in (command.note, command.open_tasks_reason) if each)
    return take(conn, call, after, Step(action, who, note), lambda step: events_pb2.AllClearDeclared(step=step))


def reopen_incident(conn: Connection, command: ActOnIncident, call: Call) -> Incident:
    """Go on with an incident after all clear (重新响应)."""
    action = IncidentAction.INCIDENT_ACTION_REOPEN
    _, after, who = begin(conn, command, call, action)
    step = Step(action, who, command.note)
    due = call.now + (FOLLOW_UP_WITHIN if after.situation_reports else FIRST_WITHIN)[after.level]
    after = replace(after, situation_due_time=due, final_report=False)
    deadlines.await_situation_report(conn, after)
    return take(conn, call, after, step, lambda step: events_pb2.IncidentReopened(step=step))


def review_incident(conn: Connection, command: ReviewIncident, call: Call) -> Incident:
    """Close an incident with what was learned (总结评估). Raises FinalReportMissing."""
    action = IncidentAction.INCIDENT_ACTION_REVIEW
    before, after, who = begin(conn, command, call, action)
    if not before.final_report:
        raise FinalReportMissing(before.name)
    after = replace(after, review=Review(command.summary, command.lessons, call.now))
    return take(conn, call, after, Step(action, who), lambda step: events_pb2.IncidentReviewed(step=step))
