"""A load generator: one process, one channel, calls whose bytes are made before they are needed.

    python -m benchmarks.load TARGET WORKLOAD [ARGUMENT …]

Each line on standard input, `SECONDS CALLERS [PER_SECOND]`, is a slice of load: the callers call, each waiting for its
answer, as fast as they can or at the given rate all together. The outcome is one line of JSON. Between slices nothing
runs, and callers go on where they were.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import grpc.aio
import uvloop
from google.protobuf.message import Message

from benchmarks.exam import Exam
from benchmarks.patrols import CheckIns
from benchmarks.readings import Readings
from benchmarks.statements import Batches
from onegrid.petition.v1 import petition_service_pb2 as pb

_ID: Final = b"00000000-0000-4000-8000-000000000000"
_TIMEOUT_S: Final = 30

Step = Callable[[], Awaitable[str]]
"""Makes one call; its method."""


class Repeated:
    """The same request again and again, with a request id of its own each time if it has one."""

    def __init__(self, channel: grpc.aio.Channel, method: str, token: str, file: str) -> None:
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        self._method = method.rsplit("/", 1)[1]
        self._metadata = _metadata(token)
        self._request = Path(file).read_bytes()
        self._place = self._request.find(_ID)
        self._prefix = os.urandom(4).hex().encode()
        self._count = 0

    def caller(self) -> Step:
        """One of the callers."""
        return self._step

    async def _step(self) -> str:
        request = self._request
        if self._place >= 0:
            self._count += 1
            own = b"%s-0000-4000-8000-%012x" % (self._prefix, self._count)
            request = request[: self._place] + own + request[self._place + 36 :]
        await self._call(request, metadata=self._metadata, timeout=_TIMEOUT_S)
        return self._method


class Lifecycles:
    """Whole lives of petitions: filed, accepted, dispatched, taken, concluded, rated, verified; then the next one."""

    def __init__(self, channel: grpc.aio.Channel, file: str) -> None:
        self._channel = channel
        given = json.loads(Path(file).read_text())
        self._tokens: Mapping[str, str] = given["tokens"]
        self._filing = bytes.fromhex(given["filing"])
        self._lead: str = given["lead"]
        self._prefix = os.urandom(4).hex()
        self._count = 0

    def caller(self) -> Step:
        """One of the callers, with a petition of its own at any time."""
        steps = self._steps()
        return lambda: anext(steps)

    async def _steps(self) -> AsyncGenerator[str, None]:
        while True:
            request = pb.FilePetitionRequest.FromString(self._filing)
            answer = pb.FilePetitionResponse.FromString(await self._call("petitioner", "FilePetition", request))
            yield "FilePetition"
            name = answer.petition.name
            task = f"{name}/tasks/1"
            for who, method, step in (
                ("commander", "AcceptPetition", pb.AcceptPetitionRequest(name=name)),
                ("commander", "DispatchPetition", pb.DispatchPetitionRequest(name=name, lead=self._lead)),
                ("clerk", "TakeTask", pb.TakeTaskRequest(name=task)),
                ("clerk", "ConcludeTask", pb.ConcludeTaskRequest(name=task, public_note="已与三位求职者签约。")),
                ("petitioner", "RatePetition", pb.RatePetitionRequest(name=name, satisfied=True, stars=5)),
                ("community", "VerifyPetition", pb.VerifyPetitionRequest(name=name, solved=True)),
            ):
                await self._call(who, method, step)
                yield method

    async def _call(self, who: str, method: str, request: Message) -> bytes:
        self._count += 1
        request.request_id = f"{self._prefix}-0000-4000-8000-{self._count:012x}"  # type: ignore[attr-defined]
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            f"/onegrid.petition.v1.PetitionService/{method}"
        )
        return await call(request.SerializeToString(), metadata=_metadata(self._tokens[who]), timeout=_TIMEOUT_S)


WORKLOADS: Final[Mapping[str, Callable[..., Repeated | Lifecycles | Readings | CheckIns | Exam | Batches]]] = {
    "repeated": Repeated,
    "lifecycles": Lifecycles,
    "readings": Readings,
    "check_ins": CheckIns,
    "exam": Exam,
    "statements": Batches,
}


class Generator:
    """Runs slices."""

    def __init__(self, workload: Repeated | Lifecycles | Readings | CheckIns | Exam | Batches) -> None:
        self._workload = workload
        self._callers: list[Step] = []

    async def slice(self, seconds: float, callers: int, per_second: float = 0) -> dict[str, object]:
        """Let so many callers call for so long; what happened."""
        while len(self._callers) < callers:
            self._callers.append(self._workload.caller())
        latencies: dict[str, list[float]] = {}
        errors: dict[str, int] = {}
        used, begin = time.process_time(), time.perf_counter()

        async def call(number: int) -> None:
            step, turn = self._callers[number], number
            while True:
                due = begin + turn / per_second if per_second else 0.0
                turn += callers
                began = max(time.perf_counter(), due)
                if began >= begin + seconds:
                    return
                if due > time.perf_counter():
                    await asyncio.sleep(due - time.perf_counter())
                try:
                    method = await step()
                except grpc.aio.AioRpcError as error:
                    errors[f"{error.code().name}: {error.details()}"] = errors.get(error.code().name, 0) + 1
                    # What a caller was at is lost with the error; it begins anew.
                    step = self._callers[number] = self._workload.caller()
                else:
                    # From when the call was due: waiting for a late one before it counts too.
                    latencies.setdefault(method, []).append(time.perf_counter() - (due or began))

        await asyncio.gather(*(call(number) for number in range(callers)))
        took = time.perf_counter() - begin
        return {
            "calls": sum(map(len, latencies.values())),
            "seconds": took,
            "client_cpu_s": time.process_time() - used,
            "errors": errors,
            "latencies_ms": {m: [round(each * 1000, 2) for each in found] for m, found in latencies.items()},
        }


async def serve(target: str, workload: str, *arguments: str) -> None:
    """Run the slices that standard input asks for."""
    async with grpc.aio.insecure_channel(target) as channel:
        await channel.channel_ready()
        made = WORKLOADS[workload](channel, *arguments)
        generator = Generator(made)
        while line := await asyncio.to_thread(sys.stdin.readline):
            seconds, callers, *rate = line.split()
            print(json.dumps(await generator.slice(float(seconds), int(callers), *map(float, rate))), flush=True)
        if isinstance(made, Batches):
            await made.close()


def _metadata(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),) if token else ()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(*sys.argv[1:]))
