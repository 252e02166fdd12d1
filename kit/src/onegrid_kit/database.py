"""The one bridge between two worlds: logic is written once, as plain functions over a SQLAlchemy Core connection.

The asyncio api runs them here, over asyncpg; workers, tools and tests call them directly, over psycopg.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Any, TypeAlias, TypeVar

import asyncpg
import orjson
from google.protobuf.message import Message
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from onegrid_kit import audit, idempotency, metrics
from onegrid_kit.batches import BatchedCommand, BatchStatement
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import Conflict, OutcomeUnknown, Unavailable
from onegrid_kit.failures import CONFLICTS, FAILURES, lost, sqlstate, translated
from onegrid_kit.reads import AuditedReads, OwnName, ReadAudit, ReadStatement
from onegrid_kit.sizes import require_sendable
from onegrid_kit.versioned import LoadStatement, VersionedCommands

__all__ = ["Database", "DedicatedConnection", "sync_engine"]

T = TypeVar("T")
Connector: TypeAlias = "Callable[[], Awaitable[asyncpg.Connection[Any]]]"

_TRIES = 4
_LOCK_TIMEOUT_MS = 5_000
# The session of a vanished client releases its locks after a minute.
_SESSION = {
    "jit": "off",
    "lock_timeout": str(_LOCK_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": "60000",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
# An api and a sender ask for few rows, by their keys. The planner first sees their statements while the tables are
# empty, and would read all of these until they are analyzed, or because it takes what is rare for common.
_BY_KEY_SESSION = {**_SESSION, "enable_seqscan": "off", "enable_mergejoin": "off"}


def run_command(conn: Connection, cipher: Cipher, call: Call, do: Callable[[Connection], Message]) -> bytes:
    """Run a command once for its request id, and write it to the audit trail; all in the connection's transaction.

    Returns its answer's bytes, or those that the request was answered before. They are kept sealed: there may be
    personal data in them.
    """
    before = idempotency.claim(conn, call)
    if before is not None:
        return cipher.open(before, idempotency.PURPOSE)
    response = do(conn)
    answer = response.SerializeToString()
    # Here, where it undoes the command: what can't be answered must not be stored.
    require_sendable(len(answer))
    if call.request_id:
        idempotency.keep_answer(conn, call, cipher.seal(answer, idempotency.PURPOSE))
    audit.append(conn, [(call, call.audited_resource(response))])
    return answer


class Database:
    """A service's database, for asyncio.

    A lost connection fails no call if the database is back: uncommitted work is retried.
    """

    def __init__(
        self,
        service: str,
        url: str,
        cipher: Cipher,
        *,
        pool: int = 8,
        read_pool: int = 4,
        statement_timeout_ms: int = 10_000,
        own_names: Sequence[OwnName] = (),
    ) -> None:
        self._cipher = cipher
        self._retries = metrics.TRANSACTION_RETRIES.labels(service)
        self._connect = _connector(url, statement_timeout_ms)
        self._writer = _async_engine(self._connect, pool)
        self._reader = _async_engine(self._connect, read_pool).execution_options(isolation_level="AUTOCOMMIT")
        self._use = {
            self._writer: metrics.pool_use(service, "write", self._writer.pool),
            self._reader: metrics.pool_use(service, "read", self._reader.pool),
        }
        self._dedicated_use = metrics.dedicated_use(service, lambda: [each.busy for each in self._dedicated])
        self._dedicated: list[DedicatedConnection] = []
        self._read_audit = ReadAudit(self.dedicated_connection(), own_names)
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def command(self, call: Call, do: Callable[[Connection], Message]) -> bytes:
        """Run a command in one transaction; its serialized answer. See `run_command`.

        Raises Conflict, Unavailable when the database is gone, or OutcomeUnknown when it goes during the commit of a
        call without a request id.
        """
        return await self._write(
            # With a request id it is done once, however often it is tried: also when a commit went without an answer.
            lambda conn: run_command(conn, self._cipher, call, do), repeatable=bool(call.request_id)
        )  # fmt: skip

    async def write(self, do: Callable[[Connection], T]) -> T:
        """Run it in one transaction, again if another one was in its way, which it may say itself by raising Conflict,
        or its connection broke.

        Raises Conflict, Unavailable when the database is gone, or OutcomeUnknown when it goes during the commit.
        """
        return await self._write(do, repeatable=False)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run it without a transaction: each statement sees what is committed when it starts. Raises Unavailable."""

        async def once() -> T:
            async with self._connected(self._reader) as conn:
                return await conn.run_sync(query)

        try:
            return await self._shielded(_reconnecting(once))
        except FAILURES as error:
            raise translated(error) from error

    async def read_only(self, query: Callable[[Connection], T]) -> T:
        """Run it in one transaction in which PostgreSQL refuses every change (READ_ONLY). Raises Unavailable."""

        async def once() -> T:
            async with self._connected(self._reader) as conn:
                await conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                async with conn.begin():
                    return await conn.run_sync(query)

        try:
            return await self._shielded(_reconnecting(once))
        except FAILURES as error:
            raise translated(error) from error

    def audit_read(self, call: Call) -> asyncio.Future[None]:
        """Write to the audit trail that the call reads personal data, together with what it reads or with others of the
        same moment; done when it is stored.
        """
        return self._read_audit.submit(call)

    def batched(
        self,
        statement: BatchStatement,
        *,
        name: str,
        most: int = 64,
        pace_s: float = 0.008,
        over: DedicatedConnection | None = None,
    ) -> BatchedCommand:
        """A hot command whose calls share a statement, at most `most` at a time; `name` is what its metrics call it.
        Under a crowd, statements begin at least `pace_s` apart. Without a connection it gets one of its own.
        """
        over = over or self.dedicated_connection()
        return BatchedCommand(self, self._cipher, statement, over, name=name, most=most, pace_s=pace_s)

    def versioned(
        self,
        load: LoadStatement[T],
        store: BatchStatement,
        *,
        name: str,
        load_over: DedicatedConnection | None = None,
        store_over: DedicatedConnection | None = None,
    ) -> VersionedCommands[T]:
        """Commands on versioned resources, which share statements with those of the same moment. `store` has a guard,
        if what it stores may not be decided on what has changed meanwhile. `name` is what their metrics call them.
        Without connections they get two of their own.
        """
        load_over = load_over or self.dedicated_connection()
        return VersionedCommands(self, load, store, load_over, name=name, store_over=store_over)

    def reads(
        self, statement: ReadStatement[T], *, name: str, over: DedicatedConnection | None = None
    ) -> AuditedReads[T]:
        """Reads by key, which share a statement with those of the same moment; `name` is what metrics call them.
        Without a connection they get one of their own.
        """
        return AuditedReads(statement, over or self.dedicated_connection(), self._read_audit, name=name)

    def dedicated_connection(self) -> DedicatedConnection:
        """A connection for a statement that runs all the time, or for several that are hot at other times each: they
        wait for one another.
        """
        connection = DedicatedConnection(self._connect, self._dedicated_use, self._retries.inc)
        self._dedicated.append(connection)
        return connection

    async def close(self) -> None:
        """Close its connections, once what runs on them has ended. What comes later is refused as Unavailable: it would
        open connections that nothing closes before the loop ends.
        """
        self._closed = True
        for connection in self._dedicated:
            await connection.close()
        while self._running:
            await asyncio.wait(self._running)
        await self._writer.dispose()
        await self._reader.dispose()

    async def _write(self, do: Callable[[Connection], T], *, repeatable: bool) -> T:
        async def once() -> T:
            async with self._connected(self._writer) as conn:
                transaction = await conn.begin()
                result = await conn.run_sync(do)
                try:
                    await transaction.commit()
                except FAILURES as error:
                    if lost(error) and not repeatable:
                        raise OutcomeUnknown from error
                    raise
                return result

        for attempt in range(_TRIES):
            try:
                return await self._shielded(_reconnecting(once))
            except Conflict:
                pass
            except FAILURES as error:
                if sqlstate(error) not in CONFLICTS:
                    raise translated(error) from error
            self._retries.inc()
            await asyncio.sleep(0.01 * 2**attempt)
        raise Conflict

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Stop the work when its caller goes, and let it clear up behind itself: it is cancelled once, and awaited."""
        if self._closed:
            work.close()
            raise Unavailable
        task = self._track(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            raise

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        use = self._use[engine]
        asked = perf_counter()
        conn = await engine.connect()
        given = perf_counter()
        use.wait.observe(given - asked)
        try:
            yield conn
        finally:
            use.held.observe(perf_counter() - given)
            # A connection that is not given back to the end is lost.
            await asyncio.shield(self._track(conn.close()))

    def _track(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task


class DedicatedConnection:
    """A connection for a statement that runs all the time, over the driver alone: SQLAlchemy takes 0.3 ms of
    processor time for one, which is as much as the api has for all of a call.
    """

    def __init__(self, connect: Connector, use: metrics.Use, count_retry: Callable[[], None]) -> None:
        self._connect = connect
        self._use = use
        self._count_retry = count_retry
        self._connection: asyncpg.Connection[Any] | None = None
        self._free = asyncio.Lock()
        self._closed = False

    async def fetch(self, statement: str, *arguments: object, repeatable: bool) -> Sequence[asyncpg.Record]:
        """Run a statement, which is a transaction in itself, and again if another one was in its way.

        Raises Conflict, Unavailable when the database is gone, or OutcomeUnknown when it goes while a statement runs
        that is not repeatable. One that is repeatable is tried again if its connection breaks.
        """
        asked = perf_counter()
        async with self._free:
            if self._closed:
                raise Unavailable
            given = perf_counter()
            self._use.wait.observe(given - asked)
            try:
                return await self._fetch_in_turn(statement, arguments, repeatable)
            finally:
                self._use.held.observe(perf_counter() - given)

    async def close(self) -> None:
        """Close the connection, once what runs on it has ended. What waits for it, or comes later, is refused as
        Unavailable.
        """
        self._closed = True
        async with self._free:
            if self._connection is not None:
                with suppress(*FAILURES):
                    await self._connection.close(timeout=2)

    @property
    def busy(self) -> bool:
        """Whether a statement runs on it."""
        return self._free.locked()

    async def _fetch_in_turn(
        self, statement: str, arguments: Sequence[object], repeatable: bool
    ) -> Sequence[asyncpg.Record]:
        for attempt in range(_TRIES):
            try:
                return await self._fetch(statement, arguments, repeatable)
            except asyncpg.PostgresError as error:
                if sqlstate(error) not in CONFLICTS:
                    raise translated(error) from error
                self._count_retry()
                await asyncio.sleep(0.01 * 2**attempt)
        raise Conflict

    async def _fetch(self, statement: str, arguments: Sequence[object], repeatable: bool) -> Sequence[asyncpg.Record]:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await self._opened()
            except FAILURES as error:
                raise translated(error) from error
        try:
            rows: Sequence[asyncpg.Record] = await self._connection.fetch(statement, *arguments)
            return rows
        except FAILURES as error:
            if not lost(error):
                raise
            self._connection.terminate()
            if not repeatable:
                raise OutcomeUnknown from error
        return await self._fetch(statement, arguments, repeatable=False)

    async def _opened(self) -> asyncpg.Connection[Any]:
        connection = await self._connect()
        try:
            # A plan that is made while tables are empty would join by a hash of all of an index for ever.
            await connection.execute("SET enable_hashjoin = off")
            await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=orjson.loads)
        except BaseException:
            connection.terminate()
            raise
        return connection


def sync_engine(url: str, *, pool: int = 4, statement_timeout_ms: int = 30_000, by_key: bool = False) -> Engine:
    """The same database for workers, tools and tests. `by_key`: it is asked for few rows, by their keys."""
    session = {**(_BY_KEY_SESSION if by_key else _SESSION), "statement_timeout": str(statement_timeout_ms)}
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=0,
        json_deserializer=orjson.loads,
        # An error must not quote what was to be stored.
        hide_parameters=True,
        connect_args={
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
            "connect_timeout": 5,
        },
    )
    _notice_loss(engine)
    return engine


def _connector(url: str, statement_timeout_ms: int) -> Connector:
    session = {**_BY_KEY_SESSION, "statement_timeout": str(statement_timeout_ms)}

    async def connect() -> asyncpg.Connection[Any]:
        try:
            # asyncpg reads the url itself: sockets, TLS modes and certificates mean what they mean to libpq.
            return await asyncpg.connect(
                url, timeout=5, command_timeout=statement_timeout_ms / 1000 + 1, server_settings=session
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ssl.SSLError) as error:
            # Whatever the server has against us, or we have against its certificate, it is away for those who call.
            raise ConnectionError(f"{type(error).__name__}: {error}") from error

    return connect


def _async_engine(connect: Connector, pool: int) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,
    )
    _notice_loss(engine.sync_engine)
    return engine


async def _reconnecting(once: Callable[[], Awaitable[T]]) -> T:
    """Try again when a connection turns out to be broken; the others of its pool are replaced as well."""
    try:
        return await once()
    except DBAPIError as error:
        if not lost(error):
            raise
        return await once()


def _notice_loss(engine: Engine) -> None:
    """Make the pool discard connections on more errors than the dialects know, such as a server's shutdown."""

    @event.listens_for(engine, "handle_error")
    def notice(context: ExceptionContext) -> None:
        if context.sqlalchemy_exception is not None and lost(context.sqlalchemy_exception):
            context.is_disconnect = True
