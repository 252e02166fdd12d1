"""Emergency's incidents, as those see them whose resources they were made of: petitions, observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.resources_pb2 import IncidentLevel, IncidentState
from onegrid_kit import codes
from onegrid_kit.names import ResourceName, code_in

__all__ = ["Incident", "IncidentStep", "LaterStep", "fields_of", "first_step", "ids_among", "later_step"]

LaterStep: TypeAlias = (
    events_pb2.IncidentResponded
    | events_pb2.IncidentGraded
    | events_pb2.IncidentReviewed
    | events_pb2.IncidentMerged
    | events_pb2.IncidentDismissed
    | events_pb2.IncidentReopened
    | events_pb2.AllClearDeclared
    | events_pb2.ReportsMoved
    | events_pb2.ReportsDetached
)
"""The events that say where an incident stands and what it is made of, beside the one of its first report."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What is known of an incident."""

    name: str
    """``incidents/{incident}``."""
    state: IncidentState
    level: IncidentLevel


def fields_of(incident: Incident | None) -> dict[str, Any]:
    """What a message of a resource says of the incident that it is part of: nothing if it is part of none."""
    if incident is None:
        return {}
    return {"incident": incident.name, "incident_state": incident.state, "incident_level": incident.level}


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentStep:
    """A step that an incident took."""

    incident: Incident
    """As it was after it."""
    sequence: int
    """Its number in the incident's timeline."""
    complete: bool = True
    """Whether `sources` are all of the incident's."""
    time: datetime
    sources: Sequence[str]
    """What the incident's reports were made of, by name: petitions, observations and others."""

    @property
    def district(self) -> str:
        """The incident's district, which is that of what it was made of."""
        return codes.district_of(code_in(self.incident.name))

    @property
    def version(self) -> int:
        """Of what is known of the incident's sources: grows with every step that names all of them."""
        return self.sequence if self.complete else 0

    def ids(self, resource: ResourceName) -> list[str]:
        """The ids of those of its sources that are of this kind."""
        return ids_among(self.sources, resource)


def ids_among(sources: Sequence[str], resource: ResourceName) -> list[str]:
    """The ids of those of these names that are of this kind."""
    collection = resource.pattern.partition("{")[0]
    return [resource.id(source) for source in sources if source.startswith(collection)]


def first_step(event: events_pb2.IncidentReported) -> IncidentStep:
    """The step of an incident's first report."""
    incident = Incident(event.incident, IncidentState.INCIDENT_STATE_REPORTED, IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED)
    return IncidentStep(
        incident=incident,
        sequence=1,
        # One that was split off may have more reports: ReportsMoved, of the same step, has the sources of all.
        complete=False,
        time=event.time.ToDatetime(tzinfo=UTC),
        sources=[event.source_name],
    )


def later_step(event: LaterStep) -> IncidentStep:
    """The step that an event announces."""
    step = event.step
    return IncidentStep(
        incident=Incident(step.incident, step.state, step.level),
        sequence=step.sequence,
        time=step.time.ToDatetime(tzinfo=UTC),
        sources=step.sources,
    )
