"""What can go wrong in the domain, each with its one status, reason and metadata.

A service derives its own errors from these, in its ``errors.py``, with its own reasons; nothing else maps exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from google.protobuf.descriptor import EnumValueDescriptor
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from google.rpc import code_pb2

from onegrid.common.v1.error_reason_pb2 import ErrorReason

__all__ = [
    "AlreadyExists",
    "CallerLimitReached",
    "Conflict",
    "DeadlineExceeded",
    "DomainError",
    "FieldViolation",
    "GrantRevoked",
    "InternalError",
    "InvalidRequest",
    "InvalidToken",
    "MalformedRequest",
    "NotFound",
    "OutcomeUnknown",
    "Overloaded",
    "PermissionDenied",
    "PersonInText",
    "RateLimited",
    "Reason",
    "RequestIdReused",
    "RequestTooLarge",
    "ResponseTooLarge",
    "SessionEnded",
    "SignatureInvalid",
    "StaleEtag",
    "TokenExpired",
    "Unauthenticated",
    "Unavailable",
    "UserNotActive",
    "UserUnknown",
]


class Reason:
    """A value of an ErrorReason enum, by which programs recognise an error."""

    def __init__(self, enum: EnumTypeWrapper, value: int) -> None:
        self.value: EnumValueDescriptor = enum.DESCRIPTOR.values_by_number[value]
        self.name: str = self.value.name.removeprefix("ERROR_REASON_")
        """``ErrorInfo.reason``."""


class DomainError(Exception):
    """An error as its caller gets it, in English. Subclasses set ``code`` and ``reason``."""

    code: ClassVar[code_pb2.Code]
    reason: ClassVar[Reason]

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        details: Sequence[Message] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata: Mapping[str, str] = metadata or {}
        """``ErrorInfo.metadata``; its keys are a contract, listed at the reason in the proto."""
        self.details = tuple(details)
        """Further details of the status."""
        self.retry_after = retry_after
        """When to try again, for ``RetryInfo``."""


class FieldViolation(tuple[str, str]):
    """A field's path and what is wrong with it."""

    __slots__ = ()

    def __new__(cls, field: str, description: str) -> FieldViolation:
        """Of the field at this path."""
        return super().__new__(cls, (field, description))


class InvalidRequest(DomainError):
    """The request breaks the rules of its message."""

    code = code_pb2.INVALID_ARGUMENT
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_INVALID_REQUEST)

    def __init__(self, *violations: FieldViolation, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in violations), metadata=metadata)
        self.violations = violations
        """``BadRequest.field_violations``."""


class PersonInText(InvalidRequest):
    """A text names a person."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PERSON_IN_TEXT)

    def __init__(self, kinds: Sequence[str], violations: Sequence[FieldViolation]) -> None:
        """`kinds`: of the numbers that name one, as in `persons`."""
        super().__init__(*violations, metadata={"kinds": ",".join(dict.fromkeys(kinds))})


class MalformedRequest(DomainError):
    """The bytes are no message of the request's type."""

    code = code_pb2.INVALID_ARGUMENT
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MALFORMED_REQUEST)


class InvalidToken(InvalidRequest):
    """A page or resume token that this server did not sign for this request."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_INVALID_TOKEN)

    def __init__(self, field: str) -> None:
        super().__init__(FieldViolation(field, "not a token of this request"), metadata={"field": field})


class Unauthenticated(DomainError):
    """No token, or one that does not verify."""

    code = code_pb2.UNAUTHENTICATED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_UNAUTHENTICATED)

    def __init__(self, message: str = "a valid access token is needed") -> None:
        super().__init__(message)


class TokenExpired(Unauthenticated):
    """The access token that opened a stream has expired."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TOKEN_EXPIRED)

    def __init__(self) -> None:
        super().__init__("the access token has expired; call again with a fresh one to go on")


class SessionEnded(Unauthenticated):
    """The session that opened a stream was ended."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SESSION_ENDED)

    def __init__(self) -> None:
        super().__init__("the session was ended; log in and call again to go on")


class GrantRevoked(Unauthenticated):
    """A grant of the caller was revoked after the token that opened a stream was issued."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_GRANT_REVOKED)

    def __init__(self) -> None:
        super().__init__("a grant was revoked; call again with a fresh access token to go on")


class PermissionDenied(DomainError):
    """The caller lacks the permission here. The message is the same whether the resource exists or not."""

    code = code_pb2.PERMISSION_DENIED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PERMISSION_DENIED)

    def __init__(self, permission: str) -> None:
        super().__init__(f"{permission} is not granted here", metadata={"permission": permission})


class SignatureInvalid(DomainError):
    """The request is not signed as it must be. The message is the same whatever is wrong with the signature."""

    code = code_pb2.PERMISSION_DENIED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SIGNATURE_INVALID)

    def __init__(self) -> None:
        super().__init__("the request is not signed as it must be")


