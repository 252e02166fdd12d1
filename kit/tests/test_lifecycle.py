"""A lifecycle is data: the rules decide what can be done, which states are open, and what the documentation draws."""

from __future__ import annotations

import pytest
from google.rpc import code_pb2

from onegrid.petition.v1 import error_reason_pb2
from onegrid.petition.v1.resources_pb2 import Action, Actor, State, TaskState
from onegrid_kit.lifecycle import Lifecycle, Rule, WrongState, short_name, stays

F, A, D, X = State.STATE_FILED, State.STATE_ACCEPTED, State.STATE_DECLINED, State.STATE_CLOSED
ACCEPT, DECLINE, REPORT, CLOSE = (
    Action.ACTION_ACCEPT,
    Action.ACTION_DECLINE,
    Action.ACTION_REPORT,
    Action.ACTION_CLOSE,
)
CENTRE, STREET = Actor.ACTOR_COMMAND_CENTRE, Actor.ACTOR_STREET
RULES = (
    Rule(ACCEPT, (CENTRE, STREET), {F: A}),
    Rule(DECLINE, (CENTRE,), {F: D}),
    Rule(REPORT, (STREET,), stays(A)),
    Rule(CLOSE, (CENTRE,), {F: X, A: X}),
)


def wrong(state: State, allowed: object) -> WrongState:
    names = [short_name(Action, action) for action in allowed]  # type: ignore[attr-defined]
    return WrongState(short_name(State, state), names, error_reason_pb2.WrongState(state=state))


def life(*rules: Rule[State, Action, Actor]) -> Lifecycle[State, Action, Actor]:
    return Lifecycle(State, Action, Actor, rules or RULES, wrong)


def test_an_action_leads_where_its_rule_says() -> None:
    assert life().advance(F, ACCEPT, STREET) == A
    assert life().advance(A, REPORT, STREET) == A
    assert life().after(F, DECLINE, STREET) is None
    assert life().actors_of(ACCEPT) == {CENTRE, STREET}
    assert life().actors_of(Action.ACTION_TAKE) == frozenset()


@pytest.mark.parametrize(("state", "action", "actor"), [(A, ACCEPT, CENTRE), (F, DECLINE, STREET), (X, CLOSE, CENTRE)])
def test_what_no_rule_allows_is_refused_with_what_is_allowed(state: State, action: Action, actor: Actor) -> None:
    with pytest.raises(WrongState) as refused:
        life().advance(state, action, actor)
    assert refused.value.code == code_pb2.FAILED_PRECONDITION
    allowed = {F: "ACCEPT,DECLINE,CLOSE", A: "REPORT,CLOSE", X: ""}[state]
    assert refused.value.metadata == {"state": short_name(State, state), "allowed_actions": allowed}
    assert refused.value.details == (error_reason_pb2.WrongState(state=state),)


def test_states_are_open_or_ended_by_the_rules_alone() -> None:
    assert life().open == {F, A}
    assert life().ended == {D, X}


def test_two_rules_that_lead_to_different_states_are_refused() -> None:
    with pytest.raises(ValueError, match="ACCEPT"):
        life(*RULES, Rule(ACCEPT, (STREET,), {F: X}))


def test_the_diagram_and_the_table_are_drawn_from_the_rules() -> None:
    assert list(life().diagram(F, Action.ACTION_FILE)) == [
        "stateDiagram-v2",
        "  [*] --> FILED: FILE",
        "  FILED --> ACCEPTED: ACCEPT",
        "  FILED --> DECLINED: DECLINE",
        "  FILED --> CLOSED: CLOSE",
        "  ACCEPTED --> CLOSED: CLOSE",
        "  CLOSED --> [*]",
        "  DECLINED --> [*]",
    ]
    assert list(life().table())[2:5] == [
        "| ACCEPT | COMMAND_CENTRE, STREET | FILED | ACCEPTED |",
        "| DECLINE | COMMAND_CENTRE | FILED | DECLINED |",
        "| REPORT | STREET | ACCEPTED | stays |",
    ]


def test_short_names_leave_out_the_prefix_of_the_enum() -> None:
    assert short_name(TaskState, TaskState.TASK_STATE_TAKEN) == "TAKEN"
