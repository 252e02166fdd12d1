"""Sensors of these tests, and what they send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration

from onegrid.common.v1.common_pb2 import OaLevel, Point
from onegrid.emergency.v1.sensors_pb2 import (
    Alarm,
    Device,
    DeviceConfiguration,
    DeviceKind,
    DeviceRules,
    Direction,
    IngestReadingsRequest,
    IngestReadingsResponse,
    Reading,
    Threshold,
)
from onegrid_emergency.sensing.moments import milliseconds
from onegrid_kit.callers import Grant
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.waiting import HANG_S

from .people import CELL, COMMANDER, DISTRICT

GATEWAY = replace(
    public("gateway", DISTRICT),
    grants=(Grant(DISTRICT, OaLevel.OA_LEVEL_UNSPECIFIED, frozenset({"emergency.readings.ingest"})),),
)
OTHER_GATEWAY = replace(GATEWAY, user="users/othergateway", session="other")
LOCATION = Point(longitude=124.45, latitude=40.15)
WATER = DeviceRules(
    thresholds=[
        Threshold(name="high", direction=Direction.DIRECTION_ABOVE, raise_level=3, clear_level=2.5),
        Threshold(name="higher", direction=Direction.DIRECTION_ABOVE, raise_level=4, clear_level=3.5),
    ],
    highest_possible=20,
)


def configuration(**fields: Any) -> DeviceConfiguration:
    given = {
        "display_name": "江沿水位计",
        "kind": DeviceKind.DEVICE_KIND_WATER_LEVEL,
        "place": CELL,
        "location": LOCATION,
        "unit": "m",
        "owner": GATEWAY.user,
        "interval": Duration(seconds=60),
        "rules": WATER,
    }
    return DeviceConfiguration(**{**given, **fields})


async def registered(api: Serving, device_id: str = "water-1", **fields: Any) -> Device:
    answer = await api.call(
        COMMANDER,
        "RegisterDevice",
        district=DISTRICT,
        device_id=device_id,
        configuration=configuration(**fields),
    )
    return answer.device  # type: ignore[no-any-return]


async def device(api: Serving, name: str) -> Device:
    listed = (await api.call(COMMANDER, "ListDevices", place=DISTRICT, page_size=500)).devices
    return next(each for each in listed if each.name == name)


async def alarms(api: Serving, name: str) -> Sequence[Alarm]:
    return (await api.call(COMMANDER, "ListAlarms", device=name)).alarms  # type: ignore[no-any-return]


def readings(name: str, begin: datetime, *values: float, first: int = 1) -> list[Reading]:
    """A minute apart, counted from `first` on, which is at `begin`."""
    return [
        Reading(
            device=name,
            time_ms=milliseconds(begin + timedelta(minutes=number)),
            sequence=first + number,
            value=value,
        )
        for number, value in enumerate(values)
    ]


async def ingest(api: Serving, *batches: Sequence[Reading], caller: Any = GATEWAY) -> list[IngestReadingsResponse]:
    """The answers to these batches, which are numbered from 1 on."""

    async def requests() -> AsyncIterator[IngestReadingsRequest]:
        for number, batch in enumerate(batches, 1):
            yield IngestReadingsRequest(district=DISTRICT, batch=number, readings=batch)

    return [answer async for answer in api.exchange(caller, "IngestReadings", requests())]


async def eventually(happens: Callable[[], Awaitable[object]]) -> None:
    """Wait for it."""
    async with asyncio.timeout(HANG_S):
        while not await happens():  # noqa: ASYNC110 - what changes is in the database
            await asyncio.sleep(0.05)
