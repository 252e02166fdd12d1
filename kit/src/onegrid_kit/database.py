"""The one bridge between two worlds: logic is written once, as plain functions over a SQLAlchemy Core connection; the asyncio api runs
them here, over asyncpg, and workers, tools and tests call them directly, over psycopg.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from onegrid_kit import audit, idempotency, metrics
from onegrid_kit.callers import Call
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.errors import Conflict, Unavailable

__all__ = ["Database", "run_command", "sync_engine"]

T = TypeVar("T")
M = TypeVar("M", bound=Message)

_TRIES = 4
_CONFLICTS = frozenset({"40001", "40P01"})
# Of class 08 (connection), 53 (resources), 57P (shutting down): nothing that the request is to blame for.
_GONE = ("08", "53", "57P")


def run_command(conn: Connection, call: Call, answer_type: type[M], do: Callable[[Connection], M]) -> M:
    """Run a command once for its request id, and write it to the audit trail; all in the connection's transaction."""
    outcome = idempotency.claim(conn, [call], [None])[0]
    if isinstance(outcome, Exception):
        raise outcome
    if outcome is not None:
        return answer_type.FromString(outcome.answer)
    answer = do(conn)
    idempotency.keep_answer(conn, call, answer.SerializeToString())
    audit.append(conn, [(call, call.resource)])
    return answer


class Database:
    """A service's database, for asyncio."""

    def __init__(
        self, service: str, url: str, *, pool: int = 8, read_pool: int = 4, statement_timeout_ms: int = 10_000
    ) -> None:
        self._retries = metrics.TRANSACTION_RETRIES.labels(service)
        self._writer = _async_engine(url, pool, statement_timeout_ms)
        self._reader = _async_engine(url, read_pool, statement_timeout_ms).execution_options(
            isolation_level="AUTOCOMMIT"
        )
        self._read_audit: Coalescer[tuple[Call, str], None] = Coalescer("read_audit", self._flush_read_audit)

    async def command(self, call: Call, answer_type: type[M], do: Callable[[Connection], M]) -> M:
        """Run a command in one transaction; see `run_command`."""
        return await self.write(lambda conn: run_command(conn, call, answer_type, do))

    async def write(self, do: Callable[[Connection], T]) -> T:
        """Run it in one transaction, again if another one was in its way. Raises Conflict, or Unavailable when the database is gone;
        then the transaction may have been committed or not."""
        for attempt in range(_TRIES):
            try:
                async with self._writer.begin() as conn:
                    return await conn.run_sync(do)
            except DBAPIError as error:
                if _sqlstate(error) not in _CONFLICTS:
                    raise _told(error) from error
                self._retries.inc()
                await asyncio.sleep(0.01 * 2**attempt)
            except (OSError, TimeoutError) as error:
                raise Unavailable from error
        raise Conflict

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run it without a transaction: each statement sees what is committed when it starts."""
        try:
            async with self._reader.connect() as conn:
                return await conn.run_sync(query)
        except DBAPIError as error:
            raise _told(error) from error
        except (OSError, TimeoutError) as error:
            raise Unavailable from error

    async def audit_read(self, call: Call) -> None:
        """Write to the audit trail that the call read personal data; those of the same moment together."""
        await self._read_audit.submit((call, call.resource))

    async def close(self) -> None:
        """Close its connections."""
        await self._writer.dispose()
        await self._reader.dispose()

    async def _flush_read_audit(self, entries: Sequence[tuple[Call, str]]) -> Sequence[None]:
        await self.write(lambda conn: audit.append(conn, entries))
        return [None] * len(entries)


def sync_engine(url: str, *, pool: int = 4, statement_timeout_ms: int = 30_000) -> Engine:
    """The same database for workers, tools and tests."""
    options = f"-c statement_timeout={statement_timeout_ms} -c jit=off"
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": 5},
    )


def _async_engine(url: str, pool: int, statement_timeout_ms: int) -> AsyncEngine:
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=5,
        connect_args={
            "timeout": 5,
            "command_timeout": statement_timeout_ms / 1000 + 1,
            "server_settings": {"statement_timeout": str(statement_timeout_ms), "jit": "off"},
        },
    )


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")


def _told(error: DBAPIError) -> Exception:
    """What the loss of the database is told as; every other error rises as it is."""
    lost = error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
    if lost or _sqlstate(error).startswith(_GONE):
        return Unavailable()
    return error
