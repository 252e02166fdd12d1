"""Waiting for conditions, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["HANG_S", "eventually"]

HANG_S: Final = 600.0
"""After so many seconds something hangs. A busy machine is slow, but not that slow."""


def eventually(happens: Callable[[], bool], describe: Callable[[], object] = str) -> None:
    """Return once it happens; `describe` says what there is instead."""
    deadline = time.monotonic() + HANG_S
    while not happens():
        assert time.monotonic() < deadline, f"it did not happen: {describe()}"
        time.sleep(0.02)
