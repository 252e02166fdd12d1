"""The limit that GetPetition is measured against: grpc.aio that answers with its request, and nothing else."""

from __future__ import annotations

import asyncio
import sys

import grpc
import grpc.aio
import uvloop


async def _echo(request: bytes, _: object) -> bytes:
    return request


async def main(port: int) -> None:
    """Serve."""
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Echo", {"Echo": handler})])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
