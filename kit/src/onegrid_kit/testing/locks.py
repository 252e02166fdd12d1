"""What one process at a time makes: tests in several processes ask for the same things at once."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["alone"]


@contextmanager
def alone(made: Path) -> Iterator[None]:
    """Wait until nobody else makes this. The lock lies beside it, and goes with its holder, even if that is killed."""
    made.parent.mkdir(parents=True, exist_ok=True)
    with made.with_name(f".{made.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
