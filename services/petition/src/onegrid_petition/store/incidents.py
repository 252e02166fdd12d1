"""The statements over what emergency announced of incidents."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit.incident_links import IncidentLinks
from onegrid_petition.tables import incident, petition, tracked

__all__ = ["INCIDENT_LINKS", "keep_tracked"]

INCIDENT_LINKS: Final = IncidentLinks(incident, petitions=petition)


def keep_tracked(conn: Connection, district: str, id_: str, name: str, sequence: int) -> bool:
    """Note that a petition's timeline has this step of an incident; False if it had."""
    row = {"district": district, "petition": id_, "incident": name, "sequence": sequence}
    added = insert(tracked).values(row).on_conflict_do_nothing().returning(tracked.c.sequence)
    return conn.execute(added).one_or_none() is not None
