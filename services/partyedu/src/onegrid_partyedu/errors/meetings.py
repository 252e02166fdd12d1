"""What can go wrong with meetings and guidance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from onegrid.partyedu.v1 import error_reason_pb2
from onegrid.partyedu.v1.error_reason_pb2 import ErrorReason, MeetingWrongState
from onegrid.partyedu.v1.guidance_pb2 import GuidanceAction, GuidanceState
from onegrid.partyedu.v1.meetings_pb2 import MeetingAction, MeetingState
from onegrid_kit import lifecycle
from onegrid_kit.errors import Reason
from onegrid_kit.lifecycle import short_name
from onegrid_partyedu.errors.base import Precondition

__all__ = [
    "CheckInCodeWrong",
    "GuidanceWrongState",
    "MeetingInWrongState",
    "MeetingNotQuorate",
    "MeetingTooEarly",
    "MemberNotExpected",
    "MinutesLimitReached",
    "NobodyBelow",
]


class MeetingInWrongState(lifecycle.WrongState):
    """This can't be done with the meeting where it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEETING_WRONG_STATE)

    def __init__(self, state: MeetingState, allowed: Sequence[MeetingAction]) -> None:
        super().__init__(
            short_name(MeetingState, state),
            [short_name(MeetingAction, action) for action in allowed],
            MeetingWrongState(state=state, allowed_actions=allowed),
        )


class MeetingTooEarly(Precondition):
    """The meeting can't be opened or closed so early."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEETING_TOO_EARLY)

    def __init__(self, meeting: str, time: datetime) -> None:
        since = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        super().__init__(f"can be done from {since} on", metadata={"meeting": meeting, "time": since})


class MeetingNotQuorate(Precondition):
    """Fewer than half of the committee are there."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEETING_NOT_QUORATE)

    def __init__(self, meeting: str, *, expected: int, present: int) -> None:
        super().__init__(
            f"{present} of {expected} are there, and half are needed",
            metadata={"meeting": meeting, "expected": str(expected), "present": str(present)},
        )


class MemberNotExpected(Precondition):
    """The member is not expected at the meeting."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEMBER_NOT_EXPECTED)

    def __init__(self, member: str) -> None:
        super().__init__(f"{member} is not expected at the meeting", metadata={"member": member})


class CheckInCodeWrong(Precondition):
    """The code is not the one that is shown at the meeting now."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CHECK_IN_CODE_WRONG)

    def __init__(self, meeting: str) -> None:
        super().__init__("the code is not the one that is shown now", metadata={"meeting": meeting})


class MinutesLimitReached(Precondition):
    """The minutes were amended as often as they can be."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MINUTES_LIMIT_REACHED)

    def __init__(self, meeting: str, limit: int) -> None:
        super().__init__(
            f"the minutes have {limit} revisions already", metadata={"meeting": meeting, "limit": str(limit)}
        )


class NobodyBelow(Precondition):
    """Nobody is there to be sent a task."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_NOBODY_BELOW)

    def __init__(self, organization: str) -> None:
        super().__init__(f"no organization stands below {organization}", metadata={"organization": organization})


class GuidanceWrongState(lifecycle.WrongState):
    """This can't be done with the assignment of a task where it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_GUIDANCE_WRONG_STATE)

    def __init__(self, state: GuidanceState, allowed: Sequence[GuidanceAction]) -> None:
        super().__init__(
            short_name(GuidanceState, state),
            [short_name(GuidanceAction, action) for action in allowed],
            error_reason_pb2.GuidanceWrongState(state=state, allowed_actions=allowed),
        )
