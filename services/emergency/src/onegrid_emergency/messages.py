"""Between the contract's messages and the rules' values."""

from __future__ import annotations

from dataclasses import asdict

from onegrid.emergency.v1 import events_pb2, incident_steps_pb2, incident_tasks_pb2, resources_pb2
from onegrid_emergency.incident import INCIDENT, Command, Entry, Incident, Post, Report
from onegrid_emergency.incident_task import Task
from onegrid_emergency.situation import Casualties, SituationReport
from onegrid_kit.locations import point
from onegrid_kit.timestamps import timestamp

__all__ = [
    "casualties_of",
    "command",
    "command_of",
    "entry",
    "incident",
    "incident_step",
    "report",
    "situation_report",
    "task",
]


def report(found: Report) -> resources_pb2.Report:
    """The message of a report."""
    return resources_pb2.Report(
        name=found.name,
        incident=INCIDENT.name(found.incident),
        kind=found.kind,
        text=found.text,
        place=found.place,
        location=point(found.location),
        address=found.address,
        source=found.source,
        reporter=found.reporter,
        occur_time=timestamp(found.occur_time),
        create_time=timestamp(found.create_time),
        source_name=found.source_name,
        level=found.level,
    )


def task(found: Task) -> incident_tasks_pb2.IncidentTask:
    """The message of a task."""
    return incident_tasks_pb2.IncidentTask(
        name=found.name,
        incident=INCIDENT.name(found.incident),
        assignee=found.assignee,
        instruction=found.instruction,
        state=found.state,
        acknowledge_due_time=timestamp(found.acknowledge_due_time),
        due_time=timestamp(found.due_time),
        create_time=timestamp(found.create_time),
        acknowledge_time=timestamp(found.acknowledge_time),
        end_time=timestamp(found.end_time),
        report=found.report,
    )


def situation_report(found: SituationReport) -> incident_tasks_pb2.SituationReport:
    """The message of a report of the situation."""
    return incident_tasks_pb2.SituationReport(
        name=found.name,
        kind=found.kind,
        text=found.text,
        casualties=incident_tasks_pb2.Casualties(**asdict(found.casualties)),
        author=found.author,
        office=found.office,
        due_time=timestamp(found.due_time),
        create_time=timestamp(found.create_time),
    )


def casualties_of(message: incident_tasks_pb2.Casualties) -> Casualties:
    """How many people, as a message says."""
    return Casualties(message.dead, message.missing, message.injured, message.relocated)


def incident(found: Incident) -> resources_pb2.Incident:
    """The message of an incident."""
    return resources_pb2.Incident(
        name=found.name,
        kind=found.kind,
        level=found.level,
        confidence=found.confidence,
        state=found.state,
        place=found.place,
        location=point(found.location),
        reports=[report(each) for each in found.reports],
        occur_time=timestamp(found.occur_time),
        create_time=timestamp(found.create_time),
        update_time=timestamp(found.update_time),
        etag=found.etag,
        category=found.category,
        grading=_grading(found),
        command=None if found.command is None else command(found.command),
        respond_time=timestamp(found.respond_time),
        clear_time=timestamp(found.clear_time),
        review=_review(found),
        merged_into=INCIDENT.name(found.merged_into) if found.merged_into else "",
        tasks=[task(each) for each in found.tasks],
        situation_due_time=timestamp(found.situation_due_time),
        situation_report_count=found.situation_reports,
    )


def command(found: Command) -> resources_pb2.IncidentCommand:
    """The message of who commands."""
    posts = [resources_pb2.IncidentPost(title=post.title, holder=post.holder) for post in found.posts]
    return resources_pb2.IncidentCommand(commander=found.commander, posts=posts)


def command_of(message: resources_pb2.IncidentCommand) -> Command:
    """Who commands, as a message says."""
    return Command(message.commander, tuple(Post(post.title, post.holder) for post in message.posts))


def entry(found: Entry) -> incident_steps_pb2.IncidentEntry:
    """The message of a step."""
    return incident_steps_pb2.IncidentEntry(
        sequence=found.sequence,
        time=timestamp(found.time),
        action=found.action,
        actor=found.actor,
        user=found.user,
        office=found.office,
        office_display_name=found.office_display_name,
        state=found.state,
        level=found.level,
        note=found.note,
        task=found.task,
        other_incident=found.other_incident,
        reports=found.reports,
        situation_report=found.situation_report,
        deadline=found.deadline,
        recipient=found.recipient,
        plan_activation=found.plan_activation,
    )


def incident_step(found: Incident, step: Entry) -> events_pb2.IncidentStep:
    """The part that all events of an incident have, after this step."""
    return events_pb2.IncidentStep(
        incident=found.name,
        sequence=step.sequence,
        time=timestamp(step.time),
        place=found.place,
        kind=found.kind,
        level=found.level,
        state=found.state,
        actor=step.actor,
        office=step.office,
        commander=found.commander,
        sources=found.sources,
    )


def _grading(found: Incident) -> resources_pb2.Grading | None:
    grading = found.grading
    if grading is None:
        return None
    return resources_pb2.Grading(
        level=grading.level,
        reason=grading.reason,
        grader=grading.grader,
        office=grading.office,
        time=timestamp(grading.time),
    )


def _review(found: Incident) -> resources_pb2.Review | None:
    review = found.review
    if review is None:
        return None
    return resources_pb2.Review(summary=review.summary, lessons=review.lessons, time=timestamp(review.time))
