"""The life of a meeting as data: what may be done when, and where it leads."""

from __future__ import annotations

from typing import Final

from onegrid.partyedu.v1.meetings_pb2 import MeetingAction, MeetingActor, MeetingState
from onegrid_kit.lifecycle import Lifecycle, Rule, stays
from onegrid_partyedu.errors import MeetingInWrongState

__all__ = ["LIFE"]

_SCHEDULED: Final = MeetingState.MEETING_STATE_SCHEDULED
_OPEN: Final = MeetingState.MEETING_STATE_OPEN
_HELD: Final = MeetingState.MEETING_STATE_HELD
_CANCELLED: Final = MeetingState.MEETING_STATE_CANCELLED
_HOST: Final = (MeetingActor.MEETING_ACTOR_HOST,)
_MEMBER: Final = (MeetingActor.MEETING_ACTOR_MEMBER,)

LIFE: Final[Lifecycle[MeetingState, MeetingAction, MeetingActor]] = Lifecycle(
    MeetingState,
    MeetingAction,
    MeetingActor,
    (
        Rule(MeetingAction.MEETING_ACTION_CHANGE, _HOST, stays(_SCHEDULED)),
        Rule(MeetingAction.MEETING_ACTION_CANCEL, _HOST, dict.fromkeys((_SCHEDULED, _OPEN), _CANCELLED)),
        Rule(MeetingAction.MEETING_ACTION_OPEN, _HOST, dict.fromkeys((_SCHEDULED, _OPEN), _OPEN)),
        Rule(MeetingAction.MEETING_ACTION_CHECK_IN, _MEMBER, stays(_OPEN)),
        Rule(MeetingAction.MEETING_ACTION_EXCUSE, _HOST, stays(_SCHEDULED, _OPEN)),
        Rule(MeetingAction.MEETING_ACTION_RECORD_PRESENT, _HOST, stays(_OPEN, _HELD)),
        Rule(MeetingAction.MEETING_ACTION_CLOSE, _HOST, {_OPEN: _HELD}),
        Rule(MeetingAction.MEETING_ACTION_AMEND, _HOST, stays(_HELD)),
    ),
    wrong_state=MeetingInWrongState,
)
"""Every step that a meeting can take after it was scheduled."""
