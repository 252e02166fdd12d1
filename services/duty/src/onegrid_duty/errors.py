"""What can go wrong with rosters and shifts; the reasons are those of ``onegrid.duty.v1.ErrorReason``."""

from __future__ import annotations

from google.rpc import code_pb2

from onegrid.duty.v1.error_reason_pb2 import ErrorReason
from onegrid_kit.errors import DomainError, FieldViolation, InvalidRequest, Reason

__all__ = [
    "EscalationMissing",
    "HandoverImpossible",
    "LastRungEmpty",
    "OverrideLimitReached",
    "RoleNotGrantable",
    "ScheduleInvalid",
    "SwapDecided",
    "SwapImpossible",
    "UserUnknown",
]


class UserUnknown(InvalidRequest):
    """Somebody is no active member of staff."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_USER_UNKNOWN)

    def __init__(self, user: str, field: str) -> None:
        super().__init__(FieldViolation(field, f"{user} is no active member of staff"), metadata={"user": user})


class ScheduleInvalid(InvalidRequest):
    """A time zone, date or length that does not go."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SCHEDULE_INVALID)

    def __init__(self, roster: str, *violations: FieldViolation) -> None:
        super().__init__(*violations, metadata={"roster": roster})


class LastRungEmpty(InvalidRequest):
    """The last rung of an escalation might find nobody."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_LAST_RUNG_EMPTY)

    def __init__(self, roster: str) -> None:
        super().__init__(
            FieldViolation("escalation", "its last rung must be the supervisors, and there must be some"),
            metadata={"roster": roster},
        )


class OverrideLimitReached(DomainError):
    """The roster has as many overrides as one may have that are not over."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_OVERRIDE_LIMIT_REACHED)

    def __init__(self, roster: str, limit: int) -> None:
        super().__init__(
            f"{roster} may have {limit} overrides that are not over", metadata={"roster": roster, "limit": str(limit)}
        )


class EscalationMissing(DomainError):
    """The roster has no escalation."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ESCALATION_MISSING)

    def __init__(self, roster: str) -> None:
        super().__init__(f"{roster} has no escalation", metadata={"roster": roster})


class HandoverImpossible(DomainError):
    """The shift has not begun, ended more than a day ago, or no shift follows it."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_HANDOVER_IMPOSSIBLE)

    def __init__(self, shift: str) -> None:
        super().__init__(f"{shift} can't be handed over", metadata={"shift": shift})


class SwapImpossible(DomainError):
    """A shift of the swap has begun, is not that person's, or they take no turns in its roster."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SWAP_IMPOSSIBLE)

    def __init__(self, shift: str) -> None:
        super().__init__(f"{shift} can't be swapped so, or not any more", metadata={"shift": shift})


class SwapDecided(DomainError):
    """The swap was accepted, declined or withdrawn."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SWAP_DECIDED)

    def __init__(self, swap: str, state: str) -> None:
        super().__init__(f"{swap} is {state} already", metadata={"swap": swap, "state": state})


class RoleNotGrantable(DomainError):
    """Shifts are to grant a role, and the caller may grant none here."""

    code = code_pb2.PERMISSION_DENIED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ROLE_NOT_GRANTABLE)

    def __init__(self, role: str, scope: str) -> None:
        super().__init__(f"the caller may not grant {role} over {scope}", metadata={"role": role, "scope": scope})
