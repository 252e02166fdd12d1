"""The methods on sensors, their readings and alarms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from sqlalchemy import Connection

from onegrid.emergency.v1 import sensors_pb2 as pb
from onegrid_emergency import metrics, sensor_messages
from onegrid_emergency.commands import devices as commands
from onegrid_emergency.ingesting import Batch, Ingested, Ingestion
from onegrid_emergency.sensing.device import DEVICE
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import devices as store
from onegrid_emergency.store.readings import alarms_page
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Sensors"]

_BATCHES_UNDERWAY = 16
"""Of one stream: more than that wait in the sender's and gRPC's buffers."""
_MOST_REFUSALS = 100


class Sensors:
    """The methods on sensors."""

    def __init__(self, runtime: Runtime[EmergencySettings], ingestion: Ingestion) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._ingestion = ingestion

    async def RegisterDevice(self, request: pb.RegisterDeviceRequest, call: Call) -> bytes:
        configuration = sensor_messages.configuration_of(request.configuration)

        def register(conn: Connection) -> pb.RegisterDeviceResponse:
            known = commands.register_device(conn, request.district, request.device_id, configuration, call)
            return pb.RegisterDeviceResponse(device=sensor_messages.device(known))

        return await self._db.command(call, register)

    async def UpdateDevice(self, request: pb.UpdateDeviceRequest, call: Call) -> bytes:
        configuration = sensor_messages.configuration_of(request.configuration)
        command = commands.UpdateDevice(id=DEVICE.id(request.name), configuration=configuration, etag=request.etag)

        cleared = 0

        def update(conn: Connection) -> pb.UpdateDeviceResponse:
            nonlocal cleared
            known, cleared = commands.update_device(conn, command, call)
            return pb.UpdateDeviceResponse(device=sensor_messages.device(known))

        answer = await self._db.command(call, update)
        metrics.count_alarms(0, cleared)
        return answer

    async def RetireDevice(self, request: pb.RetireDeviceRequest, call: Call) -> bytes:
        cleared = 0

        def retire(conn: Connection) -> pb.RetireDeviceResponse:
            nonlocal cleared
            known, cleared = commands.retire_device(conn, DEVICE.id(request.name), request.etag, call)
            return pb.RetireDeviceResponse(device=sensor_messages.device(known))

        answer = await self._db.command(call, retire)
        metrics.count_alarms(0, cleared)
        return answer

    async def ListDevices(self, request: pb.ListDevicesRequest, call: Call) -> pb.ListDevicesResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.devices_page(conn, request.place, request.conditions, after, limit),
            position=lambda each: (each.device.id,),
            message=sensor_messages.device,
        )
        return pb.ListDevicesResponse(devices=page.items, next_page_token=page.next_token)

    async def ListAlarms(self, request: pb.ListAlarmsRequest, call: Call) -> pb.ListAlarmsResponse:
        id_ = DEVICE.id(request.device)
        await self._db.read(lambda conn: commands.accessible_device(conn, id_, call))
        page = await self._pages.read(
            request,
            lambda conn, after, limit: alarms_page(conn, id_, after, limit),
            position=lambda each: (each.raise_time, each.id),
            message=sensor_messages.alarm,
        )
        return pb.ListAlarmsResponse(alarms=page.items, next_page_token=page.next_token)

    async def IngestReadings(
        self, requests: AsyncIterator[pb.IngestReadingsRequest], call: Call
    ) -> AsyncIterator[pb.IngestReadingsResponse]:
        underway: asyncio.Queue[tuple[int, asyncio.Task[Ingested]] | None] = asyncio.Queue(_BATCHES_UNDERWAY)

        async def take() -> None:
            try:
                async for request in requests:
                    batch = Batch(request.district, call.caller.user, request.readings, call.traceparent)
                    await underway.put((request.batch, asyncio.ensure_future(self._ingestion.take(batch))))
            finally:
                # What came before it is answered, whatever ends the stream.
                await underway.put(None)

        taking = asyncio.create_task(take())
        try:
            while (each := await underway.get()) is not None:
                number, ingesting = each
                yield _response(number, await ingesting)
            await taking
        finally:
            taking.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait((taking,))


def _response(number: int, done: Ingested) -> pb.IngestReadingsResponse:
    refusals = [pb.RefusedReading(index=place, reason=reason) for place, reason in done.refused[:_MOST_REFUSALS]]
    return pb.IngestReadingsResponse(
        batch=number, taken=done.taken, stale=done.stale, refused=len(done.refused), refusals=refusals
    )
