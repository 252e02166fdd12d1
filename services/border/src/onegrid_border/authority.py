"""Who may see a patrol, and what was noticed on it."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid_border.observation import OBSERVATION, Observation
from onegrid_border.patrol import PATROL, Patrol
from onegrid_border.store import observations
from onegrid_border.store import patrols as store
from onegrid_kit.callers import Call

__all__ = ["allowed", "require_observation", "require_patrol"]


def require_patrol(conn: Connection, id_: str, call: Call) -> Patrol:
    """A patrol that the caller may see. Raises PermissionDenied or NotFound."""
    return allowed(store.find_patrol(conn, id_), id_, call)


def allowed(found: Patrol | None, id_: str, call: Call) -> Patrol:
    """The patrol of that id, if the caller has the call's permission over its unit's place, or leads it and has the
    permission over what is their own. Raises PermissionDenied or NotFound.
    """
    found = call.existing(found, PATROL, id_)
    owner = call.caller.user if call.caller.user in (found.leader, found.planned_leader) else ""
    call.caller.require(call.permission, found.office, owner=owner)
    return found


def require_observation(conn: Connection, id_: str, call: Call) -> Observation:
    """An observation of a patrol that the caller may see. Raises PermissionDenied or NotFound."""
    found = call.existing(observations.find_observation(conn, id_), OBSERVATION, id_)
    require_patrol(conn, found.patrol, call)
    return found
