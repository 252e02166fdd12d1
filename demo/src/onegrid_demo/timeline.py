"""What the cases came to: a petition, an incident, a patrol, a Party branch, as tables for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp
from rich.box import SIMPLE_HEAD
from rich.table import Table

from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.patrols_pb2 import Alarm, AlarmKind, AlarmState, Patrol, PatrolState
from onegrid.border.v1.records_pb2 import ObservationKind
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentActor, IncidentEntry
from onegrid.emergency.v1.resources_pb2 import Incident, IncidentState
from onegrid.field.v1.field_pb2 import WaypointState
from onegrid.partyedu.v1.certificates_pb2 import CertificateState
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid.partyedu.v1.study_plans_pb2 import StudyPlan
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action, Actor, State, TimelineEntry
from onegrid_demo import party, study
from onegrid_kit.clock import CHINA

__all__ = ["incident_table", "observation_table", "party_table", "patrol_table", "study_table", "timeline_table"]


def timeline_table(timeline: pb.GetPublicTimelineResponse) -> Table:
    """A row an entry. Codes stay in one piece; Chinese text goes on in the next line."""
    title = f"{timeline.petition}  {timeline.organization}  ({State.Name(timeline.state)[6:]})"
    table = _table(title)
    for entry in timeline.entries:
        office = entry.office_display_name or entry.office
        note = entry.public_note or "★" * entry.stars
        table.add_row(
            _moment(entry),
            Action.Name(entry.action)[7:],
            Actor.Name(entry.actor)[6:],
            State.Name(entry.state)[6:],
            "\n".join(filter(None, (office, note))),
        )
    return table


def incident_table(incident: Incident, entries: Sequence[IncidentEntry]) -> Table:
    """A row a step, the oldest first."""
    table = _table(f"{incident.name}  ({IncidentState.Name(incident.state)[15:]})")
    for entry in entries:
        table.add_row(
            _moment(entry),
            IncidentAction.Name(entry.action)[16:],
            IncidentActor.Name(entry.actor)[15:],
            IncidentState.Name(entry.state)[15:],
            "\n".join(filter(None, (entry.office_display_name or entry.office, entry.note))),
        )
    return table


def patrol_table(overdue: Patrol, patrol: Patrol, alarms: Sequence[Alarm]) -> Table:
    """A row a checkpoint, with how it stood while the telephone had no network; then a row an alarm."""
    table = Table(
        title=f"{patrol.name}  ({PatrolState.Name(patrol.state)[13:]})", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in ("checkpoint", "due", "reached", "without network", "in the end"):
        table.add_column(heading, no_wrap=True, overflow="ignore")
    for before, after in zip(overdue.checkpoints, patrol.checkpoints, strict=True):
        table.add_row(
            after.display_name,
            _time(after.due_time),
            _time(after.reach_time) if after.HasField("reach_time") else "",
            WaypointState.Name(before.state)[15:],
            WaypointState.Name(after.state)[15:],
        )
    for alarm in alarms:
        raised, kind = _time(alarm.raise_time), AlarmKind.Name(alarm.kind)[11:]
        table.add_row(kind, raised, "", "OPEN", AlarmState.Name(alarm.state)[12:])
    return table


def party_table(outcome: party.Outcome) -> Table:
    """The branch's term, and the way of the member who moved."""
    branch, transfer, member = outcome.branch, outcome.transfer, outcome.member
    table = Table(title=branch.display_name, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("what", "who or where", "from", "until"):
        table.add_column(heading, no_wrap=True, overflow="ignore")
    begin, due = _day(branch.term.begin_time), _day(branch.term.due_time)
    for officer in branch.term.officers:
        table.add_row(OfficerPost.Name(officer.post)[13:], officer.member, begin, due)
    for name, time in ((transfer.source, ""), (transfer.target, _day(member.organization_time))):
        table.add_row(member.person_name, name, time, "" if time else _day(transfer.end_time))
    return table


def study_table(outcome: study.Outcome) -> Table:
    """The plan, the quiz, and the certificate as anyone sees it by its code."""
    plan, attempt, certificate = outcome.after.study_plan, outcome.attempt, outcome.certificate
    table = Table(title=f"{plan.display_name}  {plan.name}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("what", "which", "came to"):
        table.add_column(heading, no_wrap=True, overflow="ignore")
    done, wanted = outcome.before.progress[0].done, outcome.before.progress[0].wanted
    table.add_row("asked for", outcome.before.progress[0].requirement, f"{done} of {wanted}, due {_due(plan)}")
    score = attempt.score
    table.add_row("quiz", attempt.quiz, f"{score.percent} %, {'passed' if score.passed else 'not passed'}")
    done = outcome.after.progress[0].done
    table.add_row("asked for", outcome.after.progress[0].requirement, f"{done} of {wanted}")
    state = CertificateState.Name(outcome.verified.state)[18:]
    printed = "no font for PDF" if outcome.pdf is None else f"{len(outcome.pdf) // 1024} KiB of PDF"
    table.add_row("certificate", certificate.code, f"{state}, {printed}")
    return table


def _due(plan: StudyPlan) -> str:
    return _day(plan.requirements[0].due_time)


def observation_table(observation: Observation) -> Table:
    """What was noticed, when, and the incident that was made of it."""
    table = Table(title=observation.text, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("noticed", "at", "incident", "in the end"):
        table.add_column(heading, no_wrap=True, overflow="ignore")
    table.add_row(
        ObservationKind.Name(observation.kind)[17:],
        _time(observation.time),
        observation.incident,
        IncidentState.Name(observation.incident_state)[15:],
    )
    return table


def _table(title: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("time", "action", "by", "state"):
        table.add_column(heading, no_wrap=True, overflow="ignore")
    table.add_column("office, note", overflow="fold")
    return table


def _moment(entry: TimelineEntry | IncidentEntry) -> str:
    return _time(entry.time)


def _day(moment: Timestamp) -> str:
    return f"{moment.ToDatetime(UTC).astimezone(CHINA):%Y-%m-%d}"


def _time(moment: Timestamp) -> str:
    return f"{moment.ToDatetime(UTC).astimezone(CHINA):%H:%M:%S}"
