"""The petition's life (受理—分流交办—联动处置—反馈评价) as data: who may do what when, and where it leads.

This module alone says it. Commands ask it, a test walks every state, action and actor through it, and the
diagram in the documentation is drawn from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from onegrid.petition.v1.resources_pb2 import Action, Actor, State, TaskState
from onegrid_petition.errors import WrongState

__all__ = ["ENDED", "RULES", "TASK_RULES", "Rule", "actors_of", "advance", "advance_task", "allowed"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One action, by whom it is taken, and where it leads from each state that admits it."""

    action: Action
    by: frozenset[Actor]
    leads: Mapping[State, State]


def _rule(action: Action, by: Collection[Actor], leads: Mapping[State, State]) -> Rule:
    return Rule(action, frozenset(by), leads)


def _stays(*states: State) -> Mapping[State, State]:
    return {state: state for state in states}


_OPEN: Final = (
    State.STATE_FILED,
    State.STATE_ACCEPTED,
    State.STATE_DISPATCHED,
    State.STATE_HANDLING,
    State.STATE_CONCLUDED,
    State.STATE_SATISFIED,
    State.STATE_VERIFIED,
)
ENDED: Final = frozenset({State.STATE_CLOSED, State.STATE_DECLINED, State.STATE_WITHDRAWN})
"""The states that nothing leads out of."""

_PLATFORMS: Final = (Actor.ACTOR_COMMAND_CENTRE, Actor.ACTOR_STREET, Actor.ACTOR_COMMUNITY)
# Platforms too, since a petition may be placed at a street or a district, where no grid worker and no community is.
_VERIFIERS: Final = (Actor.ACTOR_GRID_WORKER, *_PLATFORMS)
# An assistant keeps its task while the petition waits for another lead.
_ASSISTING: Final = (State.STATE_ACCEPTED, State.STATE_DISPATCHED, State.STATE_HANDLING)

RULES: Final[tuple[Rule, ...]] = (
    _rule(Action.ACTION_ACCEPT, _PLATFORMS, {State.STATE_FILED: State.STATE_ACCEPTED}),
    _rule(
        Action.ACTION_DECLINE,
        (Actor.ACTOR_COMMAND_CENTRE, Actor.ACTOR_STREET),
        {State.STATE_FILED: State.STATE_DECLINED},
    ),
    _rule(Action.ACTION_DISPATCH, _PLATFORMS, {State.STATE_ACCEPTED: State.STATE_DISPATCHED}),
    _rule(Action.ACTION_TAKE, (Actor.ACTOR_LEAD,), {State.STATE_DISPATCHED: State.STATE_HANDLING}),
    _rule(Action.ACTION_TAKE, (Actor.ACTOR_ASSISTANT,), _stays(*_ASSISTING)),
    _rule(
        Action.ACTION_RETURN,
        (Actor.ACTOR_LEAD,),
        {State.STATE_DISPATCHED: State.STATE_ACCEPTED, State.STATE_HANDLING: State.STATE_ACCEPTED},
    ),
    _rule(Action.ACTION_RETURN, (Actor.ACTOR_ASSISTANT,), _stays(*_ASSISTING)),
    _rule(Action.ACTION_REPORT, (Actor.ACTOR_LEAD,), _stays(State.STATE_HANDLING)),
    _rule(Action.ACTION_REPORT, (Actor.ACTOR_ASSISTANT,), _stays(*_ASSISTING)),
    _rule(Action.ACTION_CONCLUDE, (Actor.ACTOR_LEAD,), {State.STATE_HANDLING: State.STATE_CONCLUDED}),
    _rule(Action.ACTION_CONCLUDE, (Actor.ACTOR_ASSISTANT,), _stays(*_ASSISTING)),
    _rule(
        Action.ACTION_RATE_SATISFIED,
        (Actor.ACTOR_PETITIONER,),
        {State.STATE_CONCLUDED: State.STATE_SATISFIED, State.STATE_VERIFIED: State.STATE_CLOSED},
    ),
    _rule(
        Action.ACTION_RATE_UNSATISFIED,
        (Actor.ACTOR_PETITIONER,),
        {State.STATE_CONCLUDED: State.STATE_HANDLING, State.STATE_VERIFIED: State.STATE_HANDLING},
    ),
    _rule(
        Action.ACTION_VERIFY_SOLVED,
        _VERIFIERS,
        {State.STATE_CONCLUDED: State.STATE_VERIFIED, State.STATE_SATISFIED: State.STATE_CLOSED},
    ),
    _rule(
        Action.ACTION_VERIFY_UNSOLVED,
        _VERIFIERS,
        {State.STATE_CONCLUDED: State.STATE_HANDLING, State.STATE_SATISFIED: State.STATE_HANDLING},
    ),
    _rule(
        Action.ACTION_WITHDRAW,
        (Actor.ACTOR_PETITIONER,),
        dict.fromkeys(
            (State.STATE_FILED, State.STATE_ACCEPTED, State.STATE_DISPATCHED, State.STATE_HANDLING),
            State.STATE_WITHDRAWN,
        ),
    ),
    _rule(Action.ACTION_CLOSE, (Actor.ACTOR_COMMAND_CENTRE,), dict.fromkeys(_OPEN, State.STATE_CLOSED)),
)
"""Every step that a petition can take after it was filed."""

TASK_RULES: Final[Mapping[Action, Mapping[TaskState, TaskState]]] = {
    Action.ACTION_TAKE: {TaskState.TASK_STATE_ASSIGNED: TaskState.TASK_STATE_TAKEN},
    Action.ACTION_RETURN: {
        TaskState.TASK_STATE_ASSIGNED: TaskState.TASK_STATE_RETURNED,
        TaskState.TASK_STATE_TAKEN: TaskState.TASK_STATE_RETURNED,
    },
    Action.ACTION_REPORT: {TaskState.TASK_STATE_TAKEN: TaskState.TASK_STATE_TAKEN},
    Action.ACTION_CONCLUDE: {TaskState.TASK_STATE_TAKEN: TaskState.TASK_STATE_CONCLUDED},
}
"""Where an action on a task leads from each of its states."""

_LEADS: Final = {
    (rule.action, actor, before): after for rule in RULES for actor in rule.by for before, after in rule.leads.items()
}
_ACTORS: Final = {action: frozenset(actor for a, actor, _ in _LEADS if a == action) for action, _, _ in _LEADS}


def actors_of(action: Action) -> frozenset[Actor]:
    """Those who may ever take the action."""
    return _ACTORS[action]


def allowed(state: State, task_state: TaskState | None = None) -> tuple[Action, ...]:
    """What can be done in this state, by whoever may; with a task's state, of the actions on tasks only what it
    admits.
    """
    actions = {action for action, _, before in _LEADS if before == state}
    if task_state is not None:
        actions = {a for a in actions if a not in TASK_RULES or task_state in TASK_RULES[a]}
    return tuple(sorted(actions))


def advance(state: State, action: Action, actor: Actor) -> State:
    """Where the action leads. Raises WrongState, with what can be done instead."""
    try:
        return _LEADS[action, actor, state]
    except KeyError:
        raise WrongState(state, None, allowed(state)) from None


def advance_task(state: State, task_state: TaskState, action: Action, actor: Actor) -> tuple[State, TaskState]:
    """Where the action leads the petition and the task. Raises WrongState, with what can be done instead."""
    after = _LEADS.get((action, actor, state))
    task_after = TASK_RULES[action].get(task_state)
    if after is None or task_after is None:
        raise WrongState(state, task_state, allowed(state, task_state))
    return after, task_after
