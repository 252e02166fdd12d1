"""The HTTP listener: one port for the routes of a service, or of several that share a process."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Any, Final

from aiohttp import web

from onegrid_kit import tracing
from onegrid_kit.errors import DomainError, InternalError, MalformedRequest
from onegrid_kit.http.answers import Answer
from onegrid_kit.http.carried import carried
from onegrid_kit.http.endpoint import Endpoint, body_of, count
from onegrid_kit.http.errors import BodyTooSlow, MethodNotAllowed, RouteNotFound
from onegrid_kit.http.problems import problem_of
from onegrid_kit.logs import log
from onegrid_kit.rpc.service_accounts import ServiceAccounts
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings, SettingsError

__all__ = ["HttpListener"]

_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    # There are secrets in paths.
    "Referrer-Policy": "no-referrer",
    # Without it, aiohttp names itself and its version.
    "Server": "OneGrid",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer has, unless the route says otherwise."""
_STRICT_TRANSPORT: Final = "max-age=31536000"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNKNOWN: Final = "unknown"
# Longer than proxies keep connections to us open (nginx: 60 s), so that it is they who close them. A request's head has
# to arrive in this time as well.
_IDLE_S: Final = 75.0
# How long the rest of a body is thrown away that was refused, for its sender to read why.
_LINGER_S: Final = 2.0
_CANCEL_S: Final = 1.0


