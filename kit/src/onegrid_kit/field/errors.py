"""Why a batch, or an entry of one, is not taken."""

from __future__ import annotations

from datetime import timedelta

from google.rpc import code_pb2

from onegrid.common.v1.error_reason_pb2 import ErrorReason
from onegrid.field.v1.field_pb2 import RefusalReason
from onegrid_kit.errors import DomainError, FieldViolation, Reason

__all__ = ["DeviceKeyUnknown", "EntryRefused"]


class DeviceKeyUnknown(DomainError):
    """The service has not heard of the device's key; of one that was enrolled just now it will in a moment."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_DEVICE_KEY_UNKNOWN)

    def __init__(self, device_key: str) -> None:
        super().__init__(
            f"{device_key} is not known here",
            metadata={"device_key": device_key},
            retry_after=timedelta(seconds=1),
        )


class EntryRefused(Exception):
    """Raised by the service that reads an entry's content: this entry is not taken; the others of its batch are."""

    def __init__(self, reason: RefusalReason, *violations: FieldViolation) -> None:
        """`reason`: UNKNOWN_CONTENT or CONTENT_REFUSED. `violations`: paths begin with `content`."""
        super().__init__(RefusalReason.Name(reason))
        self.reason = reason
        self.violations = violations
