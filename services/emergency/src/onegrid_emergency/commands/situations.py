"""Reports of the situation upward (信息报告)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid.emergency.v1.incident_tasks_pb2 import SituationReportKind
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid_emergency import messages
from onegrid_emergency.commands import incident_deadlines as deadlines
from onegrid_emergency.commands.incident_steps import Step, allow, require_incident, take
from onegrid_emergency.incident import Incident
from onegrid_emergency.situation import FIRST_WITHIN, FOLLOW_UP_WITHIN, Casualties, SituationReport
from onegrid_emergency.store import situations as store
from onegrid_kit.callers import Call

__all__ = ["ReportSituation", "report_situation", "with_level"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSituation:
    """What is reported upward."""

    incident: str
    """The incident's id."""
    text: str
    casualties: Casualties
    final: bool = False


def report_situation(conn: Connection, command: ReportSituation, call: Call) -> SituationReport:
    """Report the situation (首报、续报、终报)."""
    final = command.final
    action = IncidentAction.INCIDENT_ACTION_REPORT_FINALLY if final else IncidentAction.INCIDENT_ACTION_REPORT_SITUATION
    before = require_incident(conn, command.incident, call)
    after, who = allow(before, call, action)
    report = SituationReport(
        incident=before.id,
        number=before.situation_reports + 1,
        kind=_kind(before, final),
        text=command.text,
        casualties=command.casualties,
        author=call.caller.user,
        office=who.office,
        # One that is made after the final one corrects it, and was never due.
        due_time=before.situation_due_time or call.now,
        create_time=call.now,
    )
    store.insert_situation_report(conn, report)
    after = replace(
        after,
        situation_reports=report.number,
        final_report=before.final_report or final,
        situation_due_time=_next_due(before, final, call.now),
    )
    deadlines.await_situation_report(conn, after)
    take(
        conn,
        call,
        after,
        Step(action, who, situation_report=report.name),
        lambda step: events_pb2.SituationReported(step=step, situation_report=messages.situation_report(report)),
    )
    return report


def with_level(incident: Incident, now: datetime) -> Incident:
    """The incident, which was graded now: what its level wants sooner is due sooner."""
    if incident.state == IncidentState.INCIDENT_STATE_ALL_CLEAR or incident.situation_due_time is None:
        return incident
    within = (FOLLOW_UP_WITHIN if incident.situation_reports else FIRST_WITHIN)[incident.level]
    return replace(incident, situation_due_time=min(incident.situation_due_time, now + within))


def _kind(before: Incident, final: bool) -> SituationReportKind:
    if final:
        return SituationReportKind.SITUATION_REPORT_KIND_FINAL
    if before.situation_reports:
        return SituationReportKind.SITUATION_REPORT_KIND_FOLLOW_UP
    return SituationReportKind.SITUATION_REPORT_KIND_FIRST


def _next_due(before: Incident, final: bool, now: datetime) -> datetime | None:
    if final:
        return None
    if before.state == IncidentState.INCIDENT_STATE_ALL_CLEAR:
        return before.situation_due_time
    return now + FOLLOW_UP_WITHIN[before.level]
