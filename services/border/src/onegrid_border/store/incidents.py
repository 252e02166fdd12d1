"""The links of what border found to emergency's incidents."""

from __future__ import annotations

from typing import Final

from onegrid_border.tables import incident, inspection, observation
from onegrid_kit.incident_links import IncidentLinks

__all__ = ["INCIDENT_LINKS"]

INCIDENT_LINKS: Final = IncidentLinks(incident, observations=observation, inspections=inspection)
