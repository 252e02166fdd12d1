"""A thread that does what there is to do, turn by turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from onegrid_kit.backoff import Backoff
from onegrid_kit.logs import describe, log

__all__ = ["Turns"]

_IDLE_S = 0.2
_PAUSE_S = (0.2, 5.0)


class Turns:
    """Takes turns from start to stop: at once again after one that did something, soon after one that did not, and
    after growing pauses while they raise, as they do without the database.
    """

    def __init__(self, name: str, take: Callable[[], bool]) -> None:
        """`take` returns whether it did something."""
        self._name = name
        self._take = take
        self._stopping = threading.Event()
        # In the worker eventlet makes a greenlet of it.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the turn that is being taken, and end; one that takes long is undone when the process ends."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        backoff = Backoff(*_PAUSE_S)
        while not self._stopping.is_set():
            try:
                worked = self._take()
            except Exception as error:
                pause = backoff.next_pause_s()
                log.warning("turns wait for the database", turns=self._name, error=describe(error), pause_s=pause)
                self._stopping.wait(pause)
                continue
            backoff.reset()
            if worked:
                # Lets the process's events and jobs have their turn.
                time.sleep(0)
            else:
                self._stopping.wait(_IDLE_S)
