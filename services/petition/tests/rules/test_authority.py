"""With the built-in roles, every state of a petition, in every form of place, has a role that can continue it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.petition.v1.resources_pb2 import Action, Kind, Part, State, TaskState
from onegrid_identity.granting import BUILT_IN, EVERYONE
from onegrid_kit.callers import Call, Caller, Grant
from onegrid_kit.errors import PermissionDenied
from onegrid_petition import authority, lifecycle
from onegrid_petition.errors import WrongState
from onegrid_petition.petition import Petition, Task

CELL = "210602003007005"
DEPARTMENT = "210602D07"
PLACES = {"district": CELL[:6], "street": CELL[:9], "community": CELL[:12], "cell": CELL}
SCOPES = {
    OaLevel.OA_LEVEL_DISTRICT: CELL[:6],
    OaLevel.OA_LEVEL_DEPARTMENT: DEPARTMENT,
    OaLevel.OA_LEVEL_STREET: CELL[:9],
    OaLevel.OA_LEVEL_COMMUNITY: CELL[:12],
    OaLevel.OA_LEVEL_GRID: CELL,
}
NOW = datetime(2020, 11, 11, tzinfo=UTC)
ABANDONING = {Action.ACTION_CLOSE, Action.ACTION_WITHDRAW, Action.ACTION_DECLINE}
TASK_STATES = {
    State.STATE_DISPATCHED: TaskState.TASK_STATE_ASSIGNED,
    State.STATE_HANDLING: TaskState.TASK_STATE_TAKEN,
    State.STATE_CONCLUDED: TaskState.TASK_STATE_CONCLUDED,
    State.STATE_SATISFIED: TaskState.TASK_STATE_CONCLUDED,
    State.STATE_VERIFIED: TaskState.TASK_STATE_CONCLUDED,
}


def callers() -> Iterator[Caller]:
    """The petitioner, and one of each built-in role that is held over a place or department."""
    own = Grant("self", OaLevel.OA_LEVEL_UNSPECIFIED, EVERYONE.permissions)
    yield Caller(user="users/petitioner", grants=(own,))
    for role in BUILT_IN:
        if role.oa_level in SCOPES:
            grant = Grant(SCOPES[role.oa_level], role.oa_level, role.permissions)
            yield Caller(user=f"users/{role.id}", grants=(own, grant))


def petition(state: State, place: str) -> Petition:
    tasks: tuple[Task, ...] = ()
    if state in TASK_STATES:
        tasks = (
            Task(
                number=1,
                assignee=DEPARTMENT,
                part=Part.PART_LEAD,
                state=TASK_STATES[state],
                due_time=NOW,
                create_time=NOW,
            ),
        )
    return Petition(
        district=place[:6],
        id="210602-20201111-00000000",
        kind=Kind.KIND_HELP,
        state=state,
        text="…",
        petitioner="users/petitioner",
        petitioner_kind=AccountKind.ACCOUNT_KIND_CITIZEN,
        place=place,
        responsible=place[:12],
        tasks=tasks,
        accept_due_time=NOW,
        create_time=NOW,
        update_time=NOW,
    )


def leads_to(caller: Caller, of: Petition, action: Action) -> State | None:
    """The state that the caller can bring it to by the action; None if the caller may not, or it is no step."""
    verb = Action.Name(action).removeprefix("ACTION_").split("_")[0].lower()
    on_task = bool(lifecycle.TASKS.actors_of(action))
    permission = f"petition.{'tasks' if on_task else 'petitions'}.{verb}"
    if not caller.holds(permission):
        return None
    call = Call(caller=caller, now=NOW, method="", permission=permission)
    try:
        if not on_task:
            return lifecycle.LIFE.advance(of.state, action, authority.of_office(call, of, action).actor)
        if not of.tasks:
            return None
        task = of.tasks[0]
        return lifecycle.advance_task(of.state, task.state, action, authority.of_task(call, task).actor)[0]
    except (PermissionDenied, WrongState):
        return None


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("state", sorted(lifecycle.OPEN), ids=State.Name)
def test_from_every_state_and_place_a_role_can_continue_a_petition(state: State, place: str) -> None:
    of = petition(state, place)
    steps = {
        (caller.user, Action.Name(action), State.Name(after))
        for caller in callers()
        for action in lifecycle.LIFE.allowed(state)
        if action not in ABANDONING
        if (after := leads_to(caller, of, action)) not in (None, state)
        if caller.user != "users/administrator"
    }
    assert steps
    if state == State.STATE_CONCLUDED:
        # Neither waits for the other.
        assert {"users/petitioner", "users/commander"} <= {user for user, _, _ in steps}
