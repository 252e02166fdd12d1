"""Composes the concerns into one handler a method, once, at start: nothing is looked up by name while a call runs."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from time import perf_counter
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.trace import SpanKind
from prometheus_client import Histogram

from onegrid_kit import metrics, tracing
from onegrid_kit.callers import Call, Caller
from onegrid_kit.contracts import access_of, is_idempotent
from onegrid_kit.errors import (
    DomainError,
    FieldViolation,
    InvalidRequest,
    OutcomeUnknown,
    Overloaded,
    RequestTooLarge,
    Unavailable,
)
from onegrid_kit.rpc import addresses
from onegrid_kit.rpc.access import AccessRule, access_rule
from onegrid_kit.rpc.authentication import Authenticator
from onegrid_kit.rpc.error_mapping import STATUS_DETAILS, status_of
from onegrid_kit.rpc.validation import parse, validate
from onegrid_kit.runtime import Runtime
from onegrid_kit.service import Service
from onegrid_kit.sizes import require_sendable

__all__ = ["service_handler"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PURPOSE_CHARACTERS = 200
_NO_TIME_S = 0.05
# Codes that are no caller's fault; a deadline that passes counts as ours.
_FAULTS = frozenset(
    {
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.DATA_LOSS,
    }
)

Context = grpc.aio.ServicerContext[Any, Any]
_Admitted: TypeAlias = tuple[Call, Message, object]
"""A stream's call, its first request, and what the servicer is given: that request, or all of them."""


def service_handler(runtime: Runtime[Any], service: Service, servicers: Sequence[object]) -> grpc.GenericRpcHandler:
    """Serves a service's contract by the servicers' methods, which have the names of the contract's. The service is the
    runtime's, or one that it hosts.

    Each servicer implements some of the methods. Raises TypeError if none or several implement a method, if a
    servicer implements one that is not in the contract, or if the contract does not say who may call a method.
    """
    descriptor = service.descriptor
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    _require_known_methods(descriptor, servicers)
    for method in descriptor.methods:
        compiled = _Method(runtime, service, method, _implementation(method, servicers))
        # Bytes come and go as they are: what can't be parsed is the caller's error, and is answered as one.
        if method.client_streaming:
            handlers[method.name] = grpc.stream_stream_rpc_method_handler(compiled.exchange)
        elif method.server_streaming:
            handlers[method.name] = grpc.unary_stream_rpc_method_handler(compiled.stream)
        else:
            handlers[method.name] = grpc.unary_unary_rpc_method_handler(compiled.unary)
    return grpc.method_handlers_generic_handler(descriptor.full_name, handlers)


def _require_known_methods(descriptor: ServiceDescriptor, servicers: Sequence[object]) -> None:
    for servicer in servicers:
        # Methods of a contract begin with a capital letter; nothing else of a servicer does.
        for name in dir(servicer):
            if name[0].isupper() and name not in descriptor.methods_by_name:
                raise TypeError(f"{type(servicer).__name__}.{name} is no method of {descriptor.full_name}")


def _implementation(method: MethodDescriptor, servicers: Sequence[object]) -> Any:
    found = [servicer for servicer in servicers if hasattr(servicer, method.name)]
    if len(found) != 1:
        names = " and ".join(type(servicer).__name__ for servicer in found) or "no servicer"
        raise TypeError(f"{method.full_name} is implemented by {names}; it must be by exactly one")
    return getattr(found[0], method.name)


