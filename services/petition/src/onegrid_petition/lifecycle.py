"""The petition's life (受理—分流交办—联动处置—反馈评价) as data: who may do what when, and where it leads.

This module alone says it. Commands ask it, a test walks every state, action and actor through it, and the
diagram in the documentation is drawn from it.
"""

from __future__ import annotations

from typing import Final

from onegrid.petition.v1.resources_pb2 import Action, Actor, State, TaskState
from onegrid_kit.lifecycle import Lifecycle, Rule, stays
from onegrid_petition.errors import WrongState

__all__ = ["ENDED", "INTERNAL", "LIFE", "OPEN", "TASKS", "UNDER_WAY", "advance_task"]

_PLATFORMS: Final = (Actor.ACTOR_COMMAND_CENTRE, Actor.ACTOR_STREET, Actor.ACTOR_COMMUNITY)
# Platforms too, since a petition may be placed at a street or a district, where no grid worker and no community is.
_VERIFIERS: Final = (Actor.ACTOR_GRID_WORKER, *_PLATFORMS)
# Accepted, and not concluded. An assistant keeps its task while the petition waits for another lead.
UNDER_WAY: Final = (State.STATE_ACCEPTED, State.STATE_DISPATCHED, State.STATE_HANDLING)
INTERNAL: Final = (Action.ACTION_REPORT_EMERGENCY, Action.ACTION_TRACK_INCIDENT)
"""The steps that are for the offices alone."""

LIFE: Final[Lifecycle[State, Action, Actor]] = Lifecycle(
    State,
    Action,
    Actor,
    (
        Rule(Action.ACTION_ACCEPT, _PLATFORMS, {State.STATE_FILED: State.STATE_ACCEPTED}),
        Rule(
            Action.ACTION_DECLINE,
            (Actor.ACTOR_COMMAND_CENTRE, Actor.ACTOR_STREET),
            {State.STATE_FILED: State.STATE_DECLINED},
        ),
        Rule(Action.ACTION_DISPATCH, _PLATFORMS, {State.STATE_ACCEPTED: State.STATE_DISPATCHED}),
        Rule(Action.ACTION_TAKE, (Actor.ACTOR_LEAD,), {State.STATE_DISPATCHED: State.STATE_HANDLING}),
        Rule(Action.ACTION_TAKE, (Actor.ACTOR_ASSISTANT,), stays(*UNDER_WAY)),
        Rule(
            Action.ACTION_RETURN,
            (Actor.ACTOR_LEAD,),
            {State.STATE_DISPATCHED: State.STATE_ACCEPTED, State.STATE_HANDLING: State.STATE_ACCEPTED},
        ),
        Rule(Action.ACTION_RETURN, (Actor.ACTOR_ASSISTANT,), stays(*UNDER_WAY)),
        Rule(Action.ACTION_REPORT, (Actor.ACTOR_LEAD,), stays(State.STATE_HANDLING)),
        Rule(Action.ACTION_REPORT, (Actor.ACTOR_ASSISTANT,), stays(*UNDER_WAY)),
        Rule(Action.ACTION_CONCLUDE, (Actor.ACTOR_LEAD,), {State.STATE_HANDLING: State.STATE_CONCLUDED}),
        Rule(Action.ACTION_CONCLUDE, (Actor.ACTOR_ASSISTANT,), stays(*UNDER_WAY)),
        Rule(
            Action.ACTION_RATE_SATISFIED,
            (Actor.ACTOR_PETITIONER,),
            {State.STATE_CONCLUDED: State.STATE_SATISFIED, State.STATE_VERIFIED: State.STATE_CLOSED},
        ),
        Rule(
            Action.ACTION_RATE_UNSATISFIED,
            (Actor.ACTOR_PETITIONER,),
            {State.STATE_CONCLUDED: State.STATE_HANDLING, State.STATE_VERIFIED: State.STATE_HANDLING},
        ),
        Rule(
            Action.ACTION_VERIFY_SOLVED,
            _VERIFIERS,
            {State.STATE_CONCLUDED: State.STATE_VERIFIED, State.STATE_SATISFIED: State.STATE_CLOSED},
        ),
        Rule(
            Action.ACTION_VERIFY_UNSOLVED,
            _VERIFIERS,
            {State.STATE_CONCLUDED: State.STATE_HANDLING, State.STATE_SATISFIED: State.STATE_HANDLING},
        ),
        Rule(
            Action.ACTION_REPORT_EMERGENCY,
            _PLATFORMS,
            stays(
                State.STATE_FILED,
                *UNDER_WAY,
                State.STATE_CONCLUDED,
                State.STATE_SATISFIED,
                State.STATE_VERIFIED,
            ),
        ),
        Rule(Action.ACTION_EXTEND, (Actor.ACTOR_COMMAND_CENTRE,), stays(*UNDER_WAY)),
        Rule(
            Action.ACTION_WITHDRAW,
            (Actor.ACTOR_PETITIONER,),
            dict.fromkeys(
                (State.STATE_FILED, State.STATE_ACCEPTED, State.STATE_DISPATCHED, State.STATE_HANDLING),
                State.STATE_WITHDRAWN,
            ),
        ),
        Rule(
            Action.ACTION_CLOSE,
            (Actor.ACTOR_COMMAND_CENTRE,),
            dict.fromkeys(
                (
                    State.STATE_FILED,
                    State.STATE_ACCEPTED,
                    State.STATE_DISPATCHED,
                    State.STATE_HANDLING,
                    State.STATE_CONCLUDED,
                    State.STATE_SATISFIED,
                    State.STATE_VERIFIED,
                ),
                State.STATE_CLOSED,
            ),
        ),
    ),
    wrong_state=lambda state, actions: WrongState(state, None, actions),
)
"""Every step that a petition can take after it was filed."""
OPEN: Final = LIFE.open
"""The states in which something can still be done with a petition."""
ENDED: Final = LIFE.ended
"""The states that nothing leads out of."""


