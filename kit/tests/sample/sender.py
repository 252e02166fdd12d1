"""Sendings in, effects out: what was called is written to the table `effect` at once, as another system would know."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import asyncpg
from sqlalchemy import Connection

from onegrid_kit.sending import (
    Attempt,
    Context,
    Limit,
    Outgoing,
    Prepared,
    Result,
    Send,
    Sender,
)
from onegrid_kit.settings import ServiceSettings


class Effects:
    """Takes everything, and as long for it as the sending wants."""

    name = "effects"
    channel = "EFFECT"
    districts: Collection[str] = ()
    limits: Sequence[Limit] = ()
    concurrency = 16

    def __init__(self, url: str) -> None:
        self._url = url
        self._free = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None

    async def send(self, outgoing: Outgoing, message: Send, attempt: Attempt) -> Result:
        async with self._free:
            if self._connection is None:
                self._connection = await asyncpg.connect(self._url)
            await self._connection.execute("INSERT INTO effect (name) VALUES ($1)", f"{outgoing.id} {attempt.key}")
        await asyncio.sleep(message.content)
        return Result.accepted(str(attempt.key))

    async def ask(self, _: Attempt) -> Result | None:
        return None

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


def prepare(_: Connection, sendings: Sequence[Outgoing], __: Context) -> list[Prepared]:
    """Send them."""
    return [Send(each.recipient, each.parameters.get("takes_s", 0.0)) for each in sendings]


def providers(settings: ServiceSettings) -> list[Effects]:
    """The one."""
    return [Effects(settings.database_url)]


SENDER = Sender(providers=providers, prepare=prepare, call_s=2.0)
