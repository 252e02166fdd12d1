"""Reports of the situation upward (信息报告), and until when each is due.

The national rules bound what all levels of government together may take: grave and especially grave incidents are known
to the State Council within 4 hours (国家突发公共事件总体应急预案, 2006, 3.2.1), and each level passes an accident on
within 2 hours (生产安全事故报告和调查处理条例, State Council Decree 493, art. 11). A district is one of the levels: it
takes an hour for what is grave, and two for the rest. How often reports follow, no national rule says; "promptly"
(art. 13 of the decree) is made to hours here. The final report is due when the 7 days are over for which casualties of
fires and traffic accidents are counted (the same article).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid.emergency.v1.incident_tasks_pb2 import SituationReportKind
from onegrid.emergency.v1.resources_pb2 import IncidentLevel
from onegrid_kit.names import ResourceName

__all__ = ["FINAL_WITHIN", "FIRST_WITHIN", "FOLLOW_UP_WITHIN", "Casualties", "SituationReport"]

_SITUATION_REPORT: Final = ResourceName("incidents/{incident}/situationReports/{number}")
FIRST_WITHIN: Final = {
    IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED: timedelta(hours=4),
    IncidentLevel.INCIDENT_LEVEL_I: timedelta(hours=1),
    IncidentLevel.INCIDENT_LEVEL_II: timedelta(hours=1),
    IncidentLevel.INCIDENT_LEVEL_III: timedelta(hours=2),
    IncidentLevel.INCIDENT_LEVEL_IV: timedelta(hours=2),
}
"""How soon the first report is due, from when the incident was reported or got this level."""
FOLLOW_UP_WITHIN: Final = {
    IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED: timedelta(hours=24),
    IncidentLevel.INCIDENT_LEVEL_I: timedelta(hours=2),
    IncidentLevel.INCIDENT_LEVEL_II: timedelta(hours=4),
    IncidentLevel.INCIDENT_LEVEL_III: timedelta(hours=12),
    IncidentLevel.INCIDENT_LEVEL_IV: timedelta(hours=24),
}
"""How soon the next one is due, from the one before."""
FINAL_WITHIN: Final = timedelta(days=7)
"""How soon the final one is due, from all clear."""


@dataclass(frozen=True, slots=True)
class Casualties:
    """How many people an incident has harmed."""

    dead: int = 0
    missing: int = 0
    injured: int = 0
    relocated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationReport:
    """What was reported upward."""

    incident: str
    """The incident's id."""
    number: int
    kind: SituationReportKind
    text: str
    casualties: Casualties
    author: str
    """``users/{user}``."""
    office: str
    due_time: datetime
    create_time: datetime

    @property
    def name(self) -> str:
        """``incidents/{incident}/situationReports/{number}``."""
        return _SITUATION_REPORT.name(self.incident, self.number)