_ASSIGNEES: Final = (Actor.ACTOR_LEAD, Actor.ACTOR_ASSISTANT)

TASKS: Final[Lifecycle[TaskState, Action, Actor]] = Lifecycle(
    TaskState,
    Action,
    Actor,
    (
        Rule(Action.ACTION_TAKE, _ASSIGNEES, {TaskState.TASK_STATE_ASSIGNED: TaskState.TASK_STATE_TAKEN}),
        Rule(
            Action.ACTION_RETURN,
            _ASSIGNEES,
            {
                TaskState.TASK_STATE_ASSIGNED: TaskState.TASK_STATE_RETURNED,
                TaskState.TASK_STATE_TAKEN: TaskState.TASK_STATE_RETURNED,
            },
        ),
        Rule(Action.ACTION_REPORT, _ASSIGNEES, stays(TaskState.TASK_STATE_TAKEN)),
        Rule(Action.ACTION_CONCLUDE, _ASSIGNEES, {TaskState.TASK_STATE_TAKEN: TaskState.TASK_STATE_CONCLUDED}),
    ),
    wrong_state=lambda task_state, actions: WrongState(State.STATE_UNSPECIFIED, task_state, actions),
)
"""What assignees do with their tasks. A petition that ends cancels its open tasks; one that is handed back has its
lead's task taken again.
"""


def allowed(state: State, task_state: TaskState) -> tuple[Action, ...]:
    """The actions possible in this state of a petition, by any actor; on tasks, only those that this task admits."""
    of_task = TASKS.allowed(task_state)
    return tuple(action for action in LIFE.allowed(state) if not TASKS.actors_of(action) or action in of_task)


def advance_task(state: State, task_state: TaskState, action: Action, actor: Actor) -> tuple[State, TaskState]:
    """Where the action leads the petition and the task. Raises WrongState, with what can be done instead."""
    after, task_after = LIFE.after(state, action, actor), TASKS.after(task_state, action, actor)
    if after is None or task_after is None:
        raise WrongState(state, task_state, allowed(state, task_state))
    return after, task_after
