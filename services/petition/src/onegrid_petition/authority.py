"""In what capacity a caller acts on a petition, and what of it the caller may see.

A permission says what a token may do somewhere; this says whether it may do so with this petition, and as whom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.petition.v1.resources_pb2 import Action, Actor
from onegrid_kit import codes
from onegrid_kit.callers import Call, Caller
from onegrid_kit.errors import NotFound, PermissionDenied
from onegrid_petition import lifecycle
from onegrid_petition.petition import Petition, Task

__all__ = [
    "Standing",
    "absent",
    "is_office",
    "may_see",
    "of_office",
    "of_task",
    "redacted",
]

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
    able = lifecycle.actors_of(action)
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


def may_see(call: Call, petition: Petition) -> bool:
    """Whether the caller may see the petition: its owner, who answers for its place, and who has or had a task
    of it.
    """
    caller, permission = call.caller, call.permission
    return (
        caller.may_own(permission, petition.petitioner)
        or caller.may(permission, petition.place)
        or any(caller.may(permission, task.assignee) for task in petition.tasks)
    )


def is_office(call: Call, petition: Petition) -> bool:
    """Whether the caller reads what the offices say among themselves: everybody who may see it but for its owner."""
    return call.caller.user != petition.petitioner


def redacted(caller: Caller, petition: Petition) -> Petition:
    """The petition as the caller may see it: an anonymous petitioner is named to the command centre alone."""
    if not petition.anonymous or caller.user == petition.petitioner or _is_command_centre(caller, petition):
        return petition
    return replace(petition, petitioner="", organization="", sealed_phone=None)


def absent(call: Call, name: str, district: str) -> NotFound | PermissionDenied:
    """What a caller is told of a petition that does not exist: only who may see the whole district learns that."""
    if call.caller.may(call.permission, district):
        return NotFound(name)
    return PermissionDenied(call.permission)


def _is_command_centre(caller: Caller, petition: Petition) -> bool:
    return any(
        grant.level == OaLevel.OA_LEVEL_DISTRICT and codes.contains(grant.scope, petition.place)
        for grant in caller.grants
    )