class NotFound(DomainError):
    """The resource does not exist, and the caller may know that."""

    code = code_pb2.NOT_FOUND
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_NOT_FOUND)

    def __init__(self, resource: str) -> None:
        super().__init__(f"{resource} does not exist", metadata={"resource": resource})


class AlreadyExists(DomainError):
    """The resource exists already."""

    code = code_pb2.ALREADY_EXISTS
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_RESOURCE_EXISTS)

    def __init__(self, resource: str) -> None:
        super().__init__(f"{resource} exists already", metadata={"resource": resource})


class RequestIdReused(DomainError):
    """The request id belongs to another request of the same caller."""

    code = code_pb2.ALREADY_EXISTS
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REQUEST_ID_REUSED)

    def __init__(self, request_id: str) -> None:
        super().__init__("request_id was used for another request", metadata={"request_id": request_id})


class StaleEtag(DomainError):
    """The resource was changed since the caller read it."""

    code = code_pb2.ABORTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_STALE_ETAG)

    def __init__(self, resource: str, etag: str) -> None:
        super().__init__(f"{resource} has changed", metadata={"resource": resource, "etag": etag})


class Conflict(DomainError):
    """Another transaction was in the way, several times; try again."""

    code = code_pb2.ABORTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CONFLICT)

    def __init__(self) -> None:
        super().__init__("another call was in the way", retry_after=timedelta(milliseconds=100))


class Unavailable(DomainError):
    """What the service stands on does not answer just now."""

    code = code_pb2.UNAVAILABLE
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_UNAVAILABLE)

    def __init__(self, message: str = "not available just now") -> None:
        super().__init__(message, retry_after=timedelta(seconds=1))


class OutcomeUnknown(DomainError):
    """The database was lost while it stored something that must not be stored twice: it was stored, or it was not.

    Its code is one that no client repeats by itself.
    """

    code = code_pb2.UNKNOWN
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_OUTCOME_UNKNOWN)

    def __init__(self) -> None:
        super().__init__("the database was lost while it stored this, which was done or not; look before you repeat it")


class RateLimited(DomainError):
    """The caller asked too often."""

    code = code_pb2.RESOURCE_EXHAUSTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_RATE_LIMITED)

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("asked too often", retry_after=retry_after)


class Overloaded(DomainError):
    """More calls, or more streams, at the same moment than this process takes."""

    code = code_pb2.RESOURCE_EXHAUSTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_OVERLOADED)

    def __init__(self) -> None:
        super().__init__("too many calls at the same moment", retry_after=timedelta(seconds=1))


class DeadlineExceeded(DomainError):
    """The call took longer than its deadline, or than the server's own."""

    code = code_pb2.DEADLINE_EXCEEDED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED)

    def __init__(self) -> None:
        super().__init__("the call took too long")


class InternalError(DomainError):
    """A fault of ours, of which the caller learns no more than the trace that finds it in the logs."""

    code = code_pb2.INTERNAL
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_INTERNAL)

    def __init__(self, trace_id: str) -> None:
        super().__init__(f"a fault of ours; trace {trace_id}", metadata={"trace_id": trace_id})


class CallerLimitReached(DomainError):
    """The caller has as many calls, or streams, open at the same moment as one caller may have."""

    code = code_pb2.RESOURCE_EXHAUSTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CALLER_LIMIT_REACHED)

    def __init__(self, kind: str, limit: int) -> None:
        super().__init__(
            f"one caller may have {limit} {kind} open at the same moment",
            metadata={"kind": kind, "limit": str(limit)},
            retry_after=timedelta(seconds=1),
        )


class RequestTooLarge(DomainError):
    """The request has more bytes than this server accepts."""

    code = code_pb2.RESOURCE_EXHAUSTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE)

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the request has {size} bytes; {limit} are accepted", metadata={"bytes": str(size), "limit": str(limit)}
        )


class ResponseTooLarge(DomainError):
    """The response has more bytes than clients accept. A command that would be answered so is undone."""

    code = code_pb2.RESOURCE_EXHAUSTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_RESPONSE_TOO_LARGE)

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the response has {size} bytes; {limit} can be sent", metadata={"bytes": str(size), "limit": str(limit)}
        )


class UserUnknown(DomainError):
    """Identity has announced no such user of the district, or not yet. Services give it their own reason."""

    code = code_pb2.FAILED_PRECONDITION

    def __init__(self, user: str) -> None:
        super().__init__(f"the district has no user {user}", metadata={"user": user}, retry_after=timedelta(seconds=1))


class UserNotActive(DomainError):
    """The user is disabled. Services give it their own reason."""

    code = code_pb2.FAILED_PRECONDITION

    def __init__(self, user: str) -> None:
        super().__init__(f"{user} is disabled", metadata={"user": user})
