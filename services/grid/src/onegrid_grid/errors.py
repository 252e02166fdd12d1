"""What can go wrong in the grid; the reasons are those of ``onegrid.grid.v1.ErrorReason``."""

from __future__ import annotations

from datetime import datetime

from google.rpc import code_pb2

from onegrid.grid.v1.error_reason_pb2 import ErrorReason
from onegrid_kit import errors
from onegrid_kit.errors import DomainError, FieldViolation, InvalidRequest, Reason
from onegrid_kit.timestamps import timestamp

__all__ = [
    "AppointmentLimitReached",
    "BoundaryInvalid",
    "BoundaryOverlaps",
    "DivisionsUnreadable",
    "FindingEscalated",
    "FindingTransferred",
    "ParentUnknown",
    "PointOutside",
    "PostTaken",
    "UserNotActive",
    "UserUnknown",
]


class AppointmentLimitReached(DomainError):
    """As many people as a cell may have are appointed to it."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_APPOINTMENT_LIMIT_REACHED)

    def __init__(self, cell: str, limit: int) -> None:
        super().__init__(f"{cell} has {limit} appointments", metadata={"cell": cell, "limit": str(limit)})


class DivisionsUnreadable(InvalidRequest):
    """A line of the table can't be used."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_DIVISIONS_UNREADABLE)

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(
            FieldViolation("csv", f"line {line}: {problem}"), metadata={"line": str(line), "problem": problem}
        )


class ParentUnknown(DomainError):
    """The division that contains it is not known."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PARENT_UNKNOWN)

    def __init__(self, parent: str) -> None:
        super().__init__(f"no division has the code {parent}", metadata={"parent": parent})


class BoundaryInvalid(InvalidRequest):
    """The boundary bounds no ground."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_BOUNDARY_INVALID)

    def __init__(self, field: str, cell: str, problem: str) -> None:
        super().__init__(FieldViolation(field, problem), metadata={"cell": cell, "problem": problem})


class BoundaryOverlaps(DomainError):
    """Two cells would share ground."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_BOUNDARY_OVERLAPS)

    def __init__(self, cell: str, other: str) -> None:
        super().__init__(f"{cell} overlaps {other}", metadata={"cell": cell, "other": other})


class PointOutside(DomainError):
    """No cell covers the point."""

    code = code_pb2.NOT_FOUND
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_POINT_OUTSIDE)

    def __init__(self) -> None:
        super().__init__("no cell of the district covers the point")


class UserUnknown(errors.UserUnknown):
    """Identity has announced no such user of the district, or not yet."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_USER_UNKNOWN)


class UserNotActive(errors.UserNotActive):
    """The user is disabled."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_USER_NOT_ACTIVE)


class PostTaken(DomainError):
    """The cell has a leader, or the user holds that post there already."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_POST_TAKEN)

    def __init__(self, cell: str, user: str) -> None:
        super().__init__(f"{user} holds that post in {cell}", metadata={"cell": cell, "user": user})


class FindingEscalated(DomainError):
    """The finding went to emergency before."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_FINDING_ESCALATED)

    def __init__(self, finding: str, escalate_time: datetime) -> None:
        metadata = {"finding": finding, "escalate_time": timestamp(escalate_time).ToJsonString()}
        super().__init__("the finding went to emergency already", metadata=metadata)


class FindingTransferred(DomainError):
    """A petition is filed for the finding already."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_FINDING_TRANSFERRED)

    def __init__(self, finding: str, transfer_time: datetime) -> None:
        metadata = {"finding": finding, "transfer_time": timestamp(transfer_time).ToJsonString()}
        super().__init__("a petition is filed for the finding already", metadata=metadata)
