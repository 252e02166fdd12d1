"""What other services report of their own resources by events becomes incidents, one of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.border.v1.records_pb2 import ObservationKind
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel, Source
from onegrid_emergency.commands.incidents import ReportIncident, create_incident
from onegrid_emergency.store import incidents as store
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.locations import Location

__all__ = ["OBSERVED", "Reported", "report_source"]

_SOURCES: Final = {
    "petitions": Source.SOURCE_PETITION,
    "findings": Source.SOURCE_INSPECTION,
    "assets": Source.SOURCE_INSPECTION,
    "observations": Source.SOURCE_PATROL,
}
"""How an incident came to be known, by the collection of what it is made of."""
OBSERVED: Final[Mapping[ObservationKind, str]] = {
    ObservationKind.OBSERVATION_KIND_ICE_DAMMING: "凌汛",
    ObservationKind.OBSERVATION_KIND_DIKE_SEEPAGE: "堤坝渗漏、管涌",
    ObservationKind.OBSERVATION_KIND_DIKE_BREACH: "堤坝滑坡、决口",
    ObservationKind.OBSERVATION_KIND_FLOODING: "洪水、内涝",
    ObservationKind.OBSERVATION_KIND_FIRE: "火情",
    ObservationKind.OBSERVATION_KIND_ASSET_DAMAGED: "边防设施损坏",
    ObservationKind.OBSERVATION_KIND_OBSTRUCTION: "道路受阻",
    ObservationKind.OBSERVATION_KIND_SUSPICIOUS_OBJECT: "可疑物品",
    ObservationKind.OBSERVATION_KIND_ANIMAL: "动物异常",
}
"""What a patrol noticed, in words: it may have had no time for a text."""
_MAX_TEXT: Final = 4000
"""How long a report's text may be, as in ReportIncident: so an incident with 100 of them can be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What another service knows of what happens."""

    source_name: str
    """``petitions/{petition}``, ``findings/{finding}``, ``observations/{observation}`` or
    ``assets/{asset}/inspections/{number}``.
    """
    place: str
    """The code of its place, which may be unknown here."""
    kind: IncidentKind
    level: IncidentLevel = IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
    text: str
    location: Location | None = None
    address: str = ""
    occur_time: datetime


def report_source(conn: Connection, reported: Reported, call: Call) -> None:
    """Make an incident of it, unless one was made: whatever of the place, its grid or its offices is unknown."""
    district = codes.district_of(reported.place)
    if store.has_source(conn, district, reported.source_name):
        return
    collection, _, _ = reported.source_name.partition("/")
    text = reported.text
    command = ReportIncident(
        district=district,
        kind=reported.kind,
        level=reported.level,
        # The rest can be read where it came from.
        text=text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…",
        place=reported.place,
        location=reported.location,
        address=reported.address,
        source=_SOURCES[collection],
        # The clocks of two services may differ.
        occur_time=min(reported.occur_time, call.now),
        source_name=reported.source_name,
    )
    create_incident(conn, command, call)
