"""A load generator: one process, one channel, calls with bytes that are made before they are needed.

    python benchmarks/load.py TARGET METHOD TOKEN SECONDS CLIENTS FILE

FILE holds the request; if it has a request_id, each call gets one of its own. Prints the result as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import grpc.aio
import uvloop

_ID = b"00000000-0000-4000-8000-000000000000"


async def run(target: str, method: str, token: str, seconds: float, clients: int, request: bytes) -> dict[str, object]:
    """Call as fast as `clients` callers can, each waiting for its answer."""
    channel = grpc.aio.insecure_channel(target)
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    place = request.find(_ID)
    prefix = os.urandom(4).hex().encode()
    latencies: list[float] = []
    errors: dict[str, int] = {}
    counter = 0
    await channel.channel_ready()

    async def caller(until: float) -> None:
        nonlocal counter
        while (began := time.perf_counter()) < until:
            body = request
            if place >= 0:
                counter += 1
                own = b"%s-0000-4000-8000-%012x" % (prefix, counter)
                body = request[:place] + own + request[place + 36 :]
            try:
                await call(body, metadata=metadata, timeout=10)
            except grpc.aio.AioRpcError as error:
                errors[error.code().name] = errors.get(error.code().name, 0) + 1
            else:
                latencies.append(time.perf_counter() - began)

    warm = time.perf_counter() + 1.0
    await asyncio.gather(*(caller(warm) for _ in range(clients)))
    latencies.clear()
    begin = time.perf_counter()
    await asyncio.gather(*(caller(begin + seconds) for _ in range(clients)))
    took = time.perf_counter() - begin
    latencies.sort()
    await channel.close()
    return {
        "per_second": round(len(latencies) / took, 1),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 2) if latencies else None,
        "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 2) if latencies else None,
        "errors": errors,
    }


def main() -> None:
    """Run the command."""
    target, method, token, seconds, clients, file = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(run(target, method, token, float(seconds), int(clients), Path(file).read_bytes()))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
