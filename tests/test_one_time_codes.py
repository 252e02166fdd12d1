"""A login with a one-time code that notify sends: from identity to a gateway of text messages, and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import Engine

from onegrid_identity import store
from onegrid_identity.main import SERVICE as IDENTITY
from onegrid_kit import sending
from onegrid_kit.clock import Clock, SettableClock
from onegrid_kit.database import sync_engine
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.migrations import migrate
from onegrid_kit.pump import Member, Pump
from onegrid_kit.sending import State
from onegrid_kit.sending.runner import SendingRunner
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.testing.api import CIPHER_KEYS, serving
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.waiting import HANG_S, eventually
from onegrid_notify.main import SERVICE as NOTIFY

DISTRICT = "210602"
PHONE = "+8613912345678"
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvbmx5IQ=="


class Gateway:
    """A gateway of text messages, as the provider `sms-http` calls one."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.messages.append(json.loads(await request.read()))
        self._came.set()
        return web.json_response({"id": f"gateway-{len(self.messages)}"}, status=202)

    async def code(self) -> str:
        """The code in the message that came last, once one has come."""
        await asyncio.wait_for(self._came.wait(), HANG_S)
        return str(self.messages[-1]["parameters"]["code"])


@pytest.fixture(scope="module")
def postgres() -> Iterator[TestPostgres]:
    with TestPostgres() as running:
        yield running


@pytest.fixture
def databases(postgres: TestPostgres) -> Iterator[dict[str, str]]:
    """Of identity, which knows the district, and of notify."""
    urls = {
        service.name: postgres.database(service.name, lambda url, service=service: migrate(service, url))  # type: ignore[misc]
        for service in (IDENTITY, NOTIFY)
    }
    engine = sync_engine(urls["identity"])
    with engine.begin() as conn:
        store.keep_place(conn, DISTRICT)
    engine.dispose()
    yield urls
    for url in urls.values():
        postgres.drop(url)


@pytest.fixture
async def gateway() -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway, and where it takes messages."""
    served, port = Gateway(), free_port()
    app = web.Application()
    app.router.add_post("/messages", served.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield served, f"http://127.0.0.1:{port}/messages"
    await runner.cleanup()


def settings_of_notify(url: str, messages_url: str) -> ServiceSettings:
    provider = {"name": "gateway", "kind": "sms-http", "url": messages_url, "secret": SECRET}
    return NOTIFY.settings(
        database_url=url, page_token_key="test" * 8, cipher_keys=CIPHER_KEYS, providers=json.dumps([provider])
    )


@asynccontextmanager
async def carried(databases: dict[str, str], settings: ServiceSettings, clock: Clock) -> AsyncIterator[Engine]:
    """Events go from identity to notify; what notify enqueues waits until it is sent."""
    of_identity = IDENTITY.settings(
        database_url=databases["identity"], page_token_key="test" * 8, cipher_keys=CIPHER_KEYS
    )
    engines = [sync_engine(databases[service.name]) for service in (IDENTITY, NOTIFY)]
    pump = Pump(
        [
            Member(service, given, engine, clock)
            for service, given, engine in zip((IDENTITY, NOTIFY), (of_identity, settings), engines, strict=True)
        ]
    )
    pump.start()
    try:
        yield engines[1]
    finally:
        await asyncio.to_thread(pump.stop)
        for engine in engines:
            engine.dispose()


@asynccontextmanager
async def sender(engine: Engine, settings: ServiceSettings, clock: Clock) -> AsyncIterator[None]:
    """The sender of notify."""
    runner = SendingRunner.of(NOTIFY, settings, engine, clock)
    assert runner is not None
    stopping = asyncio.Event()
    running = asyncio.create_task(runner.run(stopping, 5))
    try:
        yield
    finally:
        stopping.set()
        await running


def states(engine: Engine) -> list[State]:
    """Of all that notify was to send."""
    with engine.connect() as conn:
        return [each.state for each in sending.search(conn)]


async def test_a_code_that_notify_sends_logs_in(databases: dict[str, str], gateway: tuple[Gateway, str]) -> None:
    served, url = gateway
    clock = SettableClock()
    settings = settings_of_notify(databases["notify"], url)
    async with (
        serving(IDENTITY, databases["identity"], code_sender="onegrid_identity.senders:NotifySender") as identity,
        carried(databases, settings, clock) as engine,
        sender(engine, settings, clock),
    ):
        await identity.call(None, "RequestOneTimeCode", phone=PHONE, district=DISTRICT)
        code = await served.code()
        answer = await identity.call(None, "LoginWithOneTimeCode", phone=PHONE, code=code, district=DISTRICT)
        assert answer.session.access_token
        await asyncio.to_thread(eventually, lambda: states(engine) == [State.ACCEPTED])
    (message,) = served.messages
    assert (message["to"], message["template"]) == (PHONE, "login-code")
    assert message["text"].startswith(f"登录验证码{code}，5分钟内有效")


async def test_a_code_that_waits_longer_than_it_is_good_is_never_sent(
    databases: dict[str, str], gateway: tuple[Gateway, str]
) -> None:
    served, url = gateway
    clock = SettableClock()
    settings = settings_of_notify(databases["notify"], url)
    async with (
        serving(IDENTITY, databases["identity"], code_sender="onegrid_identity.senders:NotifySender") as identity,
        carried(databases, settings, clock) as engine,
    ):
        await identity.call(None, "RequestOneTimeCode", phone=PHONE)
        await asyncio.to_thread(eventually, lambda: states(engine) == [State.WAITING])
        clock.set(clock.now() + timedelta(minutes=6))
        async with sender(engine, settings, clock):
            await asyncio.to_thread(eventually, lambda: states(engine) == [State.EXPIRED])
    assert served.messages == []
