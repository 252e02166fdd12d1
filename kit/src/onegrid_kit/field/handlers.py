"""What a service with a field log hears of identity: it takes these among its own handlers, and identity's contract
names it as a subscriber.
"""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid_kit.events import Delivery, on
from onegrid_kit.field.device_keys import DeviceKey, keep_device_key

__all__ = ["HANDLERS"]


def keep_key(conn: Connection, event: DeviceKeyDefined, _: Delivery) -> None:
    """Know whose signatures are whose, and since when they are doubted."""
    key = DeviceKey(
        name=event.device_key,
        place=event.place,
        public_key=event.public_key,
        lost_time=_moment(event.lost_time) if event.HasField("lost_time") else None,
        revoke_time=_moment(event.revoke_time) if event.HasField("revoke_time") else None,
    )
    keep_device_key(conn, key, event.version)


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)


HANDLERS = (on("keep_device_key", DeviceKeyDefined, keep_key),)
