"""Reports of one incident that were taken for several, and the other way round (并案、拆分)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid_emergency import messages
from onegrid_emergency.commands import incident_deadlines as deadlines
from onegrid_emergency.commands import plans, reservations
from onegrid_emergency.commands.incident_steps import Step, allow, begin, require_incident, take, write_entry
from onegrid_emergency.commands.incidents import announce, new_incident_id
from onegrid_emergency.errors import ReportLimitReached, TaskLimitReached
from onegrid_emergency.incident import INCIDENT, MAX_REPORTS, REPORT, Incident, Report
from onegrid_emergency.incident_authority import Standing
from onegrid_emergency.incident_task import MAX_TASKS
from onegrid_emergency.situation import FIRST_WITHIN, FOLLOW_UP_WITHIN
from onegrid_emergency.store import incident_tasks
from onegrid_emergency.store import incidents as store
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest

__all__ = ["MergeIncidents", "SplitIncident", "merge_incidents", "split_incident"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeIncidents:
    """Which incidents are one."""

    incident: str
    """The id of the one that remains."""
    merged: tuple[str, ...]
    """The ids of those that are part of it."""
    note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitIncident:
    """Which reports belong to another incident."""

    incident: str
    """The incident's id."""
    reports: tuple[str, ...]
    """The reports' ids."""
    note: str = ""
    etag: str = ""


def merge_incidents(conn: Connection, command: MergeIncidents, call: Call) -> Incident:
    """Merge incidents into one (并案). Raises ReportLimitReached or TaskLimitReached."""
    if command.incident in command.merged:
        index = command.merged.index(command.incident)
        raise InvalidRequest(FieldViolation(f"merged[{index}]", "is the incident that remains"))
    # In the same order everywhere, so that two merges can't wait for one another.
    for id_ in sorted((command.incident, *command.merged)):
        store.lock_incident(conn, id_)
    absorb, merge = IncidentAction.INCIDENT_ACTION_ABSORB, IncidentAction.INCIDENT_ACTION_MERGE
    _, into, who = begin(conn, command, call, absorb)
    merged = [(each, *allow(each, call, merge)) for each in (require_incident(conn, i, call) for i in command.merged)]
    _require_room(into, [before for before, _, _ in merged])
    for before, after, by in merged:
        into = _merge(conn, call, into, (before, after, by), who, command.note)
    return into


def split_incident(conn: Connection, command: SplitIncident, call: Call) -> tuple[Incident, Incident]:
    """Split reports off (拆分); what remains, and the incident that has them. Raises InvalidRequest."""
    action = IncidentAction.INCIDENT_ACTION_SPLIT
    before, after, who = begin(conn, command, call, action)
    reports = _chosen(before, command.reports)
    homes = {report.home for report in reports}
    home = homes.pop() if len(homes) == 1 else before.id
    merged = store.lock_incident(conn, home) if home != before.id else None
    if merged is not None and merged.merged_into == before.id:
        other = _restore(conn, call, before, merged, reports, command.note)
    else:
        other = _found(conn, call, before, who, reports, command.note)
    names = tuple(report.name for report in reports)
    remaining = replace(
        after,
        reports=tuple(report for report in before.reports if report not in reports),
        tasks=tuple(task for task in before.tasks if task.id not in {each.id for each in other.tasks}),
    )
    remaining = take(
        conn,
        call,
        remaining,
        Step(action, who, command.note, other_incident=other.name, reports=names),
        lambda step: events_pb2.ReportsDetached(step=step, split=other.name),
    )
    return remaining, other


def _merge(
    conn: Connection,
    call: Call,
    into: Incident,
    merged: tuple[Incident, Incident, Standing],
    who: Standing,
    note: str,
) -> Incident:
    before, after, by = merged
    before = plans.hand_over(conn, call, before, into.id, by)
    after = replace(after, sequence=before.sequence)
    district = into.district
    store.move_reports(conn, district, [report.id for report in before.reports], into.id)
    incident_tasks.move_tasks(conn, district, [task.id for task in before.tasks], into.id)
    store.merge_what_was_merged(conn, before, into.id)
    reservations.move_all(conn, before.name, into.name, call)
    deadlines.stop_all(conn, before)
    names = tuple(report.name for report in before.reports)
    take(
        conn,
        call,
        replace(after, merged_into=into.id, reports=(), tasks=(), situation_due_time=None),
        Step(IncidentAction.INCIDENT_ACTION_MERGE, by, note, other_incident=into.name, reports=names),
        lambda step: events_pb2.IncidentMerged(step=step, into=into.name),
    )
    into = replace(
        into,
        reports=_in_order((*into.reports, *(replace(each, incident=into.id) for each in before.reports))),
        tasks=(*into.tasks, *(replace(each, incident=into.id) for each in before.tasks)),
    )
    return take(
        conn,
        call,
        into,
        Step(IncidentAction.INCIDENT_ACTION_ABSORB, who, note, other_incident=before.name, reports=names),
        lambda step: _moved(step, before, before.reports),
    )


