"""PostgreSQL and RabbitMQ by TLS: each role verifies whom it speaks with, whatever its driver is."""

from __future__ import annotations

import asyncio
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, text

from onegrid_kit.database import Database
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.errors import Unavailable
from onegrid_kit.testing.certificates import Authority
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import eventually

from . import roles
from .calls import CIPHER, announce, notes
from .carriers import brokering

_TLS_WANTED, _GSS_WANTED = 80877103, 80877104
VHOST = "city/1"


class Pooler:
    """Ends TLS before a PostgreSQL that has none, as poolers do, and refuses who does not ask for it."""

    def __init__(self, to: int, certificate: tuple[str, str]) -> None:
        self.port = free_port()
        self.connections = 0
        self._to = to
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._serve, "127.0.0.1", self.port):
            self._started.set()
            await self._stopping.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError), closing(writer):
            while (wanted := struct.unpack("!ii", await reader.readexactly(8))[1]) == _GSS_WANTED:
                writer.write(b"N")
            if wanted == _TLS_WANTED:
                writer.write(b"S")
                await writer.start_tls(self._context)
                self.connections += 1
                back, on = await asyncio.open_connection("127.0.0.1", self._to)
                with closing(on):
                    await asyncio.gather(_copy(reader, on), _copy(back, writer))

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def _mentions(log: Path) -> bool:
    return "SSL" in log.read_text()


@dataclass
class Stores:
    """Both by TLS, and the file of the authority that they have their certificates of."""

    pooler: Pooler
    broker: RabbitServer
    authority: str
    database: str

    def database_url(self, authority: str) -> str:
        return f"postgresql://onegrid@localhost:{self.pooler.port}{self.database}?sslmode=verify-full&sslrootcert={authority}"

    def environment(self, authority: str, **settings: str) -> dict[str, str]:
        amqp_url = (
            f"amqps://guest:guest@localhost:{self.broker.tls_port}/{VHOST.replace('/', '%2F')}?cafile={authority}"
        )
        return roles.environment(self.database_url(authority), amqp_url, **settings)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def broker(authority: Authority) -> Iterator[RabbitServer]:
    with RabbitServer(certificate=(authority.file, *authority.issue("broker"))) as server:
        for command in (("add_vhost", VHOST), ("set_permissions", "-p", VHOST, "guest", ".*", ".*", ".*")):
            server.control(*command)
        yield server


@pytest.fixture
def stores(authority: Authority, broker: RabbitServer, database_url: str) -> Iterator[Stores]:
    parts = urlsplit(database_url)
    assert parts.port is not None
    with Pooler(parts.port, authority.issue("pooler")) as pooler:
        yield Stores(pooler, broker, authority.file, parts.path)


def test_events_travel_by_tls_from_one_transaction_to_the_next(stores: Stores, engine: Engine) -> None:
    environ = stores.environment(
        stores.authority, DATABASE_PORT=str(stores.pooler.port), AMQP_PORT=str(stores.broker.tls_port)
    )
    with brokering(environ):
        with engine.begin() as conn:
            announce(conn, "users/alice", ["one"])
        eventually(lambda: notes(engine) == [("users/alice", "one")])
    assert stores.pooler.connections > 3


async def test_an_api_verifies_the_databases_certificate(stores: Stores, tmp_path: Path) -> None:
    async def ask(authority: str) -> int:
        db = Database("identity", stores.database_url(authority), CIPHER)
        try:
            return await db.read(lambda conn: int(conn.execute(text("SELECT 1")).scalar_one()))
        finally:
            await db.close()

    assert await ask(stores.authority) == 1
    with pytest.raises(Unavailable):
        await ask(Authority(tmp_path).file)


@pytest.mark.parametrize("wrong", ["database", "broker"])
def test_no_role_speaks_with_a_server_that_somebody_else_vouches_for(
    stores: Stores, tmp_path: Path, wrong: str
) -> None:
    right, other = stores.environment(stores.authority), stores.environment(Authority(tmp_path).file)
    name = {"database": "ONEGRID_DATABASE_URL", "broker": "ONEGRID_AMQP_URL"}[wrong]
    environ = right | {name: other[name]}
    migrated = roles.run(environ, "migrate")
    assert migrated.returncode == 1
    assert "SSL" in migrated.stderr
    for role in ("relay", "worker"):
        log = tmp_path / f"{role}.log"
        with roles.running(environ, role, log=log):
            eventually(partial(_mentions, log), log.read_text)
