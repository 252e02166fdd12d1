"""Kills in the middle of what is tested, and a client that insists meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import grpc.aio

from onegrid_kit.testing.waiting import HANG_S

from .filing import AGAIN
from .fleet import Fleet

__all__ = ["PARTS", "Insisting", "kill"]

PARTS = ("api", "worker", "relay", "postgres", "rabbitmq")
"""Roles of a service, and what they stand on."""


class Insisting(grpc.aio.UnaryUnaryClientInterceptor):
    """Sends the same request until somebody answers it."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        deadline = time.monotonic() + HANG_S
        while True:
            call = await continuation(client_call_details, request)
            if await call.code() not in AGAIN or time.monotonic() > deadline:
                return call
            await asyncio.sleep(random.uniform(0.02, 0.2))


def kill(fleet: Fleet, part: str, service: str = "emergency") -> None:
    """Kill it, and start it again as its supervisor would."""
    if part in ("postgres", "rabbitmq"):
        fleet.kill(part)
        fleet.restart(part)
    else:
        fleet.parts[service, part].kill()
        fleet.parts[service, part].launch()
