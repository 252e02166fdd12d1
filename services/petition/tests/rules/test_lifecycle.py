"""Every state, action and actor, walked one by one."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from onegrid.petition.v1.resources_pb2 import Action, Actor, State, TaskState
from onegrid_petition import lifecycle
from onegrid_petition.errors import WrongState

STATES = [state for state in State.values() if state]
ACTIONS = [action for action in Action.values() if action not in (Action.ACTION_UNSPECIFIED, Action.ACTION_FILE)]
ACTORS = [actor for actor in Actor.values() if actor not in (Actor.ACTOR_UNSPECIFIED, Actor.ACTOR_SYSTEM)]
TASK_STATES = [state for state in TaskState.values() if state]

F, A, D, H, C, S, V, X = (
    State.STATE_FILED,
    State.STATE_ACCEPTED,
    State.STATE_DISPATCHED,
    State.STATE_HANDLING,
    State.STATE_CONCLUDED,
    State.STATE_SATISFIED,
    State.STATE_VERIFIED,
    State.STATE_CLOSED,
)
PETITIONER, CENTRE, STREET, COMMUNITY, WORKER, LEAD, ASSISTANT = ACTORS

# Written out by hand, apart from the rules, so that a slip there shows here.
EXPECTED = {
    **{(Action.ACTION_ACCEPT, by, F): A for by in (CENTRE, STREET, COMMUNITY)},
    **{(Action.ACTION_DECLINE, by, F): State.STATE_DECLINED for by in (CENTRE, STREET)},
    **{(Action.ACTION_DISPATCH, by, A): D for by in (CENTRE, STREET, COMMUNITY)},
    (Action.ACTION_TAKE, LEAD, D): H,
    (Action.ACTION_RETURN, LEAD, D): A,
    (Action.ACTION_RETURN, LEAD, H): A,
    (Action.ACTION_REPORT, LEAD, H): H,
    (Action.ACTION_CONCLUDE, LEAD, H): C,
    **{
        (action, ASSISTANT, state): state
        for action in (Action.ACTION_TAKE, Action.ACTION_RETURN, Action.ACTION_REPORT, Action.ACTION_CONCLUDE)
        for state in (A, D, H)
    },
    (Action.ACTION_RATE_SATISFIED, PETITIONER, C): S,
    (Action.ACTION_RATE_SATISFIED, PETITIONER, V): X,
    (Action.ACTION_RATE_UNSATISFIED, PETITIONER, C): H,
    (Action.ACTION_RATE_UNSATISFIED, PETITIONER, V): H,
    **{(Action.ACTION_VERIFY_SOLVED, by, C): V for by in (WORKER, COMMUNITY, STREET, CENTRE)},
    **{(Action.ACTION_VERIFY_SOLVED, by, S): X for by in (WORKER, COMMUNITY, STREET, CENTRE)},
    **{(Action.ACTION_VERIFY_UNSOLVED, by, state): H for by in (WORKER, COMMUNITY, STREET, CENTRE) for state in (C, S)},
    **{(Action.ACTION_WITHDRAW, PETITIONER, state): State.STATE_WITHDRAWN for state in (F, A, D, H)},
    **{(Action.ACTION_EXTEND, CENTRE, state): state for state in (A, D, H)},
    **{
        (Action.ACTION_REPORT_EMERGENCY, by, state): state
        for by in (CENTRE, STREET, COMMUNITY)
        for state in (F, A, D, H, C, S, V)
    },
    **{(Action.ACTION_CLOSE, CENTRE, state): X for state in (F, A, D, H, C, S, V)},
}


@pytest.mark.parametrize("state", STATES, ids=State.Name)
@pytest.mark.parametrize("action", ACTIONS, ids=Action.Name)
@pytest.mark.parametrize("actor", ACTORS, ids=Actor.Name)
def test_each_step_leads_to_its_state_or_names_the_allowed_actions(state: State, action: Action, actor: Actor) -> None:
    expected = EXPECTED.get((action, actor, state))
    if expected is not None:
        assert lifecycle.LIFE.advance(state, action, actor) == expected
        assert action in lifecycle.LIFE.allowed(state)
        return
    with pytest.raises(WrongState) as refused:
        lifecycle.LIFE.advance(state, action, actor)
    assert refused.value.metadata["state"] == State.Name(state).removeprefix("STATE_")
    possible = {a for a, _, before in EXPECTED if before == state}
    assert set(refused.value.details[0].allowed_actions) == possible


@pytest.mark.parametrize("state", STATES, ids=State.Name)
@pytest.mark.parametrize("task_state", TASK_STATES, ids=TaskState.Name)
@pytest.mark.parametrize("action", [a for a in ACTIONS if lifecycle.TASKS.actors_of(a)], ids=Action.Name)
@pytest.mark.parametrize("actor", [LEAD, ASSISTANT], ids=Actor.Name)
def test_a_task_moves_only_where_both_it_and_its_petition_may(
    state: State, task_state: TaskState, action: Action, actor: Actor
) -> None:
    assigned, taken = TaskState.TASK_STATE_ASSIGNED, TaskState.TASK_STATE_TAKEN
    moves = {
        (Action.ACTION_TAKE, assigned): taken,
        (Action.ACTION_RETURN, assigned): TaskState.TASK_STATE_RETURNED,
        (Action.ACTION_RETURN, taken): TaskState.TASK_STATE_RETURNED,
        (Action.ACTION_REPORT, taken): taken,
        (Action.ACTION_CONCLUDE, taken): TaskState.TASK_STATE_CONCLUDED,
    }
    if (action, actor, state) in EXPECTED and (action, task_state) in moves:
        after = lifecycle.advance_task(state, task_state, action, actor)
        assert after == (EXPECTED[action, actor, state], moves[action, task_state])
    else:
        with pytest.raises(WrongState):
            lifecycle.advance_task(state, task_state, action, actor)


def test_nothing_leads_out_of_an_end_and_everything_else_has_a_way_out() -> None:
    for state in STATES:
        assert bool(lifecycle.LIFE.allowed(state)) == (state not in lifecycle.ENDED)


class AnyLife(RuleBasedStateMachine):
    """Whatever is tried in whatever order, a petition is in a state that its history allows."""

    def __init__(self) -> None:
        super().__init__()
        self.state: State = State.STATE_FILED
        self.states = [self.state]

    @rule(action=st.sampled_from(ACTIONS), actor=st.sampled_from(ACTORS))
    def attempt(self, action: Action, actor: Actor) -> None:
        before = self.state
        try:
            self.state = lifecycle.LIFE.advance(self.state, action, actor)
        except WrongState:
            return
        assert before not in lifecycle.ENDED
        self.states.append(self.state)

    @invariant()
    def concluded_only_after_it_was_handled(self) -> None:
        if State.STATE_CONCLUDED in self.states:
            assert State.STATE_HANDLING in self.states[: self.states.index(State.STATE_CONCLUDED)]

    @invariant()
    def handled_only_after_it_was_dispatched(self) -> None:
        if State.STATE_HANDLING in self.states:
            assert State.STATE_DISPATCHED in self.states[: self.states.index(State.STATE_HANDLING)]


TestAnyLife = AnyLife.TestCase