class _Method:
    """One method's way."""

    def __init__(self, runtime: Runtime[Any], service: Service, method: MethodDescriptor, implementation: Any) -> None:
        host = runtime.service
        self._runtime = runtime
        self._clock = runtime.clock
        self._implementation = implementation
        self._name = f"{method.containing_service.full_name}.{method.name}"
        self._domain = service.domain
        self._rule: AccessRule = access_rule(method)
        self._resource_field = access_of(method).resource_field
        # A command that comes as a stream has no transaction of its own that its entry could be part of.
        self._audited_at_once = self._rule.reads_personal_data or (
            method.client_streaming and self._rule.resource is not None
        )
        self._idempotent = is_idempotent(method)
        self._request_type: type[Message] = GetMessageClass(method.input_type)
        self._has_request_id = "request_id" in method.input_type.fields_by_name
        self._authenticator = Authenticator(host.name, runtime.tokens)
        # Requests may hold passwords: without the key, stored fingerprints can't be used to guess them.
        self._secret = hashlib.blake2b(b"fingerprint " + runtime.settings.page_token_key.encode()).digest()
        self._default_deadline: float = runtime.settings.default_deadline_s
        self._trace_ratio: float = runtime.settings.trace_ratio
        self._proxies: int = runtime.settings.forwarding_proxies
        self._max_request_bytes: int = runtime.settings.max_message_bytes
        self._max_calls: int = runtime.settings.max_calls
        self._max_streams: int = runtime.settings.max_streams
        self._seconds = _Outcomes(host.name, method.name)
        self._faults = metrics.RPC_FAULTS.labels(host.name, method.name)
        # A rule that can't be compiled stops the start, and the first call need not wait for it.
        with suppress(InvalidRequest):
            validate(self._request_type(), b"")

    async def unary(self, raw: bytes, context: Context) -> bytes:
        """Answer one request."""
        began = perf_counter()
        code = grpc.StatusCode.CANCELLED
        exemplar = None
        runtime = self._runtime
        runtime.calls += 1
        try:
            if runtime.calls > self._max_calls:
                raise Overloaded
            authorization, traceparent, purpose = self._metadata(context)
            # Outside of the span as well, where errors are answered with their trace.
            tracing.enter(traceparent)
            # grpc itself cancels calls whose callers set a deadline.
            serve = self._serve_in_time if context.time_remaining() is None else self._serve
            if tracing.sampled(traceparent):
                exemplar = metrics.exemplar(traceparent)
                with tracing.span(self._name, SpanKind.SERVER, traceparent):
                    answer = await serve(raw, context, authorization, tracing.current_traceparent(), purpose)
            else:
                answer = await serve(raw, context, authorization, traceparent, purpose)
            code = grpc.StatusCode.OK
        except Exception as error:
            code, message, status = status_of(error, self._domain)
        except asyncio.CancelledError:
            code = _cancelled(context)
            raise
        finally:
            runtime.calls -= 1
            self._seconds[code].observe(perf_counter() - began, exemplar)
            if code is not grpc.StatusCode.OK and code in _FAULTS:
                self._faults.inc()
        # Counted before the answer leaves: its caller may look at once.
        if code is not grpc.StatusCode.OK:
            await context.abort(code, message, ((STATUS_DETAILS, status),))
        return answer

    async def stream(self, raw: bytes, context: Context) -> None:
        """Answer one request with many messages, at most until the server stops or the caller may no longer."""

        async def admitted(authorization: str | None, traceparent: str, purpose: str) -> _Admitted:
            call, request = await self._admit(raw, context, authorization, traceparent, purpose)
            return call, request, request

        await self._stream(admitted, context)

    async def exchange(self, raws: AsyncIterator[bytes], context: Context) -> None:
        """Answer many requests with many messages, in the same bounds. The first request admits the call, which is
        audited for its resource; those that follow meet the same concerns, and are about the same resource.
        """

        async def admitted(authorization: str | None, traceparent: str, purpose: str) -> _Admitted:
            # Who has no token learns it before it has sent anything, and nobody takes a place without using it.
            await self._caller(authorization, self._clock.now())
            async with asyncio.timeout(self._default_deadline):
                raw = await anext(raws, b"")
            call, request = await self._admit(raw, context, authorization, traceparent, purpose)
            return call, request, self._requests(request, raws, call)

        await self._stream(admitted, context)

    async def _stream(self, admitted: Callable[[str | None, str, str], Awaitable[_Admitted]], context: Context) -> None:
        began = perf_counter()
        code = grpc.StatusCode.CANCELLED
        runtime = self._runtime
        runtime.streams += 1
        try:
            if runtime.streams > self._max_streams:
                raise Overloaded
            authorization, traceparent, purpose = self._metadata(context)
            tracing.enter(traceparent)
            with tracing.span(self._name, SpanKind.SERVER, traceparent):
                call, request, given = await admitted(authorization, tracing.current_traceparent(), purpose)
                key = call.caller.user or call.address
                runtime.streams_of.enter(key)
                try:
                    if self._audited_at_once:
                        await runtime.db.audit_read(call)
                    await self._pour(request, given, call, context)
                finally:
                    runtime.streams_of.leave(key)
            code = grpc.StatusCode.OK
        except Exception as error:
            code, message, status = status_of(error, self._domain)
        except asyncio.CancelledError:
            code = _cancelled(context)
            raise
        finally:
            runtime.streams -= 1
            self._seconds[code].observe(perf_counter() - began)
            # Streams that end because the server stops have lost nothing: their callers come again.
            if code in _FAULTS and not runtime.closing.is_set():
                self._faults.inc()
        if code is not grpc.StatusCode.OK:
            await context.abort(code, message, ((STATUS_DETAILS, status),))

    async def _requests(self, first: Message, raws: AsyncIterator[bytes], call: Call) -> AsyncIterator[Message]:
        yield first
        resource = self._rule.resource
        async for raw in raws:
            if len(raw) > self._max_request_bytes:
                raise RequestTooLarge(len(raw), self._max_request_bytes)
            request = parse(self._request_type, raw)
            self._rule.check(call.caller.at(self._clock.now()), request)
            validate(request, raw)
            if resource is not None and resource(request) != call.resource:
                raise InvalidRequest(FieldViolation(self._resource_field, f"is not {call.resource}, as in the first"))
            yield request

    async def _pour(self, request: Message, given: object, call: Call, context: Context) -> None:
        closing = self._runtime.closing
        writing = False

        def recheck(now: datetime) -> None:
            self._runtime.tokens.require_current(call.caller, now)
            self._rule.check(call.caller.at(now), request)

        async def pour() -> None:
            nonlocal writing
            # Closed at once when the caller goes, not when it is garbage collected: it may be registered in a list.
            async with aclosing(self._implementation(given, call)) as messages:
                async for message in messages:
                    writing = True
                    await context.write(_serialized(message))
                    writing = False
                    if ended.done():
                        raise ended.result()
                    if closing.is_set():
                        raise _stopping()

        with self._runtime.open_streams.opened(recheck) as ended:
            await self._pour_until(pour(), ended, lambda: writing)

    async def _pour_until(
        self, pour: Coroutine[Any, Any, None], ended: asyncio.Future[DomainError], writing: Callable[[], bool]
    ) -> None:
        pouring, stop = asyncio.ensure_future(pour), asyncio.ensure_future(self._runtime.closing.wait())
        try:
            await asyncio.wait((pouring, stop, ended), return_when=asyncio.FIRST_COMPLETED)
            if writing():
                # grpc can't end a call while a message of it is on its way.
                await asyncio.wait((pouring,))
            if not pouring.done():
                raise ended.result() if ended.done() else _stopping()
            pouring.result()
        finally:
            stop.cancel()
            pouring.cancel()
            await asyncio.wait((pouring,))
            # Its outcome does not matter any more.
            _ = pouring.cancelled() or pouring.exception()

    async def _serve_in_time(
        self, raw: bytes, context: Context, authorization: str | None, traceparent: str, purpose: str
    ) -> bytes:
        async with asyncio.timeout(self._default_deadline):
            return await self._serve(raw, context, authorization, traceparent, purpose)

    async def _serve(
        self, raw: bytes, context: Context, authorization: str | None, traceparent: str, purpose: str
    ) -> bytes:
        call, request = await self._admit(raw, context, authorization, traceparent, purpose)
        limit, key = self._runtime.calls_of, call.caller.user or call.address
        limit.enter(key)
        repeatable = self._idempotent or bool(call.request_id)
        try:
            if not repeatable:
                # By gRPC's rules a client policy repeats no call that has got headers, whatever becomes of it: this one
                # could be done twice, also when it is this process that is lost.
                await context.send_initial_metadata(())
            return await self._answer(request, call)
        except OutcomeUnknown as error:
            if not repeatable:
                raise
            raise Unavailable from error
        finally:
            limit.leave(key)

    async def _answer(self, request: Message, call: Call) -> bytes:
        if not self._rule.reads_personal_data:
            return _serialized(await self._implementation(request, call))
        # Written while the answer is found, which is sent only once it is written, also if it is a refusal.
        written = self._runtime.db.audit_read(call)
        try:
            answer = await self._implementation(request, call)
        except DomainError:
            await written
            raise
        await written
        return _serialized(answer)

    async def _admit(
        self, raw: bytes, context: Context, authorization: str | None, traceparent: str, purpose: str
    ) -> tuple[Call, Message]:
        if len(raw) > self._max_request_bytes:
            raise RequestTooLarge(len(raw), self._max_request_bytes)
        now = self._clock.now()
        caller = await self._caller(authorization, now)
        request = parse(self._request_type, raw)
        self._rule.check(caller, request)
        validate(request, raw)
        request_id: str = request.request_id if self._has_request_id else ""  # type: ignore[attr-defined]
        if request_id != request_id.lower():
            # A UUID is the same in both cases (RFC 9562, section 4), so that the request is the same as well.
            raw = raw.replace(request_id.encode(), request_id.lower().encode())
            request_id = request_id.lower()
        call = Call(
            caller=caller,
            now=now,
            method=self._name,
            permission=self._rule.permission,
            request_id=request_id,
            fingerprint=hashlib.blake2b(raw, digest_size=16, key=self._secret).digest() if request_id else b"",
            traceparent=traceparent,
            purpose=purpose,
            address=self._address(context),
            resource=self._rule.resource(request) if self._rule.resource else "",
            response_resource=self._rule.response_resource,
        )
        return call, request

    async def _caller(self, authorization: str | None, now: datetime) -> Caller:
        caller = await self._authenticator.caller(authorization, now)
        if not (caller.user or self._rule.public):
            self._rule.check(caller, self._request_type())
        return caller

    def _address(self, context: Context) -> str:
        forwarded: list[str] = []
        if self._proxies:
            metadata = context.invocation_metadata() or ()
            forwarded = [str(value) for key, value in metadata if key == addresses.FORWARDED_FOR]
        return addresses.address_of(context.peer(), forwarded, self._proxies)

    def _metadata(self, context: Context) -> tuple[str | None, str, str]:
        authorization = None
        traceparent = purpose = ""
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                authorization = str(value)
            elif key == "traceparent":
                traceparent = str(value)
            elif key == "x-purpose" and not purpose:
                purpose = str(value)
            elif key == "x-purpose-bin" and isinstance(value, bytes):
                # gRPC hands over the values of `-bin` keys as bytes.
                purpose = _decode_purpose(value)
        return authorization, tracing.accepted(traceparent, self._trace_ratio), purpose[:_PURPOSE_CHARACTERS]


