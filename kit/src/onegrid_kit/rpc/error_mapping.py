"""Error mapping: the one table from exceptions to statuses. What is not in it is a fault of ours, told with a
trace id alone.
"""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from onegrid_kit import tracing
from onegrid_kit.database import sqlstate
from onegrid_kit.errors import DomainError, FieldViolation, InvalidRequest
from onegrid_kit.logs import log

__all__ = ["STATUS_DETAILS", "status_of"]

STATUS_DETAILS = "grpc-status-details-bin"
"""The trailing metadata that carries a `google.rpc.Status`."""
_STATEMENT_TIMEOUT = "57014"
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# Clients take 8 KiB of trailers if they are not told otherwise, and lose all of a longer one: an error must not grow
# with the request that it is about.
_MESSAGE_BYTES = 400
_METADATA_BYTES = 1000
_VIOLATIONS_BYTES = 2000


def status_of(error: Exception, domain: str) -> tuple[grpc.StatusCode, str, bytes]:
    """The code, message and serialized `google.rpc.Status` that a caller is told."""
    state = sqlstate(error)
    if state.startswith("22"):
        # A value that passed the contract's rules and that PostgreSQL can't hold.
        error = InvalidRequest(FieldViolation("", "holds a value that can't be stored"))
    elif state == _STATEMENT_TIMEOUT:
        error = TimeoutError()
    if isinstance(error, DomainError):
        code, message = _CODES[error.code], _short(error.message, _MESSAGE_BYTES)
        details = _details(error, domain)
    elif isinstance(error, TimeoutError):
        code, message = grpc.StatusCode.DEADLINE_EXCEEDED, "the call took too long"
        details = [error_details_pb2.ErrorInfo(reason="DEADLINE_EXCEEDED", domain=domain)]
    else:
        trace_id = tracing.current_trace_id()
        log.error("call failed", error=type(error).__name__, exc_info=error)
        code, message = grpc.StatusCode.INTERNAL, f"a fault of ours; trace {trace_id}"
        details = [
            error_details_pb2.ErrorInfo(reason="INTERNAL", domain=domain, metadata={"trace_id": trace_id}),
        ]
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return code, message, status.SerializeToString()


def _details(error: DomainError, domain: str) -> list[Message]:
    metadata = {key: _short(value, _METADATA_BYTES) for key, value in error.metadata.items()}
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=domain, metadata=metadata)]
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
