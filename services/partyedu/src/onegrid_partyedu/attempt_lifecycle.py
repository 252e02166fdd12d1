"""The life of an attempt (答题) as data: who may do what when, and where it leads."""

from __future__ import annotations

from typing import Final

from onegrid.partyedu.v1.attempts_pb2 import AttemptAction, AttemptActor, AttemptState
from onegrid_kit.lifecycle import Lifecycle, Rule, stays
from onegrid_partyedu.errors import AttemptWrongState

__all__ = ["LIFE"]

_OPEN: Final = AttemptState.ATTEMPT_STATE_OPEN
_SUBMITTED: Final = AttemptState.ATTEMPT_STATE_SUBMITTED
_EXPIRED: Final = AttemptState.ATTEMPT_STATE_EXPIRED
_MEMBER: Final = (AttemptActor.ATTEMPT_ACTOR_MEMBER,)

LIFE: Final[Lifecycle[AttemptState, AttemptAction, AttemptActor]] = Lifecycle(
    AttemptState,
    AttemptAction,
    AttemptActor,
    (
        Rule(AttemptAction.ATTEMPT_ACTION_SAVE, _MEMBER, stays(_OPEN)),
        Rule(AttemptAction.ATTEMPT_ACTION_SUBMIT, _MEMBER, {_OPEN: _SUBMITTED}),
        Rule(AttemptAction.ATTEMPT_ACTION_EXTEND, (AttemptActor.ATTEMPT_ACTOR_EDITOR,), stays(_OPEN)),
        Rule(AttemptAction.ATTEMPT_ACTION_EXPIRE, (AttemptActor.ATTEMPT_ACTOR_CLOCK,), {_OPEN: _EXPIRED}),
    ),
    wrong_state=AttemptWrongState,
)
"""Every step that an attempt can take after it has begun."""
