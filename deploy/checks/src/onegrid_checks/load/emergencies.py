"""The calls of the mix that are emergency's: incidents that turn out to be false alarms, and readings of sensors."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import grpc.aio
from google.protobuf.duration_pb2 import Duration

from onegrid.emergency.v1 import emergency_service_pb2 as pb
from onegrid.emergency.v1 import incident_methods_pb2 as methods
from onegrid.emergency.v1 import sensors_pb2 as sensors
from onegrid.emergency.v1.resources_pb2 import INCIDENT_STATE_DISMISSED, IncidentKind
from onegrid_checks.checklist import Checklist
from onegrid_checks.load.callers import Caller, new_id
from onegrid_checks.load.ledger import Page, expect_once, listed
from onegrid_demo import district, fire, refusals
from onegrid_demo.client import Client

__all__ = ["Emergencies"]

_DEVICES: Final = 20
"""Sensors that send a reading in each batch."""
_WEEK: Final = Duration(seconds=604_800)
"""They send irregularly, and are never found silent."""


class Emergencies:
    """Makes the calls: residents report what the command centre dismisses, so that nothing of it stays open."""

    def __init__(self, callers: Mapping[str, Caller], owner: str, mark: str, rng: random.Random) -> None:
        self.calls: Mapping[str, Callable[[Client], Awaitable[None]]] = {
            "ReportIncident": self._report,
            "DismissIncident": self._dismiss,
            "ListIncidents": self._list,
            "IngestReadings": self._ingest,
        }
        self._callers = callers
        self._owner = owner
        self._mark = mark
        self._rng = rng
        self._cells = district.cells()
        self._devices: list[str] = []
        self._batch = 0
        self._reported: deque[str] = deque()
        self._known: dict[str, str] = {}
        """The incident's name, by the text of its report."""
        self._unsure: list[str] = []
        """Incidents whose dismissal failed: it may have been done or not."""

    def method(self, due: str) -> str:
        """The call to make where this one is due: an incident is reported where there is none to dismiss."""
        return due if due != "DismissIncident" or self._reported else "ReportIncident"

    async def begin(self, client: Client) -> None:
        """Register the sensors."""
        metadata = await self._callers["admin"].metadata()
        for number in range(_DEVICES):
            configuration = sensors.DeviceConfiguration(
                display_name=f"{self._mark} {number}",
                kind=sensors.DeviceKind.DEVICE_KIND_SMOKE,
                place=self._cells[number].code,
                location=self._cells[number].middle,
                owner=self._owner,
                interval=_WEEK,
            )
            request = sensors.RegisterDeviceRequest(
                district=district.CODE,
                device_id=f"load-{uuid.uuid4().hex[:12]}",
                configuration=configuration,
                request_id=new_id(),
            )
            self._devices.append((await client.emergency.RegisterDevice(request, metadata=metadata)).device.name)

    async def settle(self, client: Client, checklist: Checklist) -> None:
        """Dismiss what is left, retire the sensors, and ask for everything that was acknowledged."""
        for name in self._reported:
            await self._dismiss_named(client, name)
        for name in self._unsure:
            try:
                await self._dismiss_named(client, name)
            except grpc.aio.AioRpcError as error:
                if refusals.info(error).reason != "WRONG_STATE":
                    raise
        admin = await self._callers["admin"].metadata()
        for device in self._devices:
            request = sensors.RetireDeviceRequest(name=device, request_id=new_id())
            await client.emergency.RetireDevice(request, metadata=admin)
        expect_once(checklist, "incident", self._known, await self._listed(client), then="dismissed")

    async def _report(self, client: Client) -> None:
        request_id = new_id()
        text = f"{self._mark}: 楼道有焦味 {request_id}"
        request = pb.ReportIncidentRequest(
            district=district.CODE,
            kind=self._rng.choice(IncidentKind.keys()),
            text=text,
            location=self._rng.choice(self._cells).middle,
            request_id=request_id,
        )
        answer = await client.emergency.ReportIncident(request, metadata=await self._callers["citizen"].metadata())
        self._known[text] = answer.report.incident
        self._reported.append(answer.report.incident)

    async def _dismiss(self, client: Client) -> None:
        name = self._reported.popleft()
        try:
            await self._dismiss_named(client, name)
        except grpc.aio.AioRpcError:
            self._unsure.append(name)
            raise

    async def _dismiss_named(self, client: Client, name: str) -> None:
        request = methods.DismissIncidentRequest(name=name, reason="误报", request_id=new_id())
        await client.emergency.DismissIncident(request, metadata=await self._callers["commander"].metadata())

    async def _list(self, client: Client) -> None:
        community = self._rng.choice(list(district.communities()))
        request = pb.ListIncidentsRequest(place=community)
        await client.emergency.ListIncidents(request, metadata=await self._callers["commander"].reading())

    async def _ingest(self, client: Client) -> None:
        """Send a reading of each sensor on a stream of its own; without an answer again, as gateways do."""
        self._batch += 1
        now_ms = int(time.time() * 1_000)
        readings = [
            sensors.Reading(device=device, time_ms=now_ms, sequence=self._batch, value=0.0) for device in self._devices
        ]
        batch = sensors.IngestReadingsRequest(district=district.CODE, batch=1, readings=readings)
        await fire.send_readings(client, batch, await self._callers["sensors"].metadata(), within_s=10)

    async def _listed(self, client: Client) -> Counter[tuple[str, str]]:
        """Text and name of this run's incidents, as the command centre's list of dismissed ones has them."""
        request = pb.ListIncidentsRequest(place=district.CODE, states=[INCIDENT_STATE_DISMISSED], page_size=500)

        async def page(token: str) -> Page:
            request.page_token = token
            answer = await client.emergency.ListIncidents(request, metadata=await self._callers["commander"].reading())
            reports = [(each.text, incident.name) for incident in answer.incidents for each in incident.reports]
            return reports, answer.next_page_token

        return await listed(page, self._mark)
