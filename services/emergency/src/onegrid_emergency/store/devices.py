"""The statements over devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.emergency.v1.sensors_pb2 import DeviceCondition
from onegrid_emergency.sensing.device import Configuration, Device
from onegrid_emergency.sensing.judging import FIRST, State
from onegrid_emergency.store.sensing_documents import rules_document, rules_of, state_of
from onegrid_emergency.tables import device, device_state
from onegrid_kit import codes
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = [
    "Known",
    "devices_page",
    "find_device",
    "insert_device",
    "known_of",
    "retire_device",
    "select_known",
    "update_device",
]


@dataclass(frozen=True, slots=True)
class Known:
    """A device and what is known of it."""

    device: Device
    version: int
    """That of the state."""
    state: State
    silent: bool
    receive_time: datetime | None
    """When a reading of it arrived last."""
    due_time: datetime | None
    """When it must be looked at, if no reading comes; None if it need not."""
    incident: str
    """The id of the incident of its last alarm; empty before the first."""

    @property
    def condition(self) -> DeviceCondition:
        """How it is doing."""
        return DeviceCondition.DEVICE_CONDITION_SILENT if self.silent else self.state.condition


def select_known() -> Select[Any]:
    """The rows that `known_of` reads."""
    state = [each for each in device_state.c if each.name not in ("district", "device", "version", "silent_after")]
    return select(*device.c, device_state.c.version.label("state_version"), *state).join_from(
        device,
        device_state,
        and_(device.c.district == device_state.c.district, device.c.id == device_state.c.device),
    )


def known_of(row: Any) -> Known:
    """The device in a row."""
    return Known(
        device=Device(
            district=row.district,
            id=row.id,
            version=row.version,
            configuration=Configuration(
                display_name=row.display_name,
                kind=row.kind,
                place=row.place,
                location=None if row.longitude is None else Location(row.longitude, row.latitude),
                unit=row.unit,
                owner=row.owner,
                interval=row.interval,
                rules=None if row.rules is None else rules_of(row.rules),
            ),
            create_time=row.create_time,
            retire_time=row.retire_time,
        ),
        version=row.state_version,
        state=state_of(row),
        silent=row.silent,
        receive_time=row.receive_time,
        due_time=row.due_time,
        incident=row.incident,
    )


def insert_device(conn: Connection, new: Device) -> bool:
    """Store a new device; whether there was none of that name."""
    key = {"district": new.district, "id": new.id}
    values = {**key, "version": new.version, "create_time": new.create_time, **_columns(new.configuration)}
    if not conn.execute(insert(device).values(values).on_conflict_do_nothing()).rowcount:
        return False
    silent_after = new.configuration.silent_after
    conn.execute(
        insert(device_state).values(
            district=new.district,
            device=new.id,
            version=1,
            time_ms=FIRST.time,
            sequence=FIRST.sequence,
            value=FIRST.value,
            value_since_ms=FIRST.value_since,
            condition=FIRST.condition,
            silent=False,
            silent_after=silent_after,
            due_time=new.create_time + silent_after,
            incident="",
        )
    )
    return True


def find_device(conn: Connection, id_: str, *, lock: bool = False) -> Known | None:
    """The device of that id; locked until the transaction ends, if it is to be changed."""
    query = select_known().where(device.c.district == codes.district_of(id_), device.c.id == id_)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else known_of(row)


def update_device(conn: Connection, changed: Device, due_time: datetime | None) -> None:
    """Store a changed configuration. Whoever judged by the one before judges again."""
    _store(conn, changed, _columns(changed.configuration), {"due_time": due_time})


def retire_device(conn: Connection, retired: Device) -> None:
    """Store that a device is no longer in use."""
    _store(conn, retired, {"retire_time": retired.retire_time}, {"due_time": None})


def devices_page(
    conn: Connection, place: str, conditions: Sequence[DeviceCondition], after: Position, limit: int
) -> list[Known]:
    """The devices in a place, in any of the conditions or in all, by their ids."""
    query = select_known().where(device.c.district == codes.district_of(place), behind(after, device.c.id))
    if not codes.is_district(place):
        query = query.where(device.c.place >= place, device.c.place < place + "~")
    if conditions:
        silent = DeviceCondition.DEVICE_CONDITION_SILENT
        query = query.where(case((device_state.c.silent, silent), else_=device_state.c.condition).in_(conditions))
    return [known_of(row) for row in conn.execute(query.order_by(device.c.id).limit(limit))]


def _store(conn: Connection, changed: Device, values: dict[str, Any], state: dict[str, Any]) -> None:
    own = (device.c.district == changed.district, device.c.id == changed.id)
    conn.execute(device.update().where(*own).values(version=changed.version, **values))
    its = (device_state.c.district == changed.district, device_state.c.device == changed.id)
    silent_after = changed.configuration.silent_after
    conn.execute(
        device_state.update().where(*its).values(version=device_state.c.version + 1, silent_after=silent_after, **state)
    )


def _columns(of: Configuration) -> dict[str, Any]:
    return {
        "kind": of.kind,
        "display_name": of.display_name,
        "place": of.place,
        "longitude": of.location.longitude if of.location else None,
        "latitude": of.location.latitude if of.location else None,
        "unit": of.unit,
        "owner": of.owner,
        "interval": of.interval,
        "rules": None if of.rules is None else rules_document(of.rules),
    }
