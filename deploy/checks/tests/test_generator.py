"""The generator makes calls when they are due, whatever becomes of those before."""

from __future__ import annotations

import asyncio
import random
import time

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


class Slow:
    """Answers after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.most_at_once = 0
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
    """Takes the processor, and lets nobody else do anything."""

    async def call(self, method: str) -> None:
        time.sleep(self._seconds)  # noqa: ASYNC251


class Faulty(Slow):
    """Fails by a fault of its own."""

    async def call(self, method: str) -> None:
        raise ZeroDivisionError


async def failed_with(calls: Slow) -> list[str]:
    outcomes, checklist = Outcomes(), Checklist("load")
    await generate(PROFILE, calls, outcomes, random.Random(7))
    outcomes.judge(PROFILE, checklist)
    return checklist.failed


async def test_arrivals_do_not_wait_for_answers() -> None:
    calls = Slow(0.4)
    assert not await failed_with(calls)
    # 200 a second that take 0.4 s each.
    assert 40 <= calls.most_at_once <= 160


async def test_slow_answers_are_told() -> None:
    assert await failed_with(Slow(0.6)) == ["steady: p50 and p99 of every method are within their objectives"]


async def test_a_generator_that_can_not_keep_up_says_so() -> None:
    assert "steady: 99% of the arrivals are made when they are due" in await failed_with(Hogging(0.02))


async def test_its_own_faults_are_not_taken_for_answers() -> None:
    assert await failed_with(Faulty(0)) == ["at most 0 calls fail"]
