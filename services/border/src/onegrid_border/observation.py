"""Observations (巡查发现): a place, an event and a hazard; frozen, and changed only into others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.border.v1.records_pb2 import Hazard, ObservationKind, Observe
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.field.v1.field_pb2 import Mark
from onegrid_border.patrol import Patrol
from onegrid_kit import codes
from onegrid_kit.field.model import JudgedEntry, derived_id
from onegrid_kit.incidents import Incident
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName

__all__ = ["OBSERVATION", "Observation", "id_of", "incident_kind_of", "incident_level_of", "observed"]

OBSERVATION: Final = ResourceName("observations/{observation}")
_NATURAL: Final = IncidentKind.INCIDENT_KIND_NATURAL_DISASTER
_ACCIDENT: Final = IncidentKind.INCIDENT_KIND_ACCIDENT
_INCIDENT_KINDS: Final[Mapping[ObservationKind, IncidentKind]] = {
    ObservationKind.OBSERVATION_KIND_ICE_DAMMING: _NATURAL,
    ObservationKind.OBSERVATION_KIND_DIKE_SEEPAGE: _NATURAL,
    ObservationKind.OBSERVATION_KIND_DIKE_BREACH: _NATURAL,
    ObservationKind.OBSERVATION_KIND_FLOODING: _NATURAL,
    ObservationKind.OBSERVATION_KIND_FIRE: _ACCIDENT,
    ObservationKind.OBSERVATION_KIND_ASSET_DAMAGED: _ACCIDENT,
    ObservationKind.OBSERVATION_KIND_OBSTRUCTION: _ACCIDENT,
    ObservationKind.OBSERVATION_KIND_SUSPICIOUS_OBJECT: IncidentKind.INCIDENT_KIND_PUBLIC_SAFETY,
    ObservationKind.OBSERVATION_KIND_ANIMAL: IncidentKind.INCIDENT_KIND_PUBLIC_HEALTH,
}
_INCIDENT_LEVELS: Final[Mapping[Hazard, IncidentLevel]] = {
    Hazard.HAZARD_I: IncidentLevel.INCIDENT_LEVEL_I,
    Hazard.HAZARD_II: IncidentLevel.INCIDENT_LEVEL_II,
    Hazard.HAZARD_III: IncidentLevel.INCIDENT_LEVEL_III,
    Hazard.HAZARD_IV: IncidentLevel.INCIDENT_LEVEL_IV,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Something that a unit noticed on a patrol."""

    id: str
    patrol: str
    """The patrol's id."""
    unit: str
    """The unit's id."""
    entry_id: str
    kind: ObservationKind
    hazard: Hazard
    text: str
    media: tuple[str, ...]
    asset: str
    """``assets/{asset}``, or empty."""
    location: Location | None
    place: str
    """The code of the cell that it lies in, or of what contains it."""
    time: datetime
    """As far as it has been judged."""
    anchored: bool
    marks: tuple[Mark, ...]
    create_time: datetime
    escalate_time: datetime | None = None
    incident: Incident | None = None

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def office(self) -> str:
        """The code of the place or department that answers for the unit."""
        return codes.office_of(self.unit)

    @property
    def name(self) -> str:
        """``observations/{observation}``."""
        return OBSERVATION.name(self.id)

    def escalated(self, now: datetime) -> Observation:
        """As it is once it goes to emergency."""
        return replace(self, escalate_time=now)


def id_of(district: str, entry_hash: bytes) -> str:
    """The id of the observation that is made of an entry: the same each time, and another one for each entry."""
    return f"{district}-{derived_id(entry_hash)}"


def observed(patrol: Patrol, record: Observe, entry: JudgedEntry, cell: str | None, now: datetime) -> Observation:
    """What an entry says, judged as far as it can be. `cell`: the one that it lies in, if that is known."""
    return Observation(
        id=id_of(patrol.district, entry.entry.hash),
        patrol=patrol.id,
        unit=patrol.unit,
        entry_id=entry.entry.entry_id,
        kind=record.kind,
        hazard=record.hazard,
        text=record.text,
        media=tuple(record.media),
        asset=record.asset,
        location=entry.location,
        place=cell or (patrol.district if codes.is_department(patrol.office) else patrol.office),
        time=entry.time,
        anchored=entry.anchored,
        marks=entry.marks,
        create_time=now,
    )


def incident_kind_of(kind: ObservationKind) -> IncidentKind:
    """What kind of incident it seems to be; unspecified where nobody can say."""
    return _INCIDENT_KINDS.get(kind, IncidentKind.INCIDENT_KIND_UNSPECIFIED)


def incident_level_of(hazard: Hazard) -> IncidentLevel:
    """How grave an incident it seems to be; unspecified where nobody can say."""
    return _INCIDENT_LEVELS.get(hazard, IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED)
