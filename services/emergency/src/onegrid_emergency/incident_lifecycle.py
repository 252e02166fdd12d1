"""The incident's life (报送—响应—解除—评估) as data: who may do what when, and where it leads.

This module alone says it. Commands ask it, a test walks every state, action and actor through it, and the diagram in
the documentation is drawn from it.
"""

from __future__ import annotations

from typing import Final

from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction as Action
from onegrid.emergency.v1.incident_steps_pb2 import IncidentActor as Actor
from onegrid.emergency.v1.resources_pb2 import IncidentState as State
from onegrid_emergency.errors import WrongState
from onegrid_kit.lifecycle import Lifecycle, Rule, stays

__all__ = ["LIFE"]

_REPORTED: Final = State.INCIDENT_STATE_REPORTED
_RESPONDING: Final = State.INCIDENT_STATE_RESPONDING
_MERGED: Final = State.INCIDENT_STATE_MERGED
_ALL_CLEAR: Final = State.INCIDENT_STATE_ALL_CLEAR

_CENTRE: Final = Actor.INCIDENT_ACTOR_COMMAND_CENTRE
_COMMANDER: Final = Actor.INCIDENT_ACTOR_COMMANDER
_STREET: Final = Actor.INCIDENT_ACTOR_STREET
_ASSIGNEE: Final = Actor.INCIDENT_ACTOR_ASSIGNEE
_PLATFORMS: Final = (_CENTRE, _STREET, Actor.INCIDENT_ACTOR_COMMUNITY)
_LEADERS: Final = (_CENTRE, _STREET, _COMMANDER)
_STAFF: Final = (*_PLATFORMS, Actor.INCIDENT_ACTOR_GRID_WORKER, _COMMANDER)

LIFE: Final[Lifecycle[State, Action, Actor]] = Lifecycle(
    State,
    Action,
    Actor,
    (
        Rule(Action.INCIDENT_ACTION_RESPOND, _PLATFORMS, {_REPORTED: _RESPONDING}),
        Rule(Action.INCIDENT_ACTION_GRADE, _LEADERS, stays(_REPORTED, _RESPONDING, _ALL_CLEAR)),
        Rule(Action.INCIDENT_ACTION_CONFIRM, _STAFF, stays(_REPORTED, _RESPONDING)),
        Rule(
            Action.INCIDENT_ACTION_DISMISS,
            _LEADERS,
            dict.fromkeys((_REPORTED, _RESPONDING), State.INCIDENT_STATE_DISMISSED),
        ),
        Rule(Action.INCIDENT_ACTION_CORRECT, _STAFF, stays(_REPORTED, _RESPONDING, _ALL_CLEAR)),
        Rule(Action.INCIDENT_ACTION_ORGANIZE, _LEADERS, stays(_RESPONDING)),
        Rule(Action.INCIDENT_ACTION_ANNOTATE, _STAFF, stays(_REPORTED, _RESPONDING, _ALL_CLEAR)),
        Rule(Action.INCIDENT_ACTION_ASSIGN, (*_PLATFORMS, _COMMANDER), stays(_RESPONDING)),
        Rule(Action.INCIDENT_ACTION_ACKNOWLEDGE, (_ASSIGNEE,), stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_PROGRESS, (_ASSIGNEE,), stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_COMPLETE, (_ASSIGNEE,), stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_CANCEL, (*_PLATFORMS, _COMMANDER), stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_ACTIVATE_PLAN, _LEADERS, stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_DEACTIVATE_PLAN, _LEADERS, stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_TICK, (*_STAFF, _ASSIGNEE), stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_MERGE, (_CENTRE, _STREET), dict.fromkeys((_REPORTED, _RESPONDING), _MERGED)),
        Rule(Action.INCIDENT_ACTION_ABSORB, (_CENTRE, _STREET), stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_SPLIT, (_CENTRE, _STREET), stays(_REPORTED, _RESPONDING)),
        Rule(Action.INCIDENT_ACTION_RESTORE, (_CENTRE, _STREET), {_MERGED: _REPORTED}),
        Rule(
            Action.INCIDENT_ACTION_REPORT_SITUATION,
            _LEADERS,
            stays(_REPORTED, _RESPONDING, _ALL_CLEAR),
        ),
        Rule(Action.INCIDENT_ACTION_REPORT_FINALLY, _LEADERS, stays(_ALL_CLEAR)),
        Rule(Action.INCIDENT_ACTION_CLEAR, (_CENTRE, _COMMANDER), {_RESPONDING: _ALL_CLEAR}),
        Rule(Action.INCIDENT_ACTION_REOPEN, _LEADERS, {_ALL_CLEAR: _RESPONDING}),
        Rule(Action.INCIDENT_ACTION_REVIEW, (_CENTRE,), {_ALL_CLEAR: State.INCIDENT_STATE_REVIEWED}),
    ),
    wrong_state=WrongState,
)
"""Every step that an incident can take after it was reported."""
