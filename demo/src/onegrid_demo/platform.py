"""The platform in one process: a real PostgreSQL, every api on one port, a pump between their outboxes and handlers,
and the senders of those that call outside systems.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_demo.codes import DemoCodes
from onegrid_identity.main import SERVICE as IDENTITY
from onegrid_kit.cipher import cipher
from onegrid_kit.clock import SettableClock
from onegrid_kit.database import sync_engine
from onegrid_kit.embedded.postgres import PostgresServer
from onegrid_kit.migrations import migrate
from onegrid_kit.pump import Member, Pump
from onegrid_kit.rpc.keys import RemoteKeys
from onegrid_kit.runtime import Runtime
from onegrid_kit.sending.runner import SendingRunner
from onegrid_kit.server import ApiServer
from onegrid_kit.service import Service, installed
from onegrid_kit.settings import ServiceSettings
from onegrid_notify.main import SERVICE as NOTIFY
from onegrid_notify.unsubscribing import Unsubscription

__all__ = ["SERVICES", "Platform"]

SERVICES: Sequence[Service] = installed()
_CODE_SENDER = "onegrid_identity.senders:WebhookSender"


class Platform:
    """Everything that `make run` starts, in the order it is started and stopped."""

    def __init__(self, folder: Path, listen: str, http_listen: str = "") -> None:
        self._folder = folder
        self._listen = listen
        self._http_listen = http_listen
        self._http_url = f"http://{http_listen}" if http_listen else ""
        self._postgres = PostgresServer(folder / "postgres", settings={"shared_buffers": "32MB"})
        self._server: ApiServer | None = None
        self._pump: Pump | None = None
        self._stopping = asyncio.Event()
        self._senders: list[asyncio.Task[None]] = []
        self.clock = SettableClock()
        """The time of the domain, for all services."""
        self.codes = DemoCodes()
        """The one-time codes that it sends."""

    @property
    def loaded(self) -> bool:
        """Whether the demonstration district was loaded to its end."""
        return (self._folder / "district.json").exists()

    def keep(self, accounts: dict[str, Any]) -> None:
        """Remember who can log in, and that the district is loaded."""
        self._write("district.json", accounts)

    def accounts(self) -> dict[str, Any]:
        """Who can log in."""
        return self._read("district.json")

    def open_database(self) -> None:
        """Start PostgreSQL and bring the databases to the newest schema."""
        if not self.loaded:
            # A load that was interrupted begins again.
            shutil.rmtree(self._folder / "postgres", ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._postgres.start()
        for service in SERVICES:
            migrate(service, self._postgres.create_database(service.name))

    def settings(self, service: Service) -> ServiceSettings:
        """The settings of a service."""
        keys = self._secrets()
        settings = service.settings(
            database_url=self._postgres.url(service.name),
            page_token_key=keys["page_token_key"],
            cipher_keys=keys["cipher_keys"],
            listen=self._listen,
            http_listen=self._http_listen,
            identity_target=self._listen,
            reuse_port=False,
            database_pool=3,
            database_read_pool=2,
            drain_pause_s=0.0,
            drain_grace_s=3.0,
        )
        if service is NOTIFY:
            return replace(settings, http_url=self._http_url)  # type: ignore[call-arg]
        if service is not IDENTITY:
            return settings
        gateway = self.codes.gateway.url
        return replace(settings, code_sender=_CODE_SENDER, code_webhook_url=gateway)  # type: ignore[call-arg]

    def unsubscribe_link(self, user: str, column: str) -> str:
        """What an e-mail about something in the column would let its reader unsubscribe by."""
        settings = self.settings(NOTIFY)
        unsubscription = Unsubscription(user, Channel.CHANNEL_EMAIL, column)
        return unsubscription.link(self._http_url, cipher(settings.cipher, settings.cipher_keys))

    async def start(self) -> int:
        """Serve; the port."""
        self.codes.gateway.start()
        settings = [self.settings(service) for service in SERVICES]
        runtimes = [
            Runtime(service, each, RemoteKeys(each), self.clock)
            for service, each in zip(SERVICES, settings, strict=True)
        ]
        self._server = ApiServer(runtimes, settings[0])
        await self._server.start()
        self._pump = Pump(
            [
                Member(service, each, sync_engine(each.database_url, pool=4), self.clock)
                for service, each in zip(SERVICES, settings, strict=True)
            ]
        )
        self._pump.start()
        for service, each in zip(SERVICES, settings, strict=True):
            runner = SendingRunner.of(service, each, sync_engine(each.database_url, pool=3, by_key=True), self.clock)
            if runner is not None:
                self._senders.append(asyncio.create_task(runner.run(self._stopping, each.drain_grace_s)))
        return self._server.port

    async def stop(self) -> None:
        """Let running calls finish, and stop serving."""
        if self._server is not None:
            await self._server.stop()
        self._stopping.set()
        await asyncio.gather(*self._senders)
        if self._pump is not None:
            self._pump.stop()
        self.codes.gateway.close()

    def close_database(self) -> None:
        """Stop PostgreSQL."""
        self._postgres.stop()

    def _secrets(self) -> dict[str, Any]:
        if not (self._folder / "secrets.json").exists():
            made = {
                "page_token_key": secrets.token_hex(32),
                "cipher_keys": f"k1:{secrets.token_hex(32)}",
            }
            self._write("secrets.json", made)
        return self._read("secrets.json")

    def _write(self, name: str, content: dict[str, Any]) -> None:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")

    def _read(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self._folder / name).read_text())
        return content
