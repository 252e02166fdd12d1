"""The way of an HTTP request, composed once for each route."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from time import perf_counter
from typing import Any, Final

from aiohttp import web
from google.protobuf.descriptor import ServiceDescriptor
from opentelemetry.trace import SpanKind

from onegrid_kit import metrics, tracing
from onegrid_kit.callers import Call, Caller
from onegrid_kit.contracts import rules_of
from onegrid_kit.errors import Overloaded, RequestTooLarge, Unauthenticated
from onegrid_kit.http.answers import Answer
from onegrid_kit.http.carried import Carried
from onegrid_kit.http.errors import BodyTooSlow, UnsupportedMediaType
from onegrid_kit.http.problems import problem_of
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import Permitted, ReadOnlyDatabase, Route, Signed
from onegrid_kit.rpc import addresses
from onegrid_kit.rpc.access import AccessRule
from onegrid_kit.rpc.authentication import Authenticator
from onegrid_kit.rpc.service_accounts import SCHEME, ServiceAccounts
from onegrid_kit.runtime import Runtime
from onegrid_kit.service import Service
from onegrid_kit.sizes import require_sendable

__all__ = ["Endpoint", "body_of", "count"]

_CANCELLED: Final = 499
"""What metrics call a request whose caller went away, as proxies do."""
_PURPOSE_CHARACTERS: Final = 200
_CHALLENGE: Final = 'Bearer, Basic realm="OneGrid", charset="UTF-8"'


class Endpoint:
    """One route of one service, which is the runtime's or hosted by it."""

    def __init__(
        self, runtime: Runtime[Any], service: Service, route: Route, service_accounts: ServiceAccounts
    ) -> None:
        """Raises TypeError if the route's permission is none of the contract's."""
        self.route = route
        self.service = runtime.service.name
        self._domain = service.domain
        self._runtime = runtime
        self._settings = runtime.settings
        self._rule = _rule(route, service.descriptor)
        self._authenticator = Authenticator(self.service, runtime.tokens)
        self._verify: Callable[[Request[Any]], Any] | None = (
            route.access.verify if isinstance(route.access, Signed) else None
        )
        self._service_accounts = (
            service_accounts if isinstance(route.access, Permitted) and route.access.basic else None
        )
        self._db = ReadOnlyDatabase(runtime.db) if route.method == "GET" else runtime.db
        for method in route.methods:
            metrics.HTTP_FAULTS.labels(self.service, route.path, method)

    async def answer(self, incoming: web.BaseRequest | Carried, parameters: Mapping[str, str]) -> Answer:
        """Answer one request; what goes wrong is a problem."""
        began = perf_counter()
        runtime = self._runtime
        status = _CANCELLED
        traceparent = tracing.accepted(incoming.headers.get("traceparent", ""), self._settings.trace_ratio)
        runtime.calls += 1
        runtime.requests += 1
        # Outside of the span as well, where errors are answered with their trace.
        tracing.enter(traceparent)
        try:
            with tracing.span(self.route.name, SpanKind.SERVER, traceparent):
                if runtime.calls > self._settings.max_calls:
                    raise Overloaded
                answer = await self._serve(incoming, parameters)
            status = answer.status
        except Exception as error:
            answer = problem_of(error, self._domain)
            status = answer.status
        finally:
            runtime.calls -= 1
            runtime.requests -= 1
            exemplar = metrics.exemplar(traceparent)
            count(self.service, self.route.path, incoming.method, status, perf_counter() - began, exemplar)
        return self.with_headers(answer)

    def with_headers(self, answer: Answer) -> Answer:
        """The answer with the headers that all of the route have."""
        added = self.route.headers
        if answer.status == 401 and self._service_accounts is not None:
            return replace(answer, headers={**added, **answer.headers, "WWW-Authenticate": _CHALLENGE})
        return replace(answer, headers={**added, **answer.headers}) if added else answer

    async def _serve(self, incoming: web.BaseRequest | Carried, parameters: Mapping[str, str]) -> Answer:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.default_deadline_s
        request = await self._admit(incoming, parameters)
        limit, key = self._runtime.calls_of, request.call.caller.user or request.call.address
        limit.enter(key)
        try:
            try:
                async with asyncio.timeout_at(end):
                    body = await body_of(incoming, self.route.max_body_bytes)
            except TimeoutError:
                raise BodyTooSlow from None
            request = replace(request, body=body)
            async with asyncio.timeout_at(end):
                if self._verify is not None:
                    request = replace(request, verified=self._verify(request))
                answer = await self.route.handle(request, self._db)
            require_sendable(len(answer.body))
            return answer
        finally:
            limit.leave(key)

    async def _admit(self, incoming: web.BaseRequest | Carried, parameters: Mapping[str, str]) -> Request[Any]:
        now = self._runtime.clock.now()
        # Strangers with signatures of their own may use the header for something else.
        authorization = incoming.headers.get("authorization") if self._verify is None else None
        caller = await self._caller(authorization, now)
        forwarded = incoming.headers.getall(addresses.FORWARDED_FOR, [])
        request: Request[Any] = Request(
            call=Call(
                caller=caller,
                now=now,
                method=self.route.name,
                permission=self._rule.permission,
                traceparent=tracing.current_traceparent(),
                purpose=incoming.headers.get("x-purpose", "")[:_PURPOSE_CHARACTERS],
                address=addresses.address_of(incoming.remote or "", forwarded, self._settings.http_forwarding_proxies),
            ),
            service=self._runtime.service,
            settings=self._settings,
            cipher=self._runtime.cipher,
            parameters=parameters,
            query=incoming.query,
            headers=incoming.headers,
            content_type=incoming.content_type.lower() if "content-type" in incoming.headers else "",
        )
        self._rule.check(caller, request)
        return request

    async def _caller(self, authorization: str | None, now: datetime) -> Caller:
        accounts = self._service_accounts
        if authorization is None or authorization[: len(SCHEME)].lower() != SCHEME:
            return await self._authenticator.caller(authorization, now)
        if accounts is None:
            # Clients that have a secret send it everywhere; who is asked for nothing is asked for no right one.
            return await self._authenticator.caller(None if self._rule.public else authorization, now)
        try:
            return await self._authenticator.caller(f"Bearer {await accounts.token(authorization)}", now)
        except Unauthenticated:
            # The session of a token that was kept may have been ended, as when a grant is revoked.
            if not accounts.forget(authorization):
                raise
        return await self._authenticator.caller(f"Bearer {await accounts.token(authorization)}", now)


