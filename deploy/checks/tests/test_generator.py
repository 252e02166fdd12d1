"""The generator makes calls when they are due, whatever becomes of those before."""

from __future__ import annotations

import asyncio
import random
import selectors
from typing import Any

from onegrid_checks.checklist import Checklist
from onegrid_checks.load.generator import generate
from onegrid_checks.load.outcomes import Outcomes
from onegrid_checks.load.profile import Latency, Objectives, Phase, Profile

PROFILE = Profile(
    "short",
    1,
    0,
    (Phase("steady", 1, 200, 200, 1),),
    {"GetPetition": 1},
    Objectives(0, 0.99, {"GetPetition": Latency(500, 500)}),
)


class Leap(selectors.DefaultSelector):
    """A loop with this selector never waits: its time leaps to whatever is due next."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += timeout or 0.0
        return super().select(0)


class Slow:
    """Answers after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.most_at_once = 0
        self.leap = Leap()
        self._seconds = seconds
        self._running = 0

    def method(self, due: str) -> str:
        return due

    async def call(self, method: str) -> None:
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        await asyncio.sleep(self._seconds)
        self._running -= 1


class Hogging(Slow):
    """Blocks the event loop."""

    async def call(self, method: str) -> None:
        self.leap.now += self._seconds


class Faulty(Slow):
    """Fails by a fault of its own."""

    async def call(self, method: str) -> None:
        raise ZeroDivisionError


def failed_with(calls: Slow) -> list[str]:
    def loop() -> asyncio.AbstractEventLoop:
        made = asyncio.SelectorEventLoop(calls.leap)
        made.time = lambda: calls.leap.now  # type: ignore[method-assign]
        return made

    outcomes, checklist = Outcomes(), Checklist("load")
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(generate(PROFILE, calls, outcomes, random.Random(7)))
    outcomes.judge(PROFILE, checklist)
    return checklist.failed


def test_arrivals_do_not_wait_for_answers() -> None:
    calls = Slow(0.4)
    assert not failed_with(calls)
    # 200 a second that take 0.4 s each.
    assert 60 <= calls.most_at_once <= 120


def test_slow_answers_are_reported() -> None:
    assert failed_with(Slow(0.6)) == ["steady: p50 and p99 of every method are within their objectives"]


def test_a_generator_that_can_not_keep_up_fails() -> None:
    assert "steady: 99% of the arrivals are made when they are due" in failed_with(Hogging(0.02))


def test_its_own_faults_are_not_taken_for_answers() -> None:
    assert failed_with(Faulty(0)) == ["at most 0 calls fail"]
