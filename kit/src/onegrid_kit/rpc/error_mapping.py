"""Error mapping: from exceptions to statuses. What is no domain error is answered with a trace id alone."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from onegrid_kit import tracing
from onegrid_kit.errors import DeadlineExceeded, DomainError, FieldViolation, InternalError, InvalidRequest
from onegrid_kit.failures import sqlstate
from onegrid_kit.logs import log

__all__ = ["STATUS_DETAILS", "domain_error", "rpc_status", "status_of"]

STATUS_DETAILS = "grpc-status-details-bin"
"""The trailing metadata that carries a `google.rpc.Status`."""
_STATEMENT_TIMEOUT = "57014"
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# Clients take 8 KiB of trailers, if not configured otherwise, and lose all of a longer one: an error must not grow
# with the request that it is about.
_MESSAGE_BYTES = 400
_METADATA_BYTES = 1000
_VIOLATIONS_BYTES = 2000


def status_of(error: Exception, domain: str) -> tuple[grpc.StatusCode, str, bytes]:
    """The code, message and serialized `google.rpc.Status` of an error."""
    status = rpc_status(domain_error(error), domain)
    return _CODES[status.code], status.message, status.SerializeToString()


def rpc_status(error: DomainError, domain: str) -> status_pb2.Status:
    """The error as its caller gets it, whichever protocol carries it."""
    status = status_pb2.Status(code=error.code, message=_short(error.message, _MESSAGE_BYTES))
    for detail in _details(error, domain):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def domain_error(error: Exception) -> DomainError:
    """What the error is to its caller; one that is no domain error is logged."""
    if isinstance(error, DomainError):
        return error
    state = sqlstate(error)
    if state.startswith("22"):
        # A value that passed the contract's rules and that PostgreSQL can't hold.
        return InvalidRequest(FieldViolation("", "holds a value that can't be stored"))
    if state == _STATEMENT_TIMEOUT or isinstance(error, TimeoutError):
        return DeadlineExceeded()
    log.error("call failed", error=type(error).__name__, exc_info=error)
    return InternalError(tracing.current_trace_id())


def _details(error: DomainError, domain: str) -> list[Message]:
    metadata = {key: _short(value, _METADATA_BYTES) for key, value in error.metadata.items()}
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=error.reason.name, domain=domain, metadata=metadata)]
    if isinstance(error, InvalidRequest):
        bad = error_details_pb2.BadRequest()
        for field, description in error.violations:
            bad.field_violations.add(
                field=_short(field, _METADATA_BYTES), description=_short(description, _METADATA_BYTES)
            )
            if bad.ByteSize() > _VIOLATIONS_BYTES:
                break
        details.append(bad)
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(error.retry_after)
        details.append(retry)
    return [*details, *error.details]


def _short(text: str, most: int) -> str:
    encoded = text.encode()
    return text if len(encoded) <= most else encoded[: most - 3].decode(errors="ignore") + "…"
