"""Expectations, told a line each as they are met or not."""

from __future__ import annotations

import grpc.aio

from onegrid_demo import refusals

__all__ = ["Checklist", "describe"]


class Checklist:
    """What was expected of the platform, and how much of it held."""

    def __init__(self, name: str) -> None:
        self.failed: list[str] = []
        """The expectations that did not hold."""
        self._name = name
        self._held = 0

    def expect(self, what: str, met: bool, *, seen: object, look: str) -> bool:
        """Whether it holds; if not, what was seen instead, and where to look next."""
        if met:
            self._held += 1
            print(f"ok    {what}", flush=True)
        else:
            self.failed.append(what)
            print(f"FAIL  expected: {what}\n      seen: {seen}\n      look: {look}", flush=True)
        return met

    def say(self, words: str) -> None:
        """What is being done, or was found, on lines of their own."""
        print(words, flush=True)

    def conclude(self) -> int:
        """The verdict; the exit code."""
        total = self._held + len(self.failed)
        verdict = "passed" if total and not self.failed else "FAILED"
        print(f"{self._name} {verdict}: {self._held} of {total} expectations held", flush=True)
        return 0 if total and not self.failed else 1


def describe(error: Exception) -> str:
    """An error in one line."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return f"{type(error).__name__}: {error}"
    reason = refusals.info(error).reason
    return f"{error.code().name} {f'({reason}) ' if reason else ''}{error.details()}"
