"""What can be wrong with an HTTP request, beside what can be wrong with any call."""

from __future__ import annotations

from google.rpc import code_pb2

from onegrid.common.v1.error_reason_pb2 import ErrorReason
from onegrid_kit.errors import DomainError, Reason

__all__ = ["BodyTooSlow", "MethodNotAllowed", "RouteNotFound", "UnsupportedMediaType"]


class RouteNotFound(DomainError):
    """Nothing is served at the path."""

    code = code_pb2.NOT_FOUND
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ROUTE_NOT_FOUND)

    def __init__(self) -> None:
        # The path is not repeated: there may be a secret in it.
        super().__init__("nothing is served at this path")


class MethodNotAllowed(DomainError):
    """The path is served, but not with this method."""

    code = code_pb2.UNIMPLEMENTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_METHOD_NOT_ALLOWED)

    def __init__(self, allowed: str) -> None:
        super().__init__(f"this path takes {allowed}", metadata={"allow": allowed})
        self.allowed = allowed
        """The `Allow` header."""


class UnsupportedMediaType(DomainError):
    """The body is of a type, or has an encoding, that the route does not read."""

    code = code_pb2.INVALID_ARGUMENT
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_UNSUPPORTED_MEDIA_TYPE)

    def __init__(self, accepted: str) -> None:
        super().__init__(f"the body must be {accepted}", metadata={"accepted": accepted})


class BodyTooSlow(DomainError):
    """The body did not arrive in time."""

    code = code_pb2.DEADLINE_EXCEEDED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_BODY_TOO_SLOW)

    def __init__(self) -> None:
        super().__init__("the body did not arrive in time")
