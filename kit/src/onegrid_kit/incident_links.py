"""Which incident a resource is part of, and where that stands: followed by emergency's events, and the same in whatever
order they come, and however often. Emergency's contract names who follows as a subscriber.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table, text

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.resources_pb2 import IncidentLevel, IncidentState
from onegrid_kit.events import Delivery, Subscription, on
from onegrid_kit.incidents import Incident, IncidentStep, LaterStep, first_step, later_step
from onegrid_kit.projections import keep_newest

__all__ = ["IncidentLinks", "following_incidents", "incident_in"]


class IncidentLinks:
    """The links of a service's resources, of one kind or of several.

    `known`: what emergency announced of incidents, by `district` and `name`: `version`, `state`, `level`, `time`, and
    for each kind of resource an array of the ids of those that they have a report of. `linked`: by the name of that
    array, the table of the resources, with `district`, `id`, and of its incident `incident` (empty: none),
    `incident_state` and `incident_level`.
    """

    def __init__(self, known: Table, **linked: Table) -> None:
        self._known = known
        self._linked = {members: _Linked(table, known, members) for members, table in linked.items()}

    def follow(self, conn: Connection, step: IncidentStep, **ids: Sequence[str]) -> None:
        """Have resources say what the incident is now that they are part of, and of which one they are: those with
        these ids, which a step names, by the names of the arrays; and those that were part of its incident by what was
        known before.
        """
        incident = step.incident
        key = {"district": step.district, "name": incident.name}
        values = {"state": incident.state, "level": incident.level, "time": step.time}
        members = {name: list(ids[name]) for name in self._linked}
        if not keep_newest(conn, self._known, key, step.version, {**values, **members}):
            return
        for name, linked in self._linked.items():
            linked.follow(conn, step.district, incident.name, members[name])


class _Linked:
    """The statements over one kind of resource."""

    def __init__(self, linked: Table, known: Table, members: str) -> None:
        self._lock = text(
            f"""
            SELECT id FROM {linked.name}
            WHERE district = :district
              AND (id = ANY (CAST(:ids AS text[])) OR incident = :incident AND incident <> '')
            ORDER BY id FOR UPDATE
            """
        )
        # While not all events of a merge or split have come, two incidents may have the same resource, or none.
        self._follow = text(
            f"""
            UPDATE {linked.name} SET
              incident = link.incident, incident_state = link.state, incident_level = link.level
            FROM (
              SELECT wanted.id, coalesce(newest.name, '') AS incident, coalesce(newest.state, 0) AS state,
                     coalesce(newest.level, 0) AS level
              FROM unnest(CAST(:ids AS text[])) AS wanted (id)
              LEFT JOIN LATERAL (
                SELECT name, state, level FROM {known.name}
                WHERE district = :district AND {members} @> ARRAY[wanted.id] ORDER BY time DESC, name LIMIT 1
              ) AS newest ON true
            ) AS link
            WHERE {linked.name}.district = :district AND {linked.name}.id = link.id
            """
        )

    def follow(self, conn: Connection, district: str, incident: str, ids: Sequence[str]) -> None:
        # Events of two incidents may concern the same resource: whoever is second reads what the first has stored.
        wanted = {"district": district, "incident": incident, "ids": ids}
        locked = conn.execute(self._lock, wanted).scalars().all()
        if locked:
            conn.execute(self._follow, {"district": district, "ids": locked})


def incident_in(row: Any) -> Incident | None:
    """The incident that a row of a linked table says that its resource is part of."""
    if not row.incident:
        return None
    return Incident(row.incident, cast(IncidentState, row.incident_state), cast(IncidentLevel, row.incident_level))


def following_incidents(follow: Callable[[Connection, IncidentStep], None]) -> tuple[Subscription, ...]:
    """The handlers of all that emergency announces of where incidents stand and what they are made of."""

    def follow_reported(conn: Connection, event: events_pb2.IncidentReported, _: Delivery) -> None:
        follow(conn, first_step(event))

    def follow_step(conn: Connection, event: LaterStep, _: Delivery) -> None:
        follow(conn, later_step(event))

    return (
        on("follow_reported", events_pb2.IncidentReported, follow_reported),
        on("follow_responded", events_pb2.IncidentResponded, follow_step),
        on("follow_graded", events_pb2.IncidentGraded, follow_step),
        on("follow_reviewed", events_pb2.IncidentReviewed, follow_step),
        on("follow_merged", events_pb2.IncidentMerged, follow_step),
        on("follow_moved", events_pb2.ReportsMoved, follow_step),
        on("follow_detached", events_pb2.ReportsDetached, follow_step),
        on("follow_all_clear", events_pb2.AllClearDeclared, follow_step),
        on("follow_dismissed", events_pb2.IncidentDismissed, follow_step),
        on("follow_reopened", events_pb2.IncidentReopened, follow_step),
    )
