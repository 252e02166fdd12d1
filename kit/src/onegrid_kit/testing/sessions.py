"""What other sessions of a test's database do at this moment, and an end to them."""

from __future__ import annotations

from sqlalchemy import Engine, text

__all__ = ["IN_TRANSACTION", "WAITS_FOR_LOCK", "end_sessions", "sessions"]

IN_TRANSACTION = "state LIKE 'idle in transaction%'"
"""Between two statements of a transaction."""
WAITS_FOR_LOCK = "wait_event_type = 'Lock'"

_OTHERS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def sessions(engine: Engine, condition: str = "true") -> int:
    """How many other sessions of the database meet a condition on `pg_stat_activity`.

    Asked in a transaction of its own each time: PostgreSQL repeats its first answer until the transaction ends.
    """
    return _asked(engine, f"SELECT count(*) FROM {_OTHERS} AND {condition}")


def end_sessions(engine: Engine, condition: str = "true") -> int:
    """Break the connections of those that meet it; return how many there were, once they have ended."""
    return _asked(engine, f"SELECT count(pg_terminate_backend(pid, 10000)) FROM {_OTHERS} AND {condition}")


def _asked(engine: Engine, question: str) -> int:
    with engine.connect() as conn:
        return int(conn.execute(text(question)).scalar_one())
