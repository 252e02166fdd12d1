"""What a service with a field log hears of identity: it takes this handler among its own, and identity's contract names
it as a subscriber.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid_kit.events import Delivery, Subscription, on
from onegrid_kit.field.device_keys import DeviceKey, keep_device_key

__all__ = ["keeping_device_keys"]


def keeping_device_keys(then: Callable[[Connection, DeviceKey, Delivery], None] | None = None) -> Subscription:
    """Know whose signatures are whose, and since when they are doubted.

    `then`: what follows in the same transaction, each time that something new is known of a key.
    """

    def keep_key(conn: Connection, event: DeviceKeyDefined, delivery: Delivery) -> None:
        key = DeviceKey(
            name=event.device_key,
            place=event.place,
            public_key=event.public_key,
            lost_time=_moment(event.lost_time) if event.HasField("lost_time") else None,
            revoke_time=_moment(event.revoke_time) if event.HasField("revoke_time") else None,
        )
        if keep_device_key(conn, key, event.version) and then is not None:
            then(conn, key, delivery)

    return on("keep_device_key", DeviceKeyDefined, keep_key)


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)
