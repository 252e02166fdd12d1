"""Leadership that ends by itself: a leader that hangs, and not only one that dies, is replaced.

A lease is a row that expires by the database's clock and is renewed before that. Its holder counts from the moment
before it asked, by its own monotonic clock, so that it never believes to lead for longer than the database does. A
process that is stopped between its last look at `held` and what it does then acts beside the new leader for a moment;
whatever a leader does must be harmless when it is done twice.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable

from sqlalchemy import Engine, text

__all__ = ["Lease"]

_ACQUIRE = text(
    """
    INSERT INTO lease AS held VALUES (:name, :holder, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expire_time = excluded.expire_time
    WHERE held.holder = excluded.holder OR held.expire_time <= clock_timestamp()
    RETURNING holder
    """
)
_RELEASE = text("UPDATE lease SET expire_time = clock_timestamp() WHERE name = :name AND holder = :holder")
_HOLDER = text("SELECT holder FROM lease WHERE name = :name")


class Lease:
    """The right of one process to do what only one may do at a time."""

    def __init__(
        self, engine: Engine, name: str, *, lasts_s: float = 5.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`lasts_s`: how long after its last renewal the lease of a leader that hangs is given to another."""
        self._engine = engine
        self._name = name
        self._lasts_s = lasts_s
        self._monotonic = monotonic
        self._holder = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
        self._ends = 0.0

    @property
    def renew_s(self) -> float:
        """How often the holder renews it."""
        return self._lasts_s / 5

    @property
    def held(self) -> bool:
        """Whether this process still has it."""
        return self._monotonic() < self._ends

    @property
    def due(self) -> bool:
        """Whether it is time to acquire or renew it."""
        return self._monotonic() >= self._ends - self._lasts_s + self.renew_s

    def acquire(self) -> bool:
        """Get or renew it; whether this process has it now."""
        asked = self._monotonic()
        values = {"name": self._name, "holder": self._holder, "seconds": self._lasts_s}
        with self._engine.begin() as conn:
            got = conn.execute(_ACQUIRE, values).one_or_none() is not None
        self._ends = asked + self._lasts_s if got else 0.0
        return got

    def release(self) -> None:
        """Let another process have it at once."""
        self._ends = 0.0
        with self._engine.begin() as conn:
            conn.execute(_RELEASE, {"name": self._name, "holder": self._holder})

    def holder(self) -> str:
        """Who has it: host, process and a random part; empty if it was never held."""
        with self._engine.connect() as conn:
            return conn.execute(_HOLDER, {"name": self._name}).scalar_one_or_none() or ""