def _restore(
    conn: Connection, call: Call, parent: Incident, merged: Incident, reports: Sequence[Report], note: str
) -> Incident:
    """Make an incident that was merged one of its own again, with these reports and with its tasks."""
    action = IncidentAction.INCIDENT_ACTION_RESTORE
    after, who = allow(merged, call, action)
    tasks = tuple(replace(each, incident=merged.id) for each in parent.tasks if each.given_by == merged.id)
    store.move_reports(conn, merged.district, [report.id for report in reports], merged.id)
    incident_tasks.move_tasks(conn, merged.district, [task.id for task in tasks], merged.id)
    within = (FOLLOW_UP_WITHIN if merged.situation_reports else FIRST_WITHIN)[merged.level]
    after = replace(
        after,
        merged_into="",
        reports=tuple(replace(each, incident=merged.id) for each in reports),
        tasks=tasks,
        situation_due_time=call.now + within,
    )
    deadlines.await_response(conn, after, call.now)
    deadlines.await_situation_report(conn, after)
    return take(
        conn,
        call,
        after,
        Step(action, who, note, other_incident=parent.name, reports=tuple(report.name for report in reports)),
        lambda step: _moved(step, parent, reports),
    )


def _found(
    conn: Connection, call: Call, parent: Incident, who: Standing, reports: Sequence[Report], note: str
) -> Incident:
    """Make a new incident of these reports."""
    first = reports[0]
    id_ = new_incident_id(parent.district, call.now)
    new = Incident(
        district=parent.district,
        id=id_,
        kind=first.kind or parent.kind,
        place=first.place,
        location=first.location,
        occur_time=min(report.occur_time for report in reports),
        create_time=call.now,
        update_time=call.now,
        reports=tuple(replace(each, incident=id_, home=id_) for each in reports),
        situation_due_time=call.now + FIRST_WITHIN[parent.level],
    )
    store.insert_incident(conn, new)
    store.move_reports(conn, new.district, [report.id for report in reports], id_, home=id_)
    deadlines.await_response(conn, new, call.now)
    deadlines.await_situation_report(conn, new)
    names = tuple(report.name for report in reports)
    action = IncidentAction.INCIDENT_ACTION_REPORT
    entry = write_entry(conn, call, new, Step(action, who, note, other_incident=parent.name, reports=names))
    announce(conn, call, new, new.reports[0])
    outbox.append(conn, call, [(new.name, _moved(messages.incident_step(new, entry), parent, reports))])
    return new


def _moved(step: events_pb2.IncidentStep, from_: Incident, reports: Sequence[Report]) -> events_pb2.ReportsMoved:
    moved = events_pb2.ReportsMoved(
        step=step,
        reports=[report.name for report in reports],
        sources=[report.source_name for report in reports if report.source_name],
    )
    # A keyword of Python.
    setattr(moved, "from", from_.name)
    return moved


def _require_room(into: Incident, merged: Sequence[Incident]) -> None:
    reports = sum(len(each.reports) for each in (into, *merged))
    if reports > MAX_REPORTS:
        raise ReportLimitReached(reports, MAX_REPORTS)
    tasks = sum(len(each.tasks) for each in (into, *merged))
    if tasks > MAX_TASKS:
        raise TaskLimitReached(tasks, MAX_TASKS)


def _chosen(incident: Incident, ids: Sequence[str]) -> list[Report]:
    """The reports of these ids, in the incident's order. Raises InvalidRequest."""
    known = {report.id for report in incident.reports}
    unknown = [index for index, id_ in enumerate(ids) if id_ not in known]
    if unknown:
        raise InvalidRequest(
            *(FieldViolation(f"reports[{i}]", f"{REPORT.name(ids[i])} is none of {incident.name}") for i in unknown)
        )
    if len(ids) == len(known):
        raise InvalidRequest(FieldViolation("reports", f"are all of {INCIDENT.name(incident.id)}"))
    return [report for report in incident.reports if report.id in ids]


def _in_order(reports: Sequence[Report]) -> tuple[Report, ...]:
    return tuple(sorted(reports, key=lambda report: (report.create_time, report.id)))
