"""In what capacity a caller acts on a petition, and what kind of viewer the caller is.

A permission grants an action over a place; this decides whether it applies to this petition, and in which capacity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.petition.v1.resources_pb2 import Action, Actor
from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied
from onegrid_kit.visibility import Viewer
from onegrid_petition import lifecycle
from onegrid_petition.petition import Petition, Task, first_asked

__all__ = [
    "Standing",
    "may_see",
    "of_office",
    "of_task",
    "offices_of",
    "viewer_of",
]

_READ_PETITIONERS: Final = "petition.petitioners.read"
_ACTORS: Final = {
    OaLevel.OA_LEVEL_DISTRICT: Actor.ACTOR_COMMAND_CENTRE,
    OaLevel.OA_LEVEL_STREET: Actor.ACTOR_STREET,
    OaLevel.OA_LEVEL_COMMUNITY: Actor.ACTOR_COMMUNITY,
    OaLevel.OA_LEVEL_GRID: Actor.ACTOR_GRID_WORKER,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """As whom a caller acts."""

    actor: Actor
    """In what capacity."""
    office: str
    """For which office; empty for the petitioner."""


def of_office(call: Call, petition: Petition, action: Action) -> Standing:
    """As whom the caller takes the action on the petition. Raises PermissionDenied."""
    able = lifecycle.LIFE.actors_of(action)
    if Actor.ACTOR_PETITIONER in able and call.caller.may_own(call.permission, petition.petitioner):
        return Standing(Actor.ACTOR_PETITIONER, "")
    for grant in call.caller.grants_over(call.permission, petition.place):
        actor = _ACTORS.get(grant.level)
        if actor in able:
            return Standing(actor, grant.scope)
    raise PermissionDenied(call.permission)


def of_task(call: Call, task: Task) -> Standing:
    """As whom the caller acts on the task: its assignee. Raises PermissionDenied."""
    call.caller.require(call.permission, task.assignee)
    return Standing(task.actor, task.assignee)


def offices_of(call: Call) -> list[str]:
    """The offices that the caller may act for with the call's permission."""
    return sorted({first_asked(scope) for scope in call.caller.scopes(call.permission)})


def may_see(call: Call, petition: Petition) -> bool:
    """Whether the caller may see the petition: its owner, who answers for its place, and who has or had a task
    of it.
    """
    return call.caller.may_own(call.permission, petition.petitioner) or _for_an_office(call, petition)


def viewer_of(call: Call, petition: Petition) -> Viewer:
    """What kind of viewer of the petition the caller is, if the caller may see it at all."""
    caller = call.caller
    owner = caller.user == petition.petitioner
    named = not petition.anonymous or caller.may(_READ_PETITIONERS, petition.place)
    return Viewer(
        owner=owner,
        office=not owner and _for_an_office(call, petition),
        permissions=frozenset({_READ_PETITIONERS} if named else ()),
    )


def _for_an_office(call: Call, petition: Petition) -> bool:
    """Whether the caller's permission is held over the petition's place, or over an office that has or had a task."""
    return call.caller.may(call.permission, petition.place) or any(
        call.caller.may(call.permission, task.assignee) for task in petition.tasks
    )
