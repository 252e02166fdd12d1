"""What an api is given to work with: its settings, clock, database and the rest, and a place for its background
tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from sqlalchemy import Connection, text

from onegrid_kit import metrics
from onegrid_kit.backoff import Backoff
from onegrid_kit.cipher import cipher
from onegrid_kit.clock import Clock, SystemClock
from onegrid_kit.database import Database
from onegrid_kit.errors import Unavailable
from onegrid_kit.logs import describe, log
from onegrid_kit.paging import Pages, PageTokens
from onegrid_kit.rpc.limits import CallerLimit
from onegrid_kit.rpc.streams import OpenStreams
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.tokens import KeySource, Revocation, TokenVerifier

__all__ = ["Runtime"]

S_co = TypeVar("S_co", bound=ServiceSettings, covariant=True)

_POLL_S = 1.0
_PAUSE_S = (0.2, 5.0)


class Runtime(Generic[S_co]):
    """One service's api in one process."""

    def __init__(self, service: Service, settings: S_co, keys: KeySource, clock: Clock | None = None) -> None:
        self.service = service
        self.settings = settings
        self.clock = clock or SystemClock()
        self.cipher = cipher(settings.cipher, settings.cipher_keys)
        self.db = Database(
            service.name,
            settings.database_url,
            self.cipher,
            pool=settings.database_pool,
            read_pool=settings.database_read_pool,
            statement_timeout_ms=settings.statement_timeout_ms,
            own_names=service.load_own_names(),
        )
        self.pages = Pages(self.db, PageTokens(settings.page_token_key), settings.page_bytes)
        self.tokens = TokenVerifier(keys, self.clock)
        self.ready = False
        """Whether the database answered lately."""
        self.closing = asyncio.Event()
        """Set when the server begins to stop; streams end with UNAVAILABLE."""
        self.calls = 0
        """How many are running, HTTP requests among them."""
        self.requests = 0
        """How many of them came by HTTP."""
        self.streams = 0
        """How many are open."""
        self.calls_of = CallerLimit("calls", settings.max_calls_per_caller)
        """How many each caller has running."""
        self.streams_of = CallerLimit("streams", settings.max_streams_per_caller)
        """How many each caller has open."""
        self.open_streams = OpenStreams(self.clock)
        metrics.RPC_RUNNING.labels(service.name).set_function(lambda: self.calls - self.requests + self.streams)
        metrics.HTTP_RUNNING.labels(service.name).set_function(lambda: self.requests)
        metrics.STREAMS.labels(service.name).set_function(lambda: self.streams)
        self._wanted: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.spawn("watch database", self._watch_database)
        self.spawn("check streams", self.open_streams.run)

    def spawn(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Keep this running while the server does; if it fails, it is started again, with growing pauses."""
        self._wanted.append((name, run))
        metrics.BACKGROUND_RESTARTS.labels(self.service.name, name)

    async def start(self) -> None:
        """Start the background tasks."""
        self._tasks = [asyncio.create_task(self._keep(name, run), name=name) for name, run in self._wanted]

    async def stop(self) -> None:
        """End the background tasks and the database's connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.db.close()

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(*_PAUSE_S)
        while True:
            try:
                await run()
                return
            except Exception as error:
                metrics.BACKGROUND_RESTARTS.labels(self.service.name, name).inc()
                log.warning(
                    "background task failed",
                    task=name,
                    error=describe(error),
                    exc_info=None if isinstance(error, Unavailable) else error,
                )
            await asyncio.sleep(backoff.next_pause_s())

    async def _watch_database(self) -> None:
        """Learn each second which sessions and grants were revoked; by that, whether the database answers, too."""
        while True:
            try:
                self.tokens.revoked, self.tokens.outdated = await self.db.read(_revoked)
                self.ready = True
            except Exception:
                self.ready = False
                raise
            await asyncio.sleep(_POLL_S)


def _revoked(conn: Connection) -> tuple[frozenset[str], dict[str, Revocation]]:
    sessions = conn.execute(text("SELECT session FROM revoked_session")).scalars()
    grants = conn.execute(text('SELECT "user", revoke_time, grant_revision FROM revoked_grant'))
    return frozenset(sessions), {row.user: Revocation(row.revoke_time, row.grant_revision) for row in grants}
