"""A list of expectations; each is printed on a line of its own with its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import grpc.aio

from onegrid_demo import refusals

__all__ = ["Checklist", "Ended", "describe"]

Expect: TypeAlias = Callable[[bool, object], bool]
"""Takes whether a step came to its good end, and how it stands."""


class Ended(Exception):
    """A step was not got through, and is on the list as one that failed; what stands on it can't be tried."""


class Checklist:
    """Counts which expectations hold."""

    def __init__(self, name: str, *, judges_speed: bool = True) -> None:
        self.failed: list[str] = []
        """The expectations that did not hold."""
        self._name = name
        self._judges_speed = judges_speed
        self._held = 0
        self._slow = 0

    def expect(self, what: str, met: bool, *, actual: object, look: str, of_speed: bool = False) -> bool:
        """Print and return whether it holds; if not, also print what is there instead and where to look next.

        What is expected of speed fails only where speed is judged: a machine that does other work is slow by itself.
        """
        if met:
            self._held += 1
            print(f"ok    {what}", flush=True)
            return True
        if of_speed and not self._judges_speed:
            self._slow += 1
            verdict = "slow"
        else:
            self.failed.append(what)
            verdict = "FAIL"
        print(f"{verdict}  expected: {what}\n      actual: {actual}\n      look: {look}", flush=True)
        return False

    @contextmanager
    def step(self, what: str, look: str) -> Iterator[Expect]:
        """What has to be done to know whether it holds. Raises Ended if a call fails, or something is not there."""
        try:
            yield lambda met, actual: self.expect(what, met, actual=actual, look=look)
        except (grpc.aio.AioRpcError, OSError, LookupError) as error:
            self.expect(what, met=False, actual=describe(error), look=look)
            raise Ended from error

    def note(self, text: str) -> None:
        """Print a note between the expectations."""
        print(text, flush=True)

    def conclude(self) -> int:
        """Print the verdict; return the exit code."""
        total = self._held + self._slow + len(self.failed)
        verdict = "passed" if total and not self.failed else "FAILED"
        slow = f"; {self._slow} of speed did not, and are only reported" if self._slow else ""
        print(f"{self._name} {verdict}: {self._held} of {total} expectations held{slow}", flush=True)
        return 0 if total and not self.failed else 1


def describe(error: Exception) -> str:
    """An error in one line."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return f"{type(error).__name__}: {error}"
    reason = refusals.info(error).reason
    return f"{error.code().name} {f'({reason}) ' if reason else ''}{error.details()}"
