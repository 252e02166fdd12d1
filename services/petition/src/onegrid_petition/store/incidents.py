"""The statements over what emergency announced of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit.projections import keep_newest
from onegrid_petition.petition import Incident
from onegrid_petition.tables import incident, tracked

__all__ = ["follow_incident", "keep_incident", "keep_tracked"]

_LOCK: Final = text(
    """
    SELECT id FROM petition
    WHERE district = :district AND (id = ANY (CAST(:ids AS text[])) OR incident = :incident AND incident <> '')
    ORDER BY id FOR UPDATE
    """
)
# While not all events of a merge or split have come, two incidents may have the same petition, or none.
_FOLLOW: Final = text(
    """
    UPDATE petition SET
      incident = link.incident, incident_state = link.state, incident_level = link.level
    FROM (
      SELECT wanted.id, coalesce(newest.name, '') AS incident, coalesce(newest.state, 0) AS state,
             coalesce(newest.level, 0) AS level
      FROM unnest(CAST(:ids AS text[])) AS wanted (id)
      LEFT JOIN LATERAL (
        SELECT name, state, level FROM incident
        WHERE district = :district AND petitions @> ARRAY[wanted.id] ORDER BY time DESC, name LIMIT 1
      ) AS newest ON true
    ) AS link
    WHERE petition.district = :district AND petition.id = link.id
    """
)


def keep_incident(
    conn: Connection, district: str, announced: Incident, version: int, time: datetime, petitions: Sequence[str]
) -> bool:
    """Keep what emergency announced of an incident, and the ids of the petitions that it has a report of; whether that
    is the newest.
    """
    key = {"district": district, "name": announced.name}
    values = {"state": announced.state, "level": announced.level, "time": time, "petitions": list(petitions)}
    return keep_newest(conn, incident, key, version, values)


def follow_incident(conn: Connection, district: str, name: str, petitions: Sequence[str]) -> None:
    """Have these petitions, and those that are part of the incident by what was known before, say of which incident
    they are part now.
    """
    # Events of two incidents may concern the same petition: whoever is second reads what the first has stored.
    wanted = {"district": district, "incident": name, "ids": list(petitions)}
    ids = conn.execute(_LOCK, wanted).scalars().all()
    if ids:
        conn.execute(_FOLLOW, {"district": district, "ids": ids})


def keep_tracked(conn: Connection, district: str, petition: str, name: str, sequence: int) -> bool:
    """Note that a petition's timeline has this step of an incident; False if it had."""
    row = {"district": district, "petition": petition, "incident": name, "sequence": sequence}
    added = insert(tracked).values(row).on_conflict_do_nothing().returning(tracked.c.sequence)
    return conn.execute(added).one_or_none() is not None
