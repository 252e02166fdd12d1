"""Patrols for the benchmarks, each with a telephone of its own; what such a telephone records, and how it sends it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, text

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1.records_pb2 import CheckIn, Finish, PatrolRecord, Start, Track
from onegrid.field.v1.field_pb2 import Outcome
from onegrid_border.commands.patrols import new_patrol
from onegrid_border.patrol import GRACE
from onegrid_border.route import Checkpoint, Course, Route
from onegrid_border.store.patrols import insert_patrol
from onegrid_border.store.routes import insert_revision
from onegrid_border.unit import Unit
from onegrid_demo import district
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.field.device_keys import DeviceKey, keep_device_key
from onegrid_kit.locations import Location
from onegrid_kit.testing.devices import Device

__all__ = ["ENTRIES", "CheckIns", "Outing", "keep", "recorded", "store"]

ENTRIES: Final = 200
"""What a telephone has recorded when a patrol is over: one entry a minute, each tenth a check-in, the others where it
was.
"""
_MINUTE: Final = timedelta(minutes=1)
_LONG_BEFORE: Final = timedelta(days=1)
_APART: Final = 10
"""Minutes from one checkpoint to the next."""
_LONGITUDE, _LATITUDE, _STEP = 124.39, 40.02, 0.00054
"""One goes north, 60 m a minute."""
_PLACE: Final = f"{district.CODE}003"
_TIMEOUT_S: Final = 30


@dataclass(frozen=True, slots=True)
class Outing:
    """A patrol that has started when it was to."""

    patrol: str
    """Its name."""
    device: str
    """The name of the telephone that its leader has."""
    key: str
    """The telephone's private key, hexadecimal."""
    start: str
    """When it started, ISO 8601."""


def store(engine: Engine, count: int, start: datetime) -> list[Outing]:
    """Enter so many patrols of one route that are to start then, of which nothing has been recorded yet."""
    call = Call(caller=ANONYMOUS, now=start, method="bench")
    unit = Unit(id=f"{_PLACE}-river", display_name="江桥分队", create_time=start, update_time=start)
    course = Course(
        display_name="东段",
        checkpoints=tuple(_checkpoint(minute) for minute in range(_APART, ENTRIES, _APART)),
        max_speed_kmh=15,
    )
    route = Route(id=f"{_PLACE}-east", course=course, effective_time=start - _LONG_BEFORE, create_time=start)
    outings = []
    with engine.begin() as conn:
        insert_revision(conn, route)
        for _ in range(count):
            patrol = new_patrol(unit, route, "users/patroller1", start, call, grace=GRACE)
            insert_patrol(conn, patrol)
            key, device = Ed25519PrivateKey.generate(), f"deviceKeys/{uuid.uuid4()}"
            public = key.public_key().public_bytes_raw()
            keep_device_key(conn, DeviceKey(name=device, place=_PLACE, public_key=public), 1)
            outings.append(Outing(patrol.name, device, key.private_bytes_raw().hex(), start.isoformat()))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
    return outings


def keep(outings: list[Outing], path: Path) -> None:
    """Write them for a load generator."""
    path.write_text(json.dumps([asdict(each) for each in outings]))


def recorded(outing: Outing, minutes: int = ENTRIES) -> Device:
    """The telephone after so many minutes, with an entry of each."""
    start = datetime.fromisoformat(outing.start)
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(outing.key))
    device = Device(outing.device, key, start - timedelta(hours=1), service="border")
    for minute in range(minutes):
        now = start + minute * _MINUTE
        device.record(
            _record(outing.patrol, minute),
            now,
            position=device.fix(_LONGITUDE, _LATITUDE + minute * _STEP, now),
        )
    return device


class CheckIns:
    """Telephones that have a network again: each sends what it recorded of its patrol, all at once."""

    def __init__(self, channel: grpc.aio.Channel, method: str, token: str, file: str) -> None:
        """`file`: the outings, of which one slice must not use up all."""
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._devices = [recorded(Outing(**each)) for each in json.loads(Path(file).read_text())]
        self._turn = self._turns()

    def caller(self) -> Callable[[], Awaitable[str]]:
        """One of the callers."""
        return self._step

    async def _step(self) -> str:
        batch = next(self._turn).batch(datetime.now(UTC))
        request = pb.AppendEntriesRequest(batch=batch).SerializeToString()
        raw = await self._call(request, metadata=self._metadata, timeout=_TIMEOUT_S)
        results = pb.AppendEntriesResponse.FromString(raw).result.results
        if [each.outcome for each in results] != [Outcome.OUTCOME_STORED] * ENTRIES:
            raise SystemExit(f"not all was stored: {results[0]}; or more was sent than there are outings")
        return "batch"

    def _turns(self) -> Iterator[Device]:
        while True:
            yield from self._devices


def _record(patrol: str, minute: int) -> PatrolRecord:
    if minute == 0:
        return PatrolRecord(patrol=patrol, start=Start())
    if minute == ENTRIES - 1:
        return PatrolRecord(patrol=patrol, finish=Finish())
    if minute % _APART == 0:
        return PatrolRecord(patrol=patrol, check_in=CheckIn(checkpoint=f"mark-{minute}"))
    return PatrolRecord(patrol=patrol, track=Track())


def _checkpoint(minute: int) -> Checkpoint:
    return Checkpoint(
        id=f"mark-{minute}",
        display_name=f"界桩{minute}",
        location=Location(_LONGITUDE, _LATITUDE + minute * _STEP),
        tolerance_m=50,
        due=minute * _MINUTE,
        tolerance=10 * _MINUTE,
    )
