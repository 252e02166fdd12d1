"""A server as one writes it without the platform: takes the same batches on one stream, stores the last value of each
device by one statement a batch, and answers. No token, no rule, no decision.

    python -m benchmarks.bare_readings PORT DATABASE_URL
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import grpc
import grpc.aio
import uvloop

from onegrid.emergency.v1 import sensors_pb2 as pb

METHOD: Final = "/bare.v1.Bare/IngestReadings"
_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS bare_reading (
      device text COLLATE "C" PRIMARY KEY, time_ms bigint NOT NULL, sequence bigint NOT NULL,
      value double precision NOT NULL
    ) WITH (fillfactor = 50)
    """
_STORE: Final = """
    INSERT INTO bare_reading
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::double precision[])
    ON CONFLICT (device) DO UPDATE
    SET time_ms = excluded.time_ms, sequence = excluded.sequence, value = excluded.value
    """


async def serve(port: str, database_url: str) -> None:
    """Serve until killed."""
    conn = await asyncpg.connect(database_url)
    await conn.execute(_TABLE)

    async def ingest(
        requests: AsyncIterator[pb.IngestReadingsRequest], _: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.IngestReadingsResponse]:
        async for request in requests:
            readings = request.readings
            await conn.execute(
                _STORE,
                [each.device for each in readings],
                [each.time_ms for each in readings],
                [each.sequence for each in readings],
                [each.value for each in readings],
            )
            yield pb.IngestReadingsResponse(batch=request.batch, taken=len(readings))

    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        ingest,
        request_deserializer=pb.IngestReadingsRequest.FromString,
        response_serializer=pb.IngestReadingsResponse.SerializeToString,
    )
    _, service, method = METHOD.split("/")
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(*sys.argv[1:]))
