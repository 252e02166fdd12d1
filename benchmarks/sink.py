"""A mail server that keeps nothing, in a process of its own.

    python -m benchmarks.sink PORT

Each line of standard input, `COUNT`, waits until so many messages have come since the line before, and is answered by
the seconds from the first to the last of them.
"""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session


class Sink:
    """Takes every message."""

    def __init__(self) -> None:
        self._moments: list[float] = []
        self._came = asyncio.Event()

    async def handle_DATA(self, _: SMTP, __: Session, ___: Envelope) -> str:
        """Called by aiosmtpd with each message."""
        self._moments.append(time.perf_counter())
        self._came.set()
        return "250 2.0.0 taken"

    async def seconds(self, count: int) -> float:
        """What so many messages took, which are then forgotten."""
        while len(self._moments) < count:
            self._came.clear()
            await self._came.wait()
        moments, self._moments = self._moments, []
        return moments[-1] - moments[0]


async def serve(port: int) -> None:
    """Listen, and answer standard input."""
    sink = Sink()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), "127.0.0.1", port)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(await sink.seconds(int(line)), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
