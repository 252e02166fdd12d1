"""Observations: made of entries, corrected when those are judged, brought to emergency, followed as incidents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from onegrid.border.v1 import events_pb2
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid_border import messages
from onegrid_border.errors import ObservationEscalated
from onegrid_border.observation import OBSERVATION, Observation, id_of, incident_kind_of, incident_level_of, observed
from onegrid_border.patrol import Patrol
from onegrid_border.records import record_of
from onegrid_border.store import observations as store
from onegrid_border.store.cells import cell_at, known_cells
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.field.derived import judged_alone
from onegrid_kit.field.device_keys import DeviceKey
from onegrid_kit.field.log import KeptEntry
from onegrid_kit.field.model import JudgedEntry
from onegrid_kit.persons import require_nobody

__all__ = [
    "EscalateObservation",
    "correct_observations",
    "escalate_observation",
    "record_observation",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateObservation:
    """What an observation seems to be."""

    observation: str
    """The observation's id."""
    kind: IncidentKind
    """Unspecified: what the observation's kind suggests."""
    level: IncidentLevel
    """Unspecified: as grave as it seemed to the unit."""
    note: str


def record_observation(conn: Connection, patrol: Patrol, kept: KeptEntry, key: DeviceKey, call: Call) -> None:
    """Make an observation of an entry that has just been stored, unless there is one. What follows from other entries
    and from the device's clock is known once the patrol is looked at; what goes to emergency does not wait for that.
    `key`: of the device that sent it.
    """
    record = record_of(kept.entry).observe
    entry = judged_alone(kept, key, call.now)
    cell = cell_at(conn, patrol.district, entry.location) if entry.location else None
    new = observed(patrol, record, entry, cell, call.now)
    # Whoever has a device that is lost sends nobody anywhere: an office reads first what it says.
    escalate = record.escalate and key.lost_time is None and key.revoke_time is None
    if escalate:
        new = new.escalated(call.now)
    if not store.insert_observation(conn, new):
        return
    outbox.append(conn, call, [(new.name, events_pb2.ObservationRecorded(observation=messages.observation(new)))])
    if escalate:
        _announce_escalated(conn, new, kept.entry.author, call)


def correct_observations(conn: Connection, entries: Iterable[tuple[str, JudgedEntry]]) -> None:
    """Have the observations that were made of these entries say when that was, and what is odd about it. Each entry has
    the district that keeps it.
    """
    made = [(district, id_of(district, each.entry.hash), each) for district, each in entries]
    store.CORRECTIONS.make(conn, made)


def escalate_observation(conn: Connection, command: EscalateObservation, call: Call) -> Observation:
    """Have emergency make an incident of an observation. Raises PermissionDenied, NotFound, PersonInText or
    ObservationEscalated.
    """
    before = call.existing(store.lock_observation(conn, command.observation), OBSERVATION, command.observation)
    call.caller.require(call.permission, before.office)
    require_nobody(partial(known_cells, conn), note=command.note)
    if before.escalate_time is not None:
        raise ObservationEscalated(before.name, before.escalate_time)
    after = before.escalated(call.now)
    store.save_escalated(conn, after)
    _announce_escalated(conn, after, call.caller.user, call, command)
    return after


def _announce_escalated(
    conn: Connection, of: Observation, reporter: str, call: Call, command: EscalateObservation | None = None
) -> None:
    event = events_pb2.ObservationEscalated(
        observation=messages.observation(of),
        incident_kind=(command and command.kind) or incident_kind_of(of.kind),
        incident_level=(command and command.level) or incident_level_of(of.hazard),
        note=command.note if command else "",
        reporter=reporter,
    )
    outbox.append(conn, call, [(of.name, event)])
