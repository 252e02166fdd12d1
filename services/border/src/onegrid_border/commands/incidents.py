"""Emergency's incidents, as far as they are made of what border found."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_border.commands.defects import inspections_among
from onegrid_border.observation import OBSERVATION
from onegrid_border.store.incidents import INCIDENT_LINKS
from onegrid_kit.incidents import IncidentStep

__all__ = ["follow_incident"]


def follow_incident(conn: Connection, step: IncidentStep) -> None:
    """Have observations and inspections say what the incident is now that they are part of, and of which one they
    are.
    """
    INCIDENT_LINKS.follow(conn, step, observations=step.ids(OBSERVATION), inspections=inspections_among(step.sources))
