"""Makes calls when they are due, whether or not those before were answered."""

from __future__ import annotations

import asyncio
import random
from typing import Final, Protocol

from onegrid_checks.checklist import describe
from onegrid_checks.load.outcomes import Outcomes
from onegrid_checks.load.profile import Profile
from onegrid_checks.load.schedule import arrivals

__all__ = ["Calls", "generate"]

_MOST_RUNNING: Final = 5_000
"""Calls without an answer; more are not made, so that the generator does not fall over what it measures."""


class Calls(Protocol):
    """What is called."""

    def method(self, due: str) -> str:
        """The method to call where this one is due."""
        ...

    async def call(self, method: str) -> None:
        """Call it."""
        ...


async def generate(profile: Profile, traffic: Calls, outcomes: Outcomes, rng: random.Random) -> None:
    """Make all calls of the profile, and wait for their answers."""
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()
    begin = loop.time()

    async def call(phase: str, method: str, due: float) -> None:
        try:
            await traffic.call(method)
        except Exception as error:
            # Whatever it is, it is counted: a fault of the generator's own must not look like a call that went well.
            outcomes.failed(phase, method, describe(error))
        else:
            outcomes.answered(phase, method, loop.time() - due)

    for arrival in arrivals(profile, rng):
        due = begin + arrival.due
        # If only for a moment: the call before is begun in it.
        await asyncio.sleep(max(0.0, due - loop.time()))
        made = len(running) < _MOST_RUNNING
        outcomes.arrived(arrival.phase, loop.time() - due, made=made)
        if made:
            task = asyncio.create_task(call(arrival.phase, traffic.method(arrival.method), due))
            running.add(task)
            task.add_done_callback(running.discard)
    await asyncio.gather(*running)
