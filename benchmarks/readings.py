"""Sensors for the benchmarks, and a stream of what they send: batches of readings, each of other devices than the one
before.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final

import grpc.aio
import psycopg

from onegrid.emergency.v1 import sensors_pb2 as pb
from onegrid_demo import district

__all__ = ["BATCH", "DEVICES", "Readings", "store"]

DEVICES: Final = 5_000
BATCH: Final = 500
"""Readings in a batch."""
_ALARM_EVERY: Final = 10
_DANGEROUS: Final = 9.0
_RULES: Final = (
    '{"thresholds": [{"name": "high", "above": true, "raise_level": 3, "clear_level": 2.5, "raise_hold_ms": 0,'
    ' "clear_hold_ms": 0, "incident_kind": 1}], "lowest_possible": 0, "highest_possible": 20, "flat_after_ms": 0,'
    ' "reordering_ms": 10000, "silent_intervals": 3}'
)
_DEVICE: Final = """
    INSERT INTO device (district, id, version, kind, display_name, place, unit, owner, interval, rules, create_time)
    SELECT %(district)s, %(district)s || '-water-' || number, 1, 2, '水位计', %(district)s, 'm', %(owner)s,
      CAST(%(interval)s AS interval), CAST(%(rules)s AS jsonb), now()
    FROM generate_series(1, %(count)s) AS number
    """
_STATE: Final = """
    INSERT INTO device_state (district, device, version, time_ms, sequence, value, value_since_ms, condition,
      receive_time, silent, silent_after, due_time, incident)
    SELECT district, id, 1, 0, 0, 1, 0, 1, now(), false, interval * 3, now() + interval * 3, '' FROM device
    """


def store(url: str, owner: str, count: int = DEVICES, interval: str = "60 s") -> None:
    """Register so many devices that have sent something just now."""
    with psycopg.connect(url, autocommit=True) as conn:
        values = {"district": district.CODE, "owner": owner, "count": count, "interval": interval, "rules": _RULES}
        conn.execute(_DEVICE, values)
        conn.execute(_STATE)
        conn.execute("VACUUM ANALYZE device, device_state")


class Readings:
    """One stream; each caller sends a batch and waits until it is committed."""

    def __init__(self, channel: grpc.aio.Channel, method: str, token: str, alarms: str = "") -> None:
        """`alarms`: whether each tenth batch holds a value that raises one."""
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._stub: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
        self._stream: grpc.aio.StreamStreamCall[bytes, bytes] | None = None
        self._alarms = bool(alarms)
        self._groups = [
            pb.IngestReadingsRequest(
                district=district.CODE,
                readings=[
                    pb.Reading(device=f"devices/{district.CODE}-water-{number}", value=1)
                    for number in range(first, first + BATCH)
                ],
            )
            for first in range(1, DEVICES, BATCH)
        ]
        self._sent = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._writing = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    def caller(self) -> Readings:
        """One of the callers."""
        return self

    async def __call__(self) -> str:
        """Send a batch; what it was."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self._writing:
            if self._stream is None:
                self._stream = self._stub(metadata=self._metadata)
                self._reading = asyncio.create_task(self._read(self._stream))
            alarm = self._alarms and self._sent % _ALARM_EVERY == 0
            raw = self._batch(alarm)
            self._waiting.append(done)
            await self._stream.write(raw)
        await done
        return "alarm" if alarm else "quiet"

    def _batch(self, alarm: bool) -> bytes:
        turn, which = divmod(self._sent, len(self._groups))
        self._sent += 1
        request = self._groups[which]
        request.batch = self._sent
        now = int(time.time() * 1_000)
        value = 1 + turn % 7 / 10
        for reading in request.readings:
            reading.time_ms = now
            reading.sequence = turn + 1
            reading.value = value
        if alarm:
            request.readings[turn % BATCH].value = _DANGEROUS
        return request.SerializeToString()

    async def _read(self, stream: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
        try:
            async for raw in stream:
                answer = pb.IngestReadingsResponse.FromString(raw)
                if answer.refused or answer.stale:
                    raise SystemExit(f"not all was taken: {answer}")
                self._waiting.popleft().set_result(None)
        except BaseException as error:
            for each in self._waiting:
                each.set_exception(error)
            raise
