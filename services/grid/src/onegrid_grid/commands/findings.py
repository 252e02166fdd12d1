"""Findings: made of entries, brought to emergency and followed as incidents, handled as petitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.grid.v1 import events_pb2
from onegrid.grid.v1.records_pb2 import RoundRecord
from onegrid_grid import messages
from onegrid_grid.errors import FindingEscalated, FindingTransferred
from onegrid_grid.finding import FINDING, Finding, found, incident_kind_of
from onegrid_grid.inspection_round import ROUND
from onegrid_grid.store import findings as store
from onegrid_grid.store.registry import boundaries_near, known_cells
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.field.derived import judged_alone
from onegrid_kit.field.device_keys import DeviceKey
from onegrid_kit.field.log import KeptEntry
from onegrid_kit.geometry import CellIndex
from onegrid_kit.incidents import IncidentStep
from onegrid_kit.locations import Location
from onegrid_kit.persons import require_nobody

__all__ = [
    "EscalateFinding",
    "escalate_finding",
    "follow_incident",
    "link_petition",
    "record_findings",
    "transfer_finding",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateFinding:
    """What a finding seems to be."""

    finding: str
    """The finding's id."""
    kind: IncidentKind
    """Unspecified: what the finding's kind suggests."""
    level: IncidentLevel
    note: str


def record_findings(
    conn: Connection, recorded: Sequence[tuple[KeptEntry, RoundRecord]], key: DeviceKey, call: Call
) -> None:
    """Make findings of entries that have just been stored, of each one, unless there is one. What follows from other
    entries and from the device's clock is known once the round is looked at; what goes to emergency does not wait for
    that. `key`: of the device that sent them.
    """
    alone = [judged_alone(kept, key, call.now) for kept, _ in recorded]
    cells = _cells_at(conn, key.district, [each.location for each in alone])
    # Whoever has a device that is lost sends nobody anywhere: an office reads first what it says.
    trusted = key.lost_time is None and key.revoke_time is None
    for (kept, record), entry, cell in zip(recorded, alone, cells, strict=True):
        new = found(ROUND.id(record.round), record.find, entry, cell, call.now)
        escalate = record.find.escalate and trusted
        if escalate:
            new = new.escalated(call.now)
        if not store.insert_finding(conn, new):
            continue
        outbox.append(conn, call, [(new.name, events_pb2.FindingRecorded(finding=messages.finding(new)))])
        if escalate:
            _announce_escalated(conn, new, kept.entry.author, call)


def escalate_finding(conn: Connection, command: EscalateFinding, call: Call) -> Finding:
    """Have emergency make an incident of a finding. Raises NotFound, PersonInText or FindingEscalated."""
    before = _locked(conn, command.finding, command.note)
    if before.escalate_time is not None:
        raise FindingEscalated(before.name, before.escalate_time)
    after = before.escalated(call.now)
    store.save_steps(conn, after)
    _announce_escalated(conn, after, call.caller.user, call, command)
    return after


def transfer_finding(conn: Connection, id_: str, note: str, call: Call) -> Finding:
    """Have petition file a petition for a finding. Raises NotFound, PersonInText or FindingTransferred."""
    before = _locked(conn, id_, note)
    if before.transfer_time is not None:
        raise FindingTransferred(before.name, before.transfer_time)
    after = before.transferred(call.now)
    store.save_steps(conn, after)
    event = events_pb2.FindingTransferred(
        finding=messages.finding(after), note=note, requester=call.caller.user, requester_kind=call.caller.kind
    )
    outbox.append(conn, call, [(after.name, event)])
    return after


def link_petition(conn: Connection, finding: str, petition: str) -> None:
    """Have a finding say which petition was filed for it."""
    store.save_petition(conn, FINDING.id(finding), petition)


def follow_incident(conn: Connection, step: IncidentStep) -> None:
    """Have findings say what the incident is now that they are part of, and of which one they are."""
    store.INCIDENT_LINKS.follow(conn, step, findings=step.ids(FINDING))


def _locked(conn: Connection, id_: str, note: str) -> Finding:
    """A finding that something is to be done with, to whose text the note is added."""
    found = store.lock_finding(conn, id_)
    if found is None:
        raise NotFound(FINDING.name(id_))
    require_nobody(partial(known_cells, conn), note=note)
    return found


def _cells_at(conn: Connection, district: str, locations: Sequence[Location | None]) -> list[str | None]:
    """The district's cell that each of these lies in, if one does, as LocateCell finds it."""
    corners = [(each.longitude, each.latitude) for each in locations if each is not None]
    near = boundaries_near(conn, corners) if corners else []
    index = CellIndex([(code, ring) for code, ring in near if codes.district_of(code) == district])
    return [None if each is None else index.locate(each.longitude, each.latitude) for each in locations]


def _announce_escalated(
    conn: Connection, of: Finding, reporter: str, call: Call, command: EscalateFinding | None = None
) -> None:
    event = events_pb2.FindingEscalated(
        finding=messages.finding(of),
        incident_kind=(command and command.kind) or incident_kind_of(of.kind),
        incident_level=command.level if command else IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED,
        note=command.note if command else "",
        reporter=reporter,
    )
    outbox.append(conn, call, [(of.name, event)])
