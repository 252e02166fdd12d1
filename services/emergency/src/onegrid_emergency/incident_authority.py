"""In what capacity a caller acts on an incident, and what kind of viewer of it the caller is.

A permission grants an action over a place; this decides whether it applies to this incident, and in which capacity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentActor
from onegrid_emergency.incident import Incident
from onegrid_emergency.incident_lifecycle import LIFE
from onegrid_emergency.incident_task import Task
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied
from onegrid_kit.visibility import Viewer

__all__ = [
    "OWNER",
    "SYSTEM",
    "Standing",
    "acts_for",
    "may_see",
    "of_incident",
    "of_participant",
    "of_task",
    "require_in_district",
    "viewer_of",
]

_READ_REPORTERS: Final = "emergency.reporters.read"
_ACTORS: Final = {
    OaLevel.OA_LEVEL_DISTRICT: IncidentActor.INCIDENT_ACTOR_COMMAND_CENTRE,
    OaLevel.OA_LEVEL_STREET: IncidentActor.INCIDENT_ACTOR_STREET,
    OaLevel.OA_LEVEL_COMMUNITY: IncidentActor.INCIDENT_ACTOR_COMMUNITY,
    OaLevel.OA_LEVEL_GRID: IncidentActor.INCIDENT_ACTOR_GRID_WORKER,
}
OWNER: Final = Viewer(owner=True)
"""Who reported it, as a viewer of the report."""


@dataclass(frozen=True, slots=True)
class Standing:
    """As whom a caller acts."""

    actor: IncidentActor
    """In what capacity."""
    office: str
    """For which office."""


SYSTEM: Final = Standing(IncidentActor.INCIDENT_ACTOR_SYSTEM, "")
"""The platform itself."""


def of_incident(call: Call, incident: Incident, action: IncidentAction) -> Standing:
    """As whom the caller takes the action on the incident. Raises PermissionDenied."""
    able = LIFE.actors_of(action)
    if IncidentActor.INCIDENT_ACTOR_COMMANDER in able and _commands(call, incident):
        return Standing(IncidentActor.INCIDENT_ACTOR_COMMANDER, _own_office(call))
    for grant in call.caller.grants_over(call.permission, incident.place):
        actor = _ACTORS.get(grant.level)
        if actor in able:
            # A grid worker speaks for the community: a cell has no desk.
            return Standing(actor, codes.community_of(grant.scope))
    raise PermissionDenied(call.permission)


def of_task(call: Call, task: Task) -> Standing:
    """As whom the caller acts on the task: its assignee. Raises PermissionDenied."""
    if not acts_for(call, task.assignee):
        raise PermissionDenied(call.permission)
    office = _own_office(call) if task.assignee == call.caller.user else task.assignee
    return Standing(IncidentActor.INCIDENT_ACTOR_ASSIGNEE, office)


def of_participant(call: Call, incident: Incident, action: IncidentAction) -> Standing:
    """As whom the caller takes an action on the incident that its assignees may take, too. Raises PermissionDenied."""
    for task in incident.tasks:
        if acts_for(call, task.assignee):
            return of_task(call, task)
    return of_incident(call, incident, action)


def require_in_district(call: Call, district: str) -> None:
    """Raise PermissionDenied unless the caller holds the permission over any place or department of the district."""
    if not any(codes.district_of(scope) == district for scope in call.caller.scopes(call.permission)):
        raise PermissionDenied(call.permission)


def may_see(call: Call, incident: Incident) -> bool:
    """Whether the caller may see the incident: who answers for its place, takes part in its command, or has or had a
    task of it.
    """
    if call.caller.may(call.permission, incident.place):
        return True
    holders = incident.command.holders if incident.command else frozenset()
    return any(acts_for(call, each) for each in holders | {task.assignee for task in incident.tasks})


def viewer_of(call: Call, incident: Incident) -> Viewer:
    """What kind of viewer of the incident the caller is, if the caller may see it at all."""
    reads_reporters = call.caller.may(_READ_REPORTERS, incident.place)
    return Viewer(office=True, permissions=frozenset({_READ_REPORTERS} if reads_reporters else ()))


def acts_for(call: Call, holder: str) -> bool:
    """Whether the caller is this user, or acts for this office."""
    return holder == call.caller.user or call.caller.may(call.permission, holder)


def _own_office(call: Call) -> str:
    """The office that the caller belongs to; empty for one without any. A grid worker's is the community."""
    return next((codes.community_of(scope) for scope in call.caller.scopes(call.permission)), "")


def _commands(call: Call, incident: Incident) -> bool:
    return bool(call.caller.user) and incident.commander == call.caller.user
