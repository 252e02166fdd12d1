"""What grid workers do in these tests: devices in the field, rounds, and what they send."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import Point, Polygon
from onegrid.field.v1.field_pb2 import BatchResult
from onegrid.grid.v1 import records_pb2
from onegrid.grid.v1.findings_pb2 import Finding
from onegrid.grid.v1.grid_service_pb2 import NewCell
from onegrid.grid.v1.records_pb2 import RoundRecord
from onegrid.grid.v1.rounds_pb2 import Round, RoundEntry
from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid_grid.main import SERVICE
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.ladders import climb_due

from .people import CELL, COMMANDER, COMMUNITY, DISTRICT, KEEPER, NEXT_CELL, STREET, WORKER

__all__ = ["HERE", "NEXT", "NOWHERE", "Outside", "new_round"]

HERE, NEXT, NOWHERE = (124.395, 40.125), (124.405, 40.125), (124.5, 40.5)
"""Places in the cell, in the next one, and in none."""
_TABLE = f"code,name,level\n{DISTRICT},元宝区,district\n{STREET},广济街道,street\n{COMMUNITY},朝凤社区,community\n"


def new_round(cell: str = CELL) -> str:
    """The name of a round that nothing was recorded of."""
    return f"rounds/{cell}-{uuid.uuid4().hex}"


@dataclass
class Outside:
    """The world outside: time passes, people walk and record, and send what they have."""

    api: Serving
    engine: Engine
    clock: SettableClock
    events: Events

    async def prepare(self) -> None:
        """Enter two cells that lie side by side."""
        await self.api.call(KEEPER, "ImportDivisions", district=DISTRICT, csv=_TABLE.encode())
        cells = [
            NewCell(code=code, display_name=code[-3:], boundary=_square(west))
            for code, west in ((CELL, 124.39), (NEXT_CELL, 124.4))
        ]
        await self.api.call(KEEPER, "BatchCreateCells", parent=COMMUNITY, cells=cells)

    def device(self, place: str = STREET, **fields: Any) -> Device:
        """A new telephone of which identity has told."""
        name = f"deviceKeys/{uuid.uuid4()}"
        booted = self.clock.now() - timedelta(hours=9)
        device = Device(name, Ed25519PrivateKey.generate(), booted, service="grid", **fields)
        self.announce(device, place)
        return device

    def announce(self, device: Device, place: str = STREET, version: int = 1, **fields: Any) -> None:
        """Tell of a device as identity does."""
        given = {"device_key": device.name, "place": place, "public_key": device.public_key, "version": version}
        self.events.deliver(DeviceKeyDefined(**given, **fields))
        self.look()

    def record(
        self, device: Device, name: str, kind: str, at: tuple[float, float] | None = None, /, **fields: Any
    ) -> bytes:
        """Record something of a round on a device, there."""
        content: dict[str, Any] = {kind: _RECORDS[kind](**fields)}
        now = self.clock.now()
        position = device.fix(*at, now) if at else None
        return device.record(RoundRecord(round=name, **content), now, author=WORKER.user, position=position)

    async def send(self, device: Device, *entries: bytes, caller: Caller = WORKER) -> BatchResult:
        """Send these entries, or all that a device has, and have them judged."""
        batch = device.batch(self.clock.now(), entries or None)
        result: BatchResult = (await self.api.call(caller, "AppendEntries", batch=batch)).result
        self.look()
        return result

    def look(self) -> None:
        """Have all that is due happen."""
        climb_due(SERVICE, self.engine, self.clock)

    def wait(self, **time: float) -> datetime:
        """Let time pass."""
        self.clock.set(self.clock.now() + timedelta(**time))
        return self.clock.now()

    async def round(self, name: str, caller: Caller = COMMANDER) -> Round:
        """The round as it is now."""
        found: Round = (await self.api.call(caller, "GetRound", name=name)).round
        return found

    async def rounds(self, parent: str = DISTRICT, **fields: Any) -> list[Round]:
        """Rounds, the last one first."""
        return list((await self.api.call(COMMANDER, "ListRounds", parent=parent, **fields)).rounds)

    async def entries(self, name: str) -> list[RoundEntry]:
        """The entries of a round."""
        return list((await self.api.call(COMMANDER, "ListRoundEntries", round=name)).entries)

    async def findings(self, parent: str = DISTRICT, **fields: Any) -> list[Finding]:
        """What was found, the newest first."""
        return list((await self.api.call(COMMANDER, "ListFindings", parent=parent, **fields)).findings)


def _square(west: float) -> Polygon:
    corners = ((west, 40.12), (west + 0.01, 40.12), (west + 0.01, 40.13), (west, 40.13))
    return Polygon(corners=[Point(longitude=x, latitude=y) for x, y in corners])


_RECORDS = {
    "track": records_pb2.RoundTrack,
    "start": records_pb2.RoundStart,
    "visit": records_pb2.Visit,
    "find": records_pb2.Find,
    "finish": records_pb2.RoundFinish,
}
