"""Growing pauses between attempts at what keeps failing."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """The pauses double up to a limit, and start over once an attempt succeeded or lasted longer than that limit."""

    def __init__(self, first_s: float, most_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._monotonic = monotonic
        self._pause_s = first_s
        self._attempt_began = monotonic()

    def next_pause_s(self) -> float:
        """How long to wait now that an attempt has failed; the next attempt begins after that."""
        now = self._monotonic()
        if now - self._attempt_began > self._most_s:
            self.reset()
        pause = self._pause_s
        self._pause_s = min(pause * 2, self._most_s)
        self._attempt_began = now + pause
        return pause

    def reset(self) -> None:
        """The attempt succeeded."""
        self._pause_s = self._first_s
