"""Errors as problem details (RFC 9457), from the same table as the statuses of gRPC."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from google.rpc import code_pb2, error_details_pb2

from onegrid_kit.errors import DomainError, RequestTooLarge, Unauthenticated
from onegrid_kit.http.answers import Answer
from onegrid_kit.http.errors import BodyTooSlow, MethodNotAllowed, UnsupportedMediaType
from onegrid_kit.rpc.error_mapping import domain_error, rpc_status

__all__ = ["problem_of"]

_CONTENT_TYPE: Final = "application/problem+json"

# As google.rpc.Code documents it.
_STATUS_OF_CODE: Final[Mapping[int, HTTPStatus]] = {
    code_pb2.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    code_pb2.FAILED_PRECONDITION: HTTPStatus.BAD_REQUEST,
    code_pb2.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    code_pb2.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    code_pb2.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    code_pb2.NOT_FOUND: HTTPStatus.NOT_FOUND,
    code_pb2.ABORTED: HTTPStatus.CONFLICT,
    code_pb2.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    code_pb2.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    code_pb2.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    code_pb2.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    code_pb2.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
}
# Where HTTP has a status of its own for what is wrong.
_STATUS_OF_ERROR: Final[Mapping[type[DomainError], HTTPStatus]] = {
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
}


def problem_of(error: Exception, domain: str) -> Answer:
    """What the error is answered with. What is no domain error is logged, and answered with a trace id alone."""
    known = domain_error(error)
    status = _STATUS_OF_ERROR.get(type(known)) or _STATUS_OF_CODE.get(known.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    described = rpc_status(known, domain)
    info = error_details_pb2.ErrorInfo()
    problem: dict[str, Any] = {
        "type": f"urn:problem-type:{domain}:{known.reason.name}",
        "title": known.reason.name.replace("_", " ").capitalize(),
        "status": int(status),
        "detail": described.message,
    }
    headers: dict[str, str] = {}
    for packed in described.details:
        if packed.Unpack(info):
            problem |= {"domain": info.domain, "reason": info.reason, "metadata": dict(info.metadata)}
        elif violations := _violations(packed):
            problem["violations"] = violations
        elif packed.Unpack(retry := error_details_pb2.RetryInfo()):
            headers["Retry-After"] = str(math.ceil(retry.retry_delay.ToTimedelta().total_seconds()))
    if isinstance(known, MethodNotAllowed):
        headers["Allow"] = known.allowed
    if isinstance(known, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Answer(status, orjson.dumps(problem), _CONTENT_TYPE, headers)


def _violations(packed: Any) -> list[dict[str, str]]:
    bad = error_details_pb2.BadRequest()
    packed.Unpack(bad)
    return [{"field": each.field, "description": each.description} for each in bad.field_violations]
