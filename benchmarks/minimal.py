"""The limit that FilePetition is measured against: grpc.aio, asyncpg and petition's own statement, nothing else.

    python -m benchmarks.minimal PORT DATABASE_URL

No token, permission, validation, routing, metric, trace, message or cipher; each filing stores the same rows. Those
that wait at the same moment share a statement, as petition's do.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import grpc
import grpc.aio
import orjson
import uvloop

from onegrid_kit import ids
from onegrid_petition import store

_MOST = 64
_PACE_S = 0.005


class Filings:
    """Stores what waits, one statement at a time."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._waiting: list[asyncio.Future[None]] = []
        self._work = asyncio.Event()

    async def answer(self, request: bytes, _: object) -> bytes:
        """Store one filing."""
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append(stored)
        self._work.set()
        await stored
        return request

    async def run(self) -> None:
        """Store until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            began = loop.time()
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            if not self._waiting:
                self._work.clear()
            await self._connection.fetch(store.file_petitions.sql, _document(len(batch)))
            for each in batch:
                if not each.done():
                    each.set_result(None)
            if len(batch) + len(self._waiting) > 2:
                await asyncio.sleep(max(0.0, began + _PACE_S - loop.time()))


def _document(count: int) -> str:
    now = datetime.now(UTC)
    rows: Sequence[dict[str, object]] = [
        {
            "position": position,
            "caller": "users/0000000000petitioner",
            "request_id": os.urandom(18).hex(),
            "method": "onegrid.petition.v1.PetitionService.FilePetition",
            "fingerprint": "00" * 16,
            "answer": "61" * 316,
            "resource": "petitions/210602-20201111-7KX3M9QF",
            "subject": "petitions/210602-20201111-7KX3M9QF",
            "time": now,
            "purpose": "",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "event_id": ids.new_event_id(),
            "event_type": "onegrid.petition.v1.PetitionFiled",
            "event_body": "62" * 118,
            "district": "210602",
            "id": f"210602-20201111-{os.urandom(8).hex()}",
            "kind": 1,
            "text": "儿童中心近期招不到保育员和教师，影响开班，请帮忙协调用工。",
            "petitioner": "users/0000000000petitioner",
            "petitioner_kind": 2,
            "organization": "",
            "anonymous": False,
            "contact_phone": None,
            "place": "210602003007005",
            "longitude": 124.4,
            "latitude": 40.14,
            "address": "朝凤社区儿童中心",
            "grid_worker": "",
            "attachments": [],
            "responsible": "210602003007",
            "accept_due_time": now,
            "clock_time": now,
            "create_time": now,
            "origin": "",
        }
        for position in range(count)
    ]
    return orjson.dumps(rows).decode()


async def main(port: int, url: str) -> None:
    """Serve."""
    filings = Filings(await asyncpg.connect(url))
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(filings.answer)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Minimal", {"File": handler})])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await filings.run()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]), sys.argv[2]))
