"""One attempt through an adapter that is made from an entry of the setting, and servers that it meets."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web

from onegrid_kit.sending import Attempt, Outgoing, Provider, Result, Send, State
from onegrid_notify.channels import adapter
from onegrid_notify.providers import parse

NOW = datetime(2026, 11, 11, 6, 36, tzinfo=UTC)
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four!").decode()
PHONE = "+8613800000023"


def provider(**entry: Any) -> Provider:
    """The adapter of this entry."""
    (config,) = parse(json.dumps([{"name": "tried", **entry}]))
    return adapter(config)


def outgoing(sending: str = "articles/1/users/a/EMAIL") -> Outgoing:
    return Outgoing(
        id=sending, channel="", state=State.SENDING, attempts=1, tries=1, last_provider="", last_code="",
        create_time=NOW, end_time=None, traceparent="",
    )  # fmt: skip


def attempt(key: UUID | None = None) -> Attempt:
    return Attempt(
        "articles/1/users/a/EMAIL", 1, key or uuid4(), "tried", "", NOW, NOW + timedelta(minutes=1), None, None, ""
    )


async def sent(to: Provider, address: str, content: object, key: UUID | None = None) -> Result:
    """What one attempt comes to; the provider stays open."""
    return await to.send(outgoing(), Send(address, content, "digest", "template"), attempt(key))


@asynccontextmanager
async def opened(**entry: Any) -> AsyncIterator[Provider]:
    """An adapter that is closed afterwards, with as much patience as an entry may have if it does not say."""
    made = provider(**{"timeout_s": 14, **entry})
    try:
        yield made
    finally:
        await made.close()


@dataclass
class Recorded:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> Any:
        return json.loads(self.body)


Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A real HTTP server that answers as it is told."""

    url: str = ""
    requests: list[Recorded] = field(default_factory=list)
    respond: Respond | None = None
    connections: set[object] = field(default_factory=set)

    def answers(self, status: int = 200, fields: object = None, **headers: str) -> None:
        """From now on."""
        written = {name.replace("_", "-"): value for name, value in headers.items()}

        async def respond(_: web.Request) -> web.StreamResponse:
            body = b"" if fields is None else json.dumps(fields).encode()
            return web.Response(status=status, body=body, headers=written, content_type="application/json")

        self.respond = respond

    def never_answers(self) -> None:
        """It reads the request, and keeps the connection."""

        async def respond(_: web.Request) -> web.StreamResponse:
            await asyncio.Event().wait()
            raise AssertionError

        self.respond = respond

    def hangs_up(self) -> None:
        """It reads the request and ends the connection."""

        async def respond(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        self.respond = respond

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Recorded(request.method, request.path, dict(request.query), headers, body))
        self.connections.add(request.transport)
        assert self.respond is not None
        return await self.respond(request)


@asynccontextmanager
async def serving(certificate: tuple[str, str] | None = None) -> AsyncIterator[Server]:
    """A server on a free port, with TLS if it has a certificate."""
    server = Server()
    server.answers()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"{'https' if certificate else 'http'}://{'localhost' if certificate else '127.0.0.1'}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens on while this lasts."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
