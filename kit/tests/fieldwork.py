"""Builders of what devices record, and of what is known of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onegrid.common.v1.common_pb2 import Point
from onegrid.field.v1.field_pb2 import Entry, Position, SignedBatch
from onegrid_kit.field.model import Claim, DeviceLog, Logged, Sending, Waypoint, logged
from onegrid_kit.field.signing import entry_hash
from onegrid_kit.locations import Location
from onegrid_kit.testing.devices import Device

SERVICE = "toy"
"""Whose log all devices keep."""
NOON = datetime(2020, 11, 11, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE = Location(124.4, 40.1)
DEGREE_M = 111_194.93
"""Metres in a degree of latitude."""


def a_device(*, booted: datetime = NOON - timedelta(hours=5), skew: timedelta = timedelta(), number: int = 0) -> Device:
    """A new device; those with numbers are the same each time."""
    name = uuid.UUID(int=number, version=4) if number else uuid.uuid4()
    key = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32)) if number else Ed25519PrivateKey.generate()
    return Device(f"deviceKeys/{name}", key, booted, service=SERVICE, skew=skew)


def north(metres: float) -> Location:
    """So far north of HERE."""
    return Location(HERE.longitude, HERE.latitude + metres / DEGREE_M)


def at(device: Device, place: Location, now: datetime, *, accuracy_m: float = 5.0) -> Position:
    """The device's fix of where it is."""
    return device.fix(place.longitude, place.latitude, now, accuracy_m=accuracy_m)


def claiming(number: int, *, proven: bool = False) -> Point:
    """Content by which an entry claims the waypoint of this number. (Any message would do; this one is there.)"""
    return Point(longitude=number, latitude=1 if proven else 0)


NOTHING = Point(longitude=-1)
"""Content that claims nothing."""


def claim_in(entry: Entry) -> Claim | None:
    """What the content claims."""
    content = Point()
    entry.content.Unpack(content)
    return None if content.longitude < 0 else Claim(f"points/{content.longitude:.0f}", bool(content.latitude))


def read(entries: Iterable[bytes], of: Callable[[Entry], Claim | None] = claim_in) -> list[Logged]:
    """Entries as they are judged."""
    return [logged(entry, entry_hash(each), claim=of(entry)) for each in entries for entry in [Entry.FromString(each)]]


def known(
    *sent: tuple[SignedBatch, datetime], missing: Sequence[tuple[int, int]] = (), lost_time: datetime | None = None
) -> DeviceLog:
    """What is known of a device that sent these batches, which arrived then."""
    anchors: dict[str, datetime] = {}
    for batch, time in sent:
        anchor = time - batch.uptime.ToTimedelta()
        anchors[batch.boot_id] = min(anchor, anchors.get(batch.boot_id, anchor))
    sendings = [Sending(batch.boot_id, batch.uptime.ToTimedelta(), batch.newest_counter) for batch, _ in sent]
    return DeviceLog(anchors=anchors, sendings=tuple(sendings), missing=tuple(missing), lost_time=lost_time)


def all_sent(*devices: Device, now: datetime) -> Mapping[str, DeviceLog]:
    """What is known of devices that send all that they have at that moment."""
    return {each.name: known((each.batch(now), now)) if each.entries else DeviceLog() for each in devices}


def a_waypoint(
    number: int,
    place: Location,
    *,
    due: datetime | None = None,
    tolerance: timedelta = 10 * MINUTE,
    least: timedelta = timedelta(),
) -> Waypoint:
    """The waypoint of this number, to be reached to 30 m."""
    return Waypoint(
        point=f"points/{number}", location=place, tolerance_m=30, due_time=due, tolerance=tolerance, least=least
    )
