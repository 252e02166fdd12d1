"""Readers who follow their inboxes: streams over many connections, in a process of their own.

    python -m benchmarks.readers TARGET CONNECTIONS TOKENS

`TOKENS` is a file with an access token a line, one for each stream. A line of standard output says that all of them are
live. Then each line of standard input, `SUBJECT COUNT`, waits until so many streams were sent that subject, and is
answered by the moments at which they were, as a line of JSON: seconds of the monotonic clock, which processes share.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

import grpc.aio
import uvloop

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1.notify_service_pb2_grpc import NotifyServiceStub

_OPENING: Final = 100
"""Streams that are opened at the same moment."""
_PATIENCE_S: Final = 60


class Readers:
    """All of them."""

    def __init__(self) -> None:
        self._moments: defaultdict[str, list[float]] = defaultdict(list)
        self._came = asyncio.Event()
        self._opening = asyncio.Semaphore(_OPENING)
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, channel: grpc.aio.Channel, token: str) -> None:
        """Open a stream; it is live."""
        async with self._opening:
            call = NotifyServiceStub(channel).StreamInbox(
                pb.StreamInboxRequest(), metadata=(("authorization", f"Bearer {token}"),)
            )
            await call.read()
        self._tasks.append(asyncio.create_task(self._follow(call)))

    async def moments(self, subject: str, count: int) -> list[float]:
        """When so many streams were sent it."""
        async with asyncio.timeout(_PATIENCE_S):
            while len(self._moments[subject]) < count:
                self._came.clear()
                await self._came.wait()
        return self._moments.pop(subject)

    async def _follow(self, call: grpc.aio.UnaryStreamCall[pb.StreamInboxRequest, pb.StreamInboxResponse]) -> None:
        while isinstance(response := await call.read(), pb.StreamInboxResponse):
            self._moments[response.item.subject].append(time.monotonic())
            self._came.set()


async def serve(target: str, connections: int, tokens: list[str]) -> None:
    """Open the streams, and answer standard input."""
    own = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(target, own) for _ in range(connections)]
    readers = Readers()
    await asyncio.gather(*(readers.open(channels[at % connections], token) for at, token in enumerate(tokens)))
    print("live", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        subject, count = line.split()
        print(json.dumps(await readers.moments(subject, int(count))), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_text().split()))