class HttpListener:
    """Serves the routes of these runtimes."""

    def __init__(self, runtimes: Sequence[Runtime[Any]], settings: ServiceSettings) -> None:
        """Raises TypeError if two routes have one method and path."""
        self._settings = settings
        accounts = ServiceAccounts(settings)
        endpoints = [
            Endpoint(runtime, service, route, accounts)
            for runtime in runtimes
            for service in runtime.service.served
            for route in service.load_routes()
        ]
        self._endpoints = [(endpoint, endpoint.route.matcher()) for endpoint in endpoints]
        _require_distinct(endpoints)
        self._first = runtimes[0]
        self._running = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._connections: _Connections | None = None
        self._server: asyncio.Server | None = None
        self.port = 0
        """Where it listens, once it is started; 0 if there are no routes, or it is switched off."""

    async def start(self) -> None:
        """Listen, if there are routes and a place to listen. Raises SettingsError if it can't be listened there."""
        listen = self._settings.http_listen
        if not (listen and self._endpoints):
            return
        host, port = _place(listen)
        self._connections = _Connections(
            self,
            # Paths hold tokens, and are in no log.
            access_log=None,
            auto_decompress=False,
            handler_cancellation=True,
            keepalive_timeout=_IDLE_S,
            lingering_time=_LINGER_S,
        )
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._connections, sock=_socket(host, port, self._settings.reuse_port), ssl=_tls(self._settings)
            )
        except OSError as error:
            raise SettingsError(f"ONEGRID_HTTP_LISTEN: {listen} can't be listened on: {error.strerror}") from None
        self.port = self._server.sockets[0].getsockname()[1]

    def drain(self) -> None:
        """From now on close each connection with its next answer: its caller is to find another replica."""
        self._draining = True

    async def stop(self, grace_s: float) -> None:
        """Take no new connections, let running requests finish for so long, and close."""
        self.drain()
        if self._server is None or self._connections is None:
            return
        self._server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        self._connections.pre_shutdown()
        await self._connections.shutdown(_CANCEL_S)

    async def __call__(self, incoming: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        self._running += 1
        self._idle.clear()
        try:
            response = self.response(await self._answer(incoming))
            if self._draining or not incoming.content.is_eof():
                response.force_close()
            return response
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def refuse(self, *, malformed: bool) -> web.Response:
        """The answer to what is no HTTP, or to what failed outside of any route."""
        tracing.enter(tracing.accepted("", self._settings.trace_ratio))
        error = MalformedRequest("this is no HTTP") if malformed else InternalError(tracing.current_trace_id())
        answer = problem_of(error, self._first.service.domain)
        count(self._first.service.name, _UNKNOWN, _UNKNOWN, answer.status, 0.0)
        response = self.response(answer)
        response.force_close()
        return response

    def response(self, answer: Answer) -> web.Response:
        """With the headers that every answer has."""
        headers = {**_HEADERS, **answer.headers}
        if self._settings.tls_certificate:
            headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
        if answer.content_type:
            headers["Content-Type"] = answer.content_type
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def _answer(self, incoming: web.BaseRequest) -> Answer:
        path = incoming.rel_url.raw_path
        found = [(endpoint, values) for endpoint, match in self._endpoints if (values := match(path)) is not None]
        for endpoint, values in found:
            if incoming.method in endpoint.route.methods:
                if endpoint.route.in_forms and incoming.method == "POST" and "method" in incoming.query:
                    return await self._answer_carried(incoming, endpoint, found)
                return await endpoint.answer(incoming, values)
        began = perf_counter()
        tracing.enter(tracing.accepted(incoming.headers.get("traceparent", ""), self._settings.trace_ratio))
        allowed = ", ".join(method for endpoint, _ in found for method in endpoint.route.methods)
        answer = problem_of(MethodNotAllowed(allowed) if found else RouteNotFound(), self._first.service.domain)
        # Whoever calls can make up any method.
        method = incoming.method if incoming.method in _METHODS else _UNKNOWN
        route = found[0][0].route.path if found else _UNKNOWN
        count(self._first.service.name, route, method, answer.status, perf_counter() - began)
        return answer

    async def _answer_carried(
        self, incoming: web.BaseRequest, posted: Endpoint, found: Sequence[tuple[Endpoint, Mapping[str, str]]]
    ) -> Answer:
        """Answer the request that a form holds, as if it had come by itself."""
        began = perf_counter()
        try:
            try:
                async with asyncio.timeout(self._settings.default_deadline_s):
                    # A form is longer than what it holds: each byte may take three.
                    body = await body_of(incoming, 3 * posted.route.max_body_bytes)
            except TimeoutError:
                raise BodyTooSlow from None
            held = carried(incoming, body)
            meant = [each for each in found if held.method in each[0].route.methods and each[0].route.in_forms]
            if not meant:
                raise MalformedRequest("`method` is none that this path takes")
        except DomainError as error:
            tracing.enter(tracing.accepted(incoming.headers.get("traceparent", ""), self._settings.trace_ratio))
            answer = problem_of(error, self._first.service.domain)
            count(posted.service, posted.route.path, incoming.method, answer.status, perf_counter() - began)
            return posted.with_headers(answer)
        endpoint, values = meant[0]
        answer = await endpoint.answer(held, values)
        return replace(answer, body=b"") if held.method == "HEAD" else answer


class _Connection(web.RequestHandler):
    """aiohttp's own answers to what is no HTTP are plain text, and quote what was sent."""

    __slots__ = ("_listener",)

    def __init__(self, listener: HttpListener, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._listener = listener

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if status >= 500:
            log.error("request failed outside of its route", status=status, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        return self._listener.refuse(malformed=status < 500)


class _Connections(web.Server):
    def __init__(self, listener: HttpListener, *, handler_cancellation: bool, **options: Any) -> None:
        super().__init__(listener, handler_cancellation=handler_cancellation)
        self._listener = listener
        self._options = options

    def __call__(self) -> web.RequestHandler:
        return _Connection(self._listener, self, loop=asyncio.get_running_loop(), **self._options)


def _require_distinct(endpoints: Sequence[Endpoint]) -> None:
    names = [endpoint.route.name for endpoint in endpoints]
    for name in names:
        if names.count(name) > 1:
            raise TypeError(f"{name} is served twice")


def _place(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not (host and port.isdecimal() and int(port) < 65_536):
        raise SettingsError(f"ONEGRID_HTTP_LISTEN: {listen!r} is no address and port, like 0.0.0.0:8080")
    return host.strip("[]"), int(port)


def _socket(host: str, port: int, reuse_port: bool) -> socket.socket:
    """One that listens there; `::` is every address, of IPv4 too, as it is for gRPC. An event loop's own is one of IPv6
    alone.
    """
    if host == "::" and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, reuse_port=reuse_port, dualstack_ipv6=host == "::")


def _tls(settings: ServiceSettings) -> ssl.SSLContext | None:
    """As the api's, but for clients' certificates: who comes here are strangers, known by tokens and signatures."""
    if not settings.tls_certificate:
        return None
    files = (settings.tls_certificate, settings.tls_key)
    stamps = _stamps(files)
    current = _context(files)

    def renew(connection: ssl.SSLObject | ssl.SSLSocket, _: str | None, __: ssl.SSLContext) -> None:
        # Asked for each connection, so that renewed files need no restart; while they are being replaced, the former
        # ones stay.
        nonlocal current, stamps
        with suppress(OSError, ssl.SSLError):
            now = _stamps(files)
            if now != stamps:
                current, stamps = _context(files), now
        connection.context = current

    first = _context(files)
    first.sni_callback = renew
    return first


def _context(files: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    return context


def _stamps(files: tuple[str, str]) -> list[tuple[int, int]]:
    return [(found.st_mtime_ns, found.st_ino) for found in map(os.stat, files)]
