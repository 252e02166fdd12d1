"""Findings (巡查发现): a place, and a hazard or a dispute; frozen, and changed only into others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.emergency.v1.resources_pb2 import IncidentKind
from onegrid.field.v1.field_pb2 import Mark
from onegrid.grid.v1.records_pb2 import Find, FindingKind, HazardLevel
from onegrid_grid.inspection_round import cell_of
from onegrid_kit import codes
from onegrid_kit.field.model import JudgedEntry, derived_id
from onegrid_kit.incidents import Incident
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName

__all__ = ["FINDING", "Finding", "found", "incident_kind_of"]

FINDING: Final = ResourceName("findings/{finding}")
_ACCIDENT: Final = IncidentKind.INCIDENT_KIND_ACCIDENT
_INCIDENT_KINDS: Final[Mapping[FindingKind, IncidentKind]] = {
    FindingKind.FINDING_KIND_FIRE: _ACCIDENT,
    FindingKind.FINDING_KIND_FIRE_HAZARD: _ACCIDENT,
    FindingKind.FINDING_KIND_GAS_OR_ELECTRICITY: _ACCIDENT,
    FindingKind.FINDING_KIND_BUILDING: _ACCIDENT,
    FindingKind.FINDING_KIND_WORK_SAFETY: _ACCIDENT,
    FindingKind.FINDING_KIND_FLOODING: IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
    FindingKind.FINDING_KIND_FACILITY_DAMAGED: _ACCIDENT,
    FindingKind.FINDING_KIND_ENVIRONMENT: IncidentKind.INCIDENT_KIND_PUBLIC_HEALTH,
    FindingKind.FINDING_KIND_SECURITY: IncidentKind.INCIDENT_KIND_PUBLIC_SAFETY,
    FindingKind.FINDING_KIND_DISPUTE: IncidentKind.INCIDENT_KIND_PUBLIC_SAFETY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was found on a round."""

    id: str
    """The code of its place, and what follows from the entry."""
    round: str
    """The round's id."""
    entry_id: str
    kind: FindingKind
    hazard_level: HazardLevel
    text: str
    media: tuple[str, ...]
    location: Location | None
    time: datetime
    """As far as it has been judged."""
    anchored: bool
    marks: tuple[Mark, ...]
    create_time: datetime
    escalate_time: datetime | None = None
    incident: Incident | None = None
    transfer_time: datetime | None = None
    petition: str = ""
    """``petitions/{petition}``, or empty."""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def place(self) -> str:
        """The code of the cell that it lies in."""
        return cell_of(self.id)

    @property
    def derived_id(self) -> str:
        """The part of its id that follows from the entry alone."""
        return self.id.partition("-")[2]

    @property
    def name(self) -> str:
        """``findings/{finding}``."""
        return FINDING.name(self.id)

    def escalated(self, now: datetime) -> Finding:
        """As it is once it goes to emergency."""
        return replace(self, escalate_time=now)

    def transferred(self, now: datetime) -> Finding:
        """As it is once it is to be handled as a petition."""
        return replace(self, transfer_time=now)


def found(round_id: str, record: Find, entry: JudgedEntry, cell: str | None, now: datetime) -> Finding:
    """What an entry says, judged as far as it can be. `cell`: the one that it lies in, if that is known."""
    return Finding(
        id=f"{cell or cell_of(round_id)}-{derived_id(entry.entry.hash)}",
        round=round_id,
        entry_id=entry.entry.entry_id,
        kind=record.kind,
        hazard_level=record.hazard_level,
        text=record.text,
        media=tuple(record.media),
        location=entry.location,
        time=entry.time,
        anchored=entry.anchored,
        marks=entry.marks,
        create_time=now,
    )


def incident_kind_of(kind: FindingKind) -> IncidentKind:
    """What kind of incident it seems to be; unspecified where nobody can say."""
    return _INCIDENT_KINDS.get(kind, IncidentKind.INCIDENT_KIND_UNSPECIFIED)
