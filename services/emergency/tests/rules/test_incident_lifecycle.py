"""Every state, action and actor of an incident, walked one by one."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentActor
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid_emergency.errors import WrongState
from onegrid_emergency.incident_lifecycle import LIFE

STATES = [state for state in IncidentState.values() if state]
ACTIONS = [action for action in IncidentAction.values() if action and LIFE.actors_of(action)]
ACTORS = [actor for actor in IncidentActor.values() if actor]

REPORTED, RESPONDING, ALL_CLEAR, REVIEWED, DISMISSED, MERGED = (
    IncidentState.INCIDENT_STATE_REPORTED,
    IncidentState.INCIDENT_STATE_RESPONDING,
    IncidentState.INCIDENT_STATE_ALL_CLEAR,
    IncidentState.INCIDENT_STATE_REVIEWED,
    IncidentState.INCIDENT_STATE_DISMISSED,
    IncidentState.INCIDENT_STATE_MERGED,
)
CENTRE, STREET, COMMUNITY, WORKER, COMMANDER, ASSIGNEE = (
    IncidentActor.INCIDENT_ACTOR_COMMAND_CENTRE,
    IncidentActor.INCIDENT_ACTOR_STREET,
    IncidentActor.INCIDENT_ACTOR_COMMUNITY,
    IncidentActor.INCIDENT_ACTOR_GRID_WORKER,
    IncidentActor.INCIDENT_ACTOR_COMMANDER,
    IncidentActor.INCIDENT_ACTOR_ASSIGNEE,
)
STAFF = (CENTRE, STREET, COMMUNITY, WORKER, COMMANDER)
LEADERS = (CENTRE, STREET, COMMANDER)

# Written out by hand, apart from the rules, so that a slip there shows here.
EXPECTED = {
    **{(IncidentAction.INCIDENT_ACTION_RESPOND, by, REPORTED): RESPONDING for by in (CENTRE, STREET, COMMUNITY)},
    **{
        (IncidentAction.INCIDENT_ACTION_GRADE, by, state): state
        for by in LEADERS
        for state in (REPORTED, RESPONDING, ALL_CLEAR)
    },
    **{(IncidentAction.INCIDENT_ACTION_CONFIRM, by, state): state for by in STAFF for state in (REPORTED, RESPONDING)},
    **{
        (IncidentAction.INCIDENT_ACTION_DISMISS, by, state): DISMISSED
        for by in LEADERS
        for state in (REPORTED, RESPONDING)
    },
    **{
        (action, by, state): state
        for action in (IncidentAction.INCIDENT_ACTION_CORRECT, IncidentAction.INCIDENT_ACTION_ANNOTATE)
        for by in STAFF
        for state in (REPORTED, RESPONDING, ALL_CLEAR)
    },
    **{(IncidentAction.INCIDENT_ACTION_ORGANIZE, by, RESPONDING): RESPONDING for by in LEADERS},
    **{(IncidentAction.INCIDENT_ACTION_CLEAR, by, RESPONDING): ALL_CLEAR for by in (CENTRE, COMMANDER)},
    **{(IncidentAction.INCIDENT_ACTION_REOPEN, by, ALL_CLEAR): RESPONDING for by in LEADERS},
    (IncidentAction.INCIDENT_ACTION_REVIEW, CENTRE, ALL_CLEAR): REVIEWED,
    **{
        (IncidentAction.INCIDENT_ACTION_ASSIGN, by, RESPONDING): RESPONDING
        for by in (CENTRE, STREET, COMMUNITY, COMMANDER)
    },
    **{
        (IncidentAction.INCIDENT_ACTION_CANCEL, by, state): state
        for by in (CENTRE, STREET, COMMUNITY, COMMANDER)
        for state in (REPORTED, RESPONDING)
    },
    **{
        (action, ASSIGNEE, state): state
        for action in (
            IncidentAction.INCIDENT_ACTION_ACKNOWLEDGE,
            IncidentAction.INCIDENT_ACTION_PROGRESS,
            IncidentAction.INCIDENT_ACTION_COMPLETE,
        )
        for state in (REPORTED, RESPONDING)
    },
    **{
        (IncidentAction.INCIDENT_ACTION_MERGE, by, state): MERGED
        for by in (CENTRE, STREET)
        for state in (REPORTED, RESPONDING)
    },
    **{
        (action, by, state): state
        for action in (IncidentAction.INCIDENT_ACTION_ABSORB, IncidentAction.INCIDENT_ACTION_SPLIT)
        for by in (CENTRE, STREET)
        for state in (REPORTED, RESPONDING)
    },
    **{(IncidentAction.INCIDENT_ACTION_RESTORE, by, MERGED): REPORTED for by in (CENTRE, STREET)},
    **{
        (IncidentAction.INCIDENT_ACTION_REPORT_SITUATION, by, state): state
        for by in LEADERS
        for state in (REPORTED, RESPONDING, ALL_CLEAR)
    },
    **{
        (action, by, state): state
        for action in (IncidentAction.INCIDENT_ACTION_ACTIVATE_PLAN, IncidentAction.INCIDENT_ACTION_DEACTIVATE_PLAN)
        for by in LEADERS
        for state in (REPORTED, RESPONDING)
    },
    **{
        (IncidentAction.INCIDENT_ACTION_TICK, by, state): state
        for by in (*STAFF, ASSIGNEE)
        for state in (REPORTED, RESPONDING)
    },
    **{(IncidentAction.INCIDENT_ACTION_REPORT_FINALLY, by, ALL_CLEAR): ALL_CLEAR for by in LEADERS},
}


@pytest.mark.parametrize("state", STATES, ids=IncidentState.Name)
@pytest.mark.parametrize("action", ACTIONS, ids=IncidentAction.Name)
@pytest.mark.parametrize("actor", ACTORS, ids=IncidentActor.Name)
def test_each_step_leads_to_its_state_or_names_the_allowed_actions(
    state: IncidentState, action: IncidentAction, actor: IncidentActor
) -> None:
    expected = EXPECTED.get((action, actor, state))
    if expected is not None:
        assert LIFE.advance(state, action, actor) == expected
        assert action in LIFE.allowed(state)
        return
    with pytest.raises(WrongState) as refused:
        LIFE.advance(state, action, actor)
    assert refused.value.metadata["state"] == IncidentState.Name(state).removeprefix("INCIDENT_STATE_")
    possible = {a for a, _, before in EXPECTED if before == state}
    assert set(refused.value.details[0].allowed_actions) == possible


def test_nothing_leads_out_of_an_end_and_everything_else_has_a_way_out() -> None:
    assert LIFE.ended == {REVIEWED, DISMISSED}
    for state in STATES:
        assert bool(LIFE.allowed(state)) == (state not in LIFE.ended)
        ways = {LIFE.after(state, action, actor) for action in ACTIONS for actor in ACTORS} - {None, state}
        assert bool(ways) == (state not in LIFE.ended)


class AnyLife(RuleBasedStateMachine):
    """Whatever is tried in whatever order, an incident is in a state that its history allows."""

    def __init__(self) -> None:
        super().__init__()
        self.state: IncidentState = REPORTED
        self.states = [self.state]

    @rule(action=st.sampled_from(ACTIONS), actor=st.sampled_from(ACTORS))
    def attempt(self, action: IncidentAction, actor: IncidentActor) -> None:
        before = self.state
        try:
            self.state = LIFE.advance(self.state, action, actor)
        except WrongState:
            return
        assert before not in LIFE.ended
        self.states.append(self.state)

    @invariant()
    def all_clear_only_after_somebody_took_charge(self) -> None:
        if ALL_CLEAR in self.states:
            assert RESPONDING in self.states[: self.states.index(ALL_CLEAR)]

    @invariant()
    def reviewed_only_after_all_clear(self) -> None:
        if REVIEWED in self.states:
            assert self.states[self.states.index(REVIEWED) - 1] == ALL_CLEAR


TestAnyLife = AnyLife.TestCase
