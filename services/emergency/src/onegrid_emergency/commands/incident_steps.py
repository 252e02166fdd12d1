"""What the steps of an incident have in common: the incident as it is, and what is stored and announced of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentDeadline
from onegrid_emergency import incident_authority as authority
from onegrid_emergency import messages
from onegrid_emergency.incident import INCIDENT, Entry, Incident
from onegrid_emergency.incident_authority import Standing
from onegrid_emergency.incident_lifecycle import LIFE
from onegrid_emergency.store import incident_steps, incidents, places
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.etags import require_fresh

__all__ = ["OnIncident", "Step", "allow", "begin", "require_incident", "take", "write_entry"]


@dataclass(frozen=True, slots=True)
class Step:
    """What a step adds to the timeline beside the incident's state and level."""

    action: IncidentAction
    who: Standing
    note: str = ""
    task: str = ""
    other_incident: str = ""
    reports: tuple[str, ...] = ()
    situation_report: str = ""
    deadline: IncidentDeadline = IncidentDeadline.INCIDENT_DEADLINE_UNSPECIFIED
    recipient: str = ""
    plan_activation: str = ""


class OnIncident(Protocol):
    """A command on one incident."""

    @property
    def incident(self) -> str:
        """The incident's id."""

    @property
    def etag(self) -> str:
        """The version that it is meant for; empty for any."""


def begin(
    conn: Connection, command: OnIncident, call: Call, action: IncidentAction
) -> tuple[Incident, Incident, Standing]:
    """The incident before the action, as the action alone leaves it, and as whom the caller takes it.

    Raises WrongState, StaleEtag, and NotFound or PermissionDenied.
    """
    before = require_incident(conn, command.incident, call)
    require_fresh(before.name, before.etag, command.etag)
    return before, *allow(before, call, action)


def allow(before: Incident, call: Call, action: IncidentAction) -> tuple[Incident, Standing]:
    """The incident as the action alone leaves it, and as whom the caller takes it. Raises WrongState or
    PermissionDenied.
    """
    who = authority.of_incident(call, before, action)
    return replace(before, state=LIFE.advance(before.state, action, who.actor)), who


def take(
    conn: Connection, call: Call, after: Incident, step: Step, event: Callable[[events_pb2.IncidentStep], Message]
) -> Incident:
    """Store a step of an incident, with its place in the timeline, and announce it; the incident as it is now."""
    after = replace(after, sequence=after.sequence + 1, update_time=call.now)
    incidents.update_incident(conn, after)
    entry = write_entry(conn, call, after, step)
    outbox.append(conn, call, [(after.name, event(messages.incident_step(after, entry)))])
    return after


def write_entry(conn: Connection, call: Call, incident: Incident, step: Step) -> Entry:
    """Write a step into the timeline of the incident that it has led to."""
    office = step.who.office
    names = places.office_names(conn, incident.district, [office])
    entry = Entry(
        sequence=incident.sequence,
        time=call.now,
        action=step.action,
        actor=step.who.actor,
        user=call.caller.user,
        office=office,
        office_display_name=names.get(office, ""),
        state=incident.state,
        level=incident.level,
        note=step.note,
        task=step.task,
        other_incident=step.other_incident,
        reports=step.reports,
        situation_report=step.situation_report,
        deadline=step.deadline,
        recipient=step.recipient,
        plan_activation=step.plan_activation,
    )
    incident_steps.insert_entry(conn, incident.id, entry)
    return entry


def require_incident(conn: Connection, id_: str, call: Call) -> Incident:
    """The incident, which no other step can change until the transaction ends. Raises NotFound or PermissionDenied."""
    found = incidents.lock_incident(conn, id_)
    return call.existing(found if found and authority.may_see(call, found) else None, INCIDENT, id_)