def count(
    service: str, route: str, method: str, status: int, seconds: float, exemplar: dict[str, str] | None = None
) -> None:
    """Count an answered request."""
    metrics.HTTP_SECONDS.labels(service, route, method, str(status)).observe(seconds, exemplar)
    if status >= 500:
        metrics.HTTP_FAULTS.labels(service, route, method).inc()


def _rule(route: Route, contract: ServiceDescriptor) -> AccessRule:
    access = route.access
    permission, scope = (access.permission, access.scope) if isinstance(access, Permitted) else ("", None)
    if isinstance(access, Permitted) and permission not in {rule.permission for rule in rules_of(contract)}:
        raise TypeError(f"{route.name}: no method names the permission {permission!r}, so that no role has it")
    return AccessRule(
        public=not isinstance(access, Permitted),
        permission=permission,
        scope=scope,
        reads_personal_data=False,
        resource=None,
        response_resource=None,
    )


async def body_of(incoming: web.BaseRequest | Carried, most: int) -> bytes:
    """The body, if any is read. Raises RequestTooLarge, as soon as it is known to be, or UnsupportedMediaType."""
    if isinstance(incoming, Carried):
        return incoming.body
    if not (most and incoming.can_read_body):
        return b""
    # What is signed are the bytes that were sent; and few of them may unpack to many.
    if incoming.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("sent without a content encoding")
    announced = incoming.content_length or 0
    if announced > most:
        raise RequestTooLarge(announced, most)
    if incoming.headers.get("expect", "").lower() == "100-continue":
        await incoming.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        incoming.writer.output_size = 0
    body = bytearray()
    async for chunk in incoming.content.iter_any():
        body += chunk
        if len(body) > most:
            raise RequestTooLarge(len(body), most)
    return bytes(body)
