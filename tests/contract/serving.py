"""The platform in a process of its own, as `make run` starts it, with the demonstration district and who may call it.

`python serving.py DATA PORT` serves until SIGTERM; DATA/callers.json appears once all callers are logged in.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from onegrid_demo import district, loading
from onegrid_demo.client import Client
from onegrid_demo.platform import SERVICES, Platform
from onegrid_identity.bootstrap import bootstrap
from onegrid_identity.main import SERVICE as IDENTITY
from onegrid_kit import logs
from onegrid_kit.cipher import cipher
from onegrid_kit.database import sync_engine
from onegrid_kit.rpc.keys import RemoteKeys
from onegrid_kit.runtime import Runtime
from onegrid_kit.server import ApiServer
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings

STAFF = ("commander", "centre", "street", "community", "grid")


class PatientPlatform(Platform):
    """Its tokens outlast the tests, however many examples they try."""

    def settings(self, service: Service) -> ServiceSettings:
        settings = super().settings(service)
        return replace(settings, access_token_minutes=600) if service is IDENTITY else settings

    async def start_with_small_pages(self) -> ApiServer:
        """Serve the same databases on another port, where lists end their pages after a hundred bytes."""
        runtimes = []
        for service in SERVICES:
            settings = replace(
                self.settings(service), page_bytes=100, listen="127.0.0.1:0", database_pool=1, database_read_pool=1
            )
            runtimes.append(Runtime(service, settings, RemoteKeys(settings), self.clock))
        server = ApiServer(runtimes, runtimes[0].settings)
        await server.start()
        return server


async def serve(platform: PatientPlatform, data: Path, port: int) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await platform.start()
    small = await platform.start_with_small_pages()
    client = Client({service.name: f"127.0.0.1:{port}" for service in SERVICES}, platform.codes.last)
    password = secrets.token_urlsafe(12)
    identity = platform.settings(IDENTITY)
    engine = sync_engine(identity.database_url)
    with engine.begin() as conn:
        bootstrap(conn, cipher(identity.cipher, identity.cipher_keys), district.CODE, "admin", password)
    engine.dispose()
    accounts = await loading.load(client, password)
    tokens = {"admin": await client.staff("admin", password)}
    for login in STAFF:
        tokens[login] = await client.staff(login, accounts[login]["password"])
    phones = {key: accounts[key]["phone"] for key in ("citizen", "enterprise")} | {"neighbour": "+8613800000009"}
    for key, phone in phones.items():
        tokens[key] = await client.public(phone, district.CODE)
    await client.close()
    callers: dict[str, Any] = {
        "accounts": accounts,
        "tokens": {key: metadata[0][1].removeprefix("Bearer ") for key, metadata in tokens.items()},
        "databases": {service.name: platform.settings(service).database_url for service in SERVICES},
        "cipher_keys": identity.cipher_keys,
        "small_pages_port": small.port,
    }
    partial = data / "callers.part"
    partial.write_text(json.dumps(callers))
    partial.rename(data / "callers.json")
    await stopping.wait()
    await small.stop()
    await platform.stop()


def main(data: Path, port: int) -> None:
    logs.configure("contract", "warning", console=True)
    platform = PatientPlatform(data, f"127.0.0.1:{port}")
    try:
        platform.open_database()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(platform, data, port))
    finally:
        platform.close_database()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
