"""What is wrong when a statement fails: the request, another transaction that was in its way, or the database."""

from __future__ import annotations

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from onegrid_kit.errors import Conflict, Unavailable

__all__ = ["CONFLICTS", "FAILURES", "READ_ONLY", "is_conflict", "lost", "sqlstate", "translated"]

CONFLICTS: Final = frozenset({"40001", "40P01"})
"""The SQLSTATEs of a transaction that was ended for another one."""
_LOCK_TIMEOUT: Final = "55P03"
READ_ONLY: Final = "25006"
"""The SQLSTATE of what would change something in a transaction, or on a server, that only reads."""
# Of class 08 (connection), 53 (resources), 57P (shutting down), 25006 (a primary that is one no more): no fault of the
# request.
_GONE: Final = ("08", "53", "57P", READ_ONLY)
FAILURES: Final = (
    DBAPIError,
    PoolTimeout,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # Raised by asyncpg when the server closes the connection while a statement is sent.
    asyncpg.InternalClientError,
)
"""What the drivers raise."""


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's code of the error; empty if the error is not the server's."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(original, "sqlstate", None) or "")


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction was in its way, so that it may succeed when it is tried again."""
    return sqlstate(error) in {*CONFLICTS, _LOCK_TIMEOUT}


def lost(error: BaseException) -> bool:
    """Whether the error means that the database is unreachable, not that the statement is wrong."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if state := sqlstate(error):
        return state.startswith(_GONE)
    if isinstance(error, DBAPIError):
        # asyncpg refuses values of a wrong type with an InterfaceError as well, which is a ValueError too.
        of_value = isinstance(getattr(error.orig, "__cause__", None), ValueError)
        return isinstance(error, OperationalError | InterfaceError) and not of_value
    return isinstance(error, FAILURES) and not isinstance(error, ValueError)


def translated(error: Exception) -> Exception:
    """The domain error of a failure; what the request itself is to blame for rises as it is."""
    if lost(error):
        return Unavailable("the database does not answer just now")
    if sqlstate(error) == _LOCK_TIMEOUT:
        return Conflict()
    return error
