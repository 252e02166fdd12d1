"""One service's api in this process, on a port of its own, with tokens for whoever a test needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from onegrid_kit import tokens
from onegrid_kit.callers import Caller
from onegrid_kit.clock import Clock, SystemClock
from onegrid_kit.runtime import Runtime
from onegrid_kit.server import ApiServer
from onegrid_kit.service import Service

__all__ = ["Serving", "StaticKeys", "serving"]

_KID = "test"


class StaticKeys:
    """A key source with one key."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The key, if it is asked for."""
        return self.private.public_key() if kid == _KID else None


@dataclass(frozen=True)
class Serving:
    """A running api."""

    channel: grpc.aio.Channel
    port: int
    runtime: Runtime[Any]
    keys: StaticKeys

    def token(self, caller: Caller, lasts: timedelta = timedelta(minutes=15)) -> Sequence[tuple[str, str]]:
        """The metadata that makes a call this caller's."""
        now = self.runtime.clock.now()
        token = tokens.encode(caller, self.keys.private, _KID, now, now + lasts)
        return (("authorization", f"Bearer {token}"),)


@asynccontextmanager
async def serving(
    service: Service, database_url: str, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Serving]:
    """Serve until the block ends."""
    told = {
        "database_url": database_url,
        "page_token_key": "test" * 8,
        "cipher_keys": "test:" + "5a" * 32,
        "listen": "127.0.0.1:0",
        "drain_pause_s": 0.0,
        "drain_grace_s": 2.0,
        **settings,
    }
    keys = StaticKeys()
    runtime: Runtime[Any] = Runtime(service, service.settings(**told), keys, clock or SystemClock())
    server = ApiServer([runtime], runtime.settings)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield Serving(channel, server.port, runtime, keys)
    finally:
        await server.stop()
