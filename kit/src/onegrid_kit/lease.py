"""Leadership that ends by itself: a leader that hangs, and not only one that dies, is replaced.

A lease is a row that expires by the database's clock and is renewed before that. Its holder counts from the moment
before it asked, by its own monotonic clock, so that it never believes to lead for longer than the database does. A
process that is stopped between its last look at `held` and what it does then acts beside the new leader for a moment.
What it does in the database can be fenced: a transaction that ends with `require` is committed only if nobody else has
led since. Anything else that a leader does must be harmless when it is done twice.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, TextClause, text

from onegrid_kit.logs import describe, log

__all__ = ["Lease", "LeaseLost"]

_ACQUIRE = text(
    """
    INSERT INTO lease AS held VALUES (:name, :holder, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expire_time = excluded.expire_time
    WHERE held.holder = excluded.holder OR held.expire_time <= clock_timestamp()
    RETURNING holder
    """
)
# Whoever takes it puts another name there, also when it has expired again since.
_RENEW = text(
    """
    UPDATE lease SET expire_time = clock_timestamp() + make_interval(secs => :seconds)
    WHERE name = :name AND holder = :holder RETURNING holder
    """
)
_REQUIRE = text("SELECT FROM lease WHERE name = :name AND holder = :holder FOR UPDATE")
_RELEASE = text("UPDATE lease SET expire_time = clock_timestamp() WHERE name = :name AND holder = :holder")
_HOLDER = text("SELECT holder FROM lease WHERE name = :name")


class LeaseLost(Exception):
    """Another process leads, or did meanwhile."""


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
        return self._ask(_ACQUIRE)

    def renew(self) -> bool:
        """Renew it, unless another process has had it since; whether this process has it now."""
        return self._ask(_RENEW)

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it in the background meanwhile."""
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew_until, args=[ended], name=f"lease-{self._name}", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()

    def require(self, conn: Connection) -> None:
        """Let the transaction go on only if nobody else has led since; until it ends, nobody else will.

        Raises LeaseLost.
        """
        if conn.execute(_REQUIRE, {"name": self._name, "holder": self._holder}).one_or_none() is None:
            self._ends = 0.0
            raise LeaseLost(f"{self._name} is led by {self.holder()}")

    def release(self) -> None:
        """Let another process have it at once."""
        self._ends = 0.0
        with self._engine.begin() as conn:
            conn.execute(_RELEASE, {"name": self._name, "holder": self._holder})

    def holder(self) -> str:
        """Who has it: host, process and a random part; empty if it was never held."""
        with self._engine.connect() as conn:
            return conn.execute(_HOLDER, {"name": self._name}).scalar_one_or_none() or ""

    def _ask(self, statement: TextClause) -> bool:
        asked = self._monotonic()
        values = {"name": self._name, "holder": self._holder, "seconds": self._lasts_s}
        with self._engine.begin() as conn:
            got = conn.execute(statement, values).one_or_none() is not None
        self._ends = asked + self._lasts_s if got else 0.0
        return got

    def _renew_until(self, ended: threading.Event) -> None:
        while not ended.wait(self.renew_s):
            try:
                self.renew()
            except Exception as error:
                log.info("lease not renewed", lease=self._name, error=describe(error))