class _Outcomes(dict[grpc.StatusCode, Histogram]):
    """The durations of a method by outcome. Those that never happen are not made: a scrape would list seventeen
    histograms a method, a megabyte and a half for two services.
    """

    def __init__(self, service: str, method: str) -> None:
        super().__init__()
        self._names = (service, method)
        self[grpc.StatusCode.OK]

    def __missing__(self, code: grpc.StatusCode) -> Histogram:
        made = self[code] = metrics.RPC_SECONDS.labels(*self._names, code.name)
        return made


def _decode_purpose(raw: bytes) -> str:
    try:
        purpose = raw.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(FieldViolation("x-purpose-bin", "is not UTF-8")) from None
    if _CONTROL.search(purpose):
        raise InvalidRequest(FieldViolation("x-purpose-bin", "holds control characters"))
    return purpose


def _serialized(answer: Message | bytes) -> bytes:
    """The answer's bytes; those that are kept for a repeated request are sent as they are. Raises ResponseTooLarge."""
    serialized = answer if isinstance(answer, bytes) else answer.SerializeToString()
    require_sendable(len(serialized))
    return serialized


def _stopping() -> Unavailable:
    return Unavailable("the server is stopping; call again to go on")


def _cancelled(context: Context) -> grpc.StatusCode:
    """Why grpc cancelled a call. A caller whose deadline passes cancels a moment before our own deadline."""
    left = context.time_remaining()
    return grpc.StatusCode.DEADLINE_EXCEEDED if left is not None and left < _NO_TIME_S else grpc.StatusCode.CANCELLED
