"""What can go wrong; the reasons are those of ``onegrid.notify.v1.ErrorReason``."""

from __future__ import annotations

from google.rpc import code_pb2

from onegrid.notify.v1.error_reason_pb2 import ErrorReason
from onegrid_kit.errors import DomainError, Reason

__all__ = ["ColumnUnusable", "GroupUnknown", "PlaceUnknown"]


class ColumnUnusable(DomainError):
    """Articles and records can't stand in the column."""

    code = code_pb2.INVALID_ARGUMENT
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_COLUMN_UNUSABLE)

    def __init__(self, column: str) -> None:
        super().__init__(f"nothing can be put into {column}", metadata={"column": column})


class PlaceUnknown(DomainError):
    """An audience names a place or department that the district does not have."""

    code = code_pb2.INVALID_ARGUMENT
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PLACE_UNKNOWN)

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} is no known place or department", metadata={"place": place})


class GroupUnknown(DomainError):
    """An audience names a group that does not exist."""

    code = code_pb2.INVALID_ARGUMENT
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_GROUP_UNKNOWN)

    def __init__(self, group: str) -> None:
        super().__init__(f"there is no {group}", metadata={"group": group})
