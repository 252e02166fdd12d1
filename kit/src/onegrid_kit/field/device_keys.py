"""The keys of devices, as identity announces them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, DateTime, LargeBinary, MetaData, Table, Text, Uuid, select

from onegrid_kit import codes
from onegrid_kit.field.errors import DeviceKeyUnknown
from onegrid_kit.field.model import DEVICE_KEY
from onegrid_kit.projections import keep_newest

__all__ = ["DeviceKey", "find_device_key", "keep_device_key"]

_TABLE = Table(
    "field_device_key",
    MetaData(),
    Column("device_key", Uuid(as_uuid=False), primary_key=True),
    Column("place", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("lost_time", DateTime(timezone=True)),
    Column("revoke_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """The key of a device."""

    name: str
    """``deviceKeys/{device_key}``."""
    place: str
    """The code of the place or department that keeps the device."""
    public_key: bytes
    """Ed25519, 32 bytes."""
    lost_time: datetime | None = None
    """Since when what it signs may be others'."""
    revoke_time: datetime | None = None
    """The same, for good."""

    @property
    def district(self) -> str:
        """The code of the district that keeps its log."""
        return codes.district_of(self.place)


def keep_device_key(conn: Connection, key: DeviceKey, version: int) -> bool:
    """Store what identity announced of a key, unless something newer is known; whether it was stored."""
    values = {
        "place": key.place,
        "public_key": key.public_key,
        "lost_time": key.lost_time,
        "revoke_time": key.revoke_time,
    }
    return keep_newest(conn, _TABLE, {"device_key": DEVICE_KEY.id(key.name)}, version, values)


def find_device_key(conn: Connection, name: str) -> DeviceKey:
    """The key of that name, which the contract's pattern admits. Raises DeviceKeyUnknown."""
    row = conn.execute(select(_TABLE).where(_TABLE.c.device_key == DEVICE_KEY.id(name))).one_or_none()
    if row is None:
        raise DeviceKeyUnknown(name)
    return DeviceKey(
        name=name,
        place=row.place,
        public_key=row.public_key,
        lost_time=row.lost_time,
        revoke_time=row.revoke_time,
    )
