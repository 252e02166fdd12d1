"""Petitions that are emergencies: reported to emergency, and followed as the incidents that it makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Connection

from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import Action, Actor
from onegrid_kit.batches import Item
from onegrid_kit.callers import Call
from onegrid_kit.incidents import IncidentStep, ids_among
from onegrid_kit.locations import point
from onegrid_kit.timestamps import timestamp
from onegrid_petition import authority, lifecycle, messages, store
from onegrid_petition.authority import Standing
from onegrid_petition.commands.steps import Step, current, decided
from onegrid_petition.petition import PETITION, Decision, Known

__all__ = ["ReportEmergency", "follow_incident", "report_emergency", "track_incident"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEmergency:
    """What a petition seems to be."""

    petition: str
    """The petition's id."""
    kind: IncidentKind
    level: IncidentLevel = IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
    note: str = ""
    etag: str = ""


def report_emergency(known: Known, command: ReportEmergency, call: Call) -> Decision:
    """Report a petition as an emergency (上报突发事件). Raises EmergencyReported."""
    action = Action.ACTION_REPORT_EMERGENCY
    before = current(known, command, call)
    who = authority.of_office(call, before, action)
    state = lifecycle.LIFE.advance(before.state, action, who.actor)
    after = replace(before.reported_as_emergency(call.now), state=state)

    def escalated(step: events_pb2.Step) -> events_pb2.PetitionEscalated:
        step.ClearField("petitioner")
        return events_pb2.PetitionEscalated(
            step=step,
            incident_kind=command.kind,
            incident_level=command.level,
            note=command.note,
            text=after.text,
            location=point(after.location),
            address=after.address,
            reporter=call.caller.user,
            create_time=timestamp(after.create_time),
        )

    return decided(known, call, after, Step(action, who, internal_note=command.note), escalated)


def follow_incident(conn: Connection, step: IncidentStep) -> None:
    """Have petitions say what the incident is now that they are part of, and of which one they are."""
    store.INCIDENT_LINKS.follow(conn, step, petitions=step.ids(PETITION))


def track_incident(conn: Connection, step: IncidentStep, sources: Sequence[str], call: Call) -> None:
    """The same, with an entry for the offices in the timeline of each petition of `sources`, once."""
    follow_incident(conn, step)
    for id_ in sorted(ids_among(sources, PETITION)):
        before = store.lock_petition(conn, id_)
        if before is None or not store.keep_tracked(conn, step.district, id_, step.incident.name, step.sequence):
            continue
        # What happened in between may have come sooner.
        now = replace(call, now=max(call.now, before.update_time), resource=before.name)
        decision = decided(
            Known(before),
            now,
            before,
            Step(Action.ACTION_TRACK_INCIDENT, Standing(Actor.ACTOR_SYSTEM, ""), incident=step.incident),
            lambda taken: events_pb2.IncidentTracked(step=taken, incident=messages.incident(step.incident)),
        )
        store.take_steps.run(conn, [Item(now, store.decision_row(decision), decision.event, Empty())])
