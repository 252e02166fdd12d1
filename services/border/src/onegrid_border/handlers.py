"""What border does when others announce something."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import ShiftCancelled, ShiftChanged, ShiftScheduled
from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid_border.commands.looking import look_soon
from onegrid_border.commands.shifts import follow_shift
from onegrid_border.shift import Shift
from onegrid_border.store import cells, patrols, shifts
from onegrid_kit.events import Delivery, on
from onegrid_kit.field.device_keys import DeviceKey, keep_device_key

__all__ = ["HANDLERS"]

_JUDGED_ANEW: Final = timedelta(days=30)


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Know the code of a cell: it is no old identity number, though it has as many digits."""
    cells.keep_cell(conn, event.code, event.version)


def keep_key(conn: Connection, event: DeviceKeyDefined, delivery: Delivery) -> None:
    """Know a device's key. What it signed after it was lost is judged anew."""
    key = DeviceKey(
        name=event.device_key,
        place=event.place,
        public_key=event.public_key,
        lost_time=event.lost_time.ToDatetime(UTC) if event.HasField("lost_time") else None,
        revoke_time=event.revoke_time.ToDatetime(UTC) if event.HasField("revoke_time") else None,
    )
    if keep_device_key(conn, key, event.version):
        look_soon(conn, patrols.recent_of(conn, key.name, delivery.time - _JUDGED_ANEW), delivery.time)


def keep_shift(conn: Connection, event: ShiftScheduled | ShiftChanged | ShiftCancelled, delivery: Delivery) -> None:
    """Have the patrols of a shift follow it."""
    shift = Shift(
        name=event.shift.name,
        version=event.shift.revision,
        roster=event.shift.roster,
        user=event.shift.user,
        begin=event.shift.begin_time.ToDatetime(UTC),
        end=event.shift.end_time.ToDatetime(UTC),
        cancelled=isinstance(event, ShiftCancelled),
    )
    if shifts.keep_shift(conn, shift):
        follow_shift(conn, shift, delivery.call())


HANDLERS = (
    on("keep_cell", CellDefined, keep_cell),
    on("keep_device_key", DeviceKeyDefined, keep_key),
    on("keep_scheduled_shift", ShiftScheduled, keep_shift),
    on("keep_changed_shift", ShiftChanged, keep_shift),
    on("keep_cancelled_shift", ShiftCancelled, keep_shift),
)
