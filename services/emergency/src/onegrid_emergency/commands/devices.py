"""What can be done with devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from onegrid_emergency.commands import alarms
from onegrid_emergency.sensing.device import DEVICE, Configuration, Device
from onegrid_emergency.sensing.silence import silent_from
from onegrid_emergency.store import devices as store
from onegrid_emergency.store.devices import Known
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import AlreadyExists, FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh

__all__ = ["UpdateDevice", "accessible_device", "register_device", "retire_device", "update_device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateDevice:
    """A device's new configuration."""

    id: str
    configuration: Configuration
    etag: str


def register_device(conn: Connection, district: str, device_id: str, configuration: Configuration, call: Call) -> Known:
    """Register a device. Raises InvalidRequest or AlreadyExists."""
    id_ = f"{district}-{device_id}"
    _require_inside(district, configuration)
    new = Device(district=district, id=id_, version=1, configuration=configuration, create_time=call.now)
    if not store.insert_device(conn, new):
        raise AlreadyExists(DEVICE.name(id_))
    return _found(conn, id_)


def update_device(conn: Connection, command: UpdateDevice, call: Call) -> tuple[Known, int]:
    """Replace what is configured of a device; it, and how many alarms that cleared. Raises NotFound, PermissionDenied,
    StaleEtag or InvalidRequest.
    """
    before = accessible_device(conn, command.id, call, lock=True)
    _require_inside(before.device.district, command.configuration)
    call.caller.require(call.permission, command.configuration.place)
    require_fresh(DEVICE.name(command.id), str(before.device.version), command.etag)
    changed = replace(before.device, version=before.device.version + 1, configuration=command.configuration)
    store.update_device(conn, changed, _due_time(before, changed, call.now))
    kept = {each.name for each in command.configuration.effective_rules.thresholds}
    cleared = alarms.clear_others(conn, before, kept, call)
    return _found(conn, command.id), cleared


def retire_device(conn: Connection, id_: str, etag: str, call: Call) -> tuple[Known, int]:
    """End the use of a device; it, and how many alarms that cleared. Raises NotFound, PermissionDenied or StaleEtag."""
    before = accessible_device(conn, id_, call, lock=True)
    require_fresh(DEVICE.name(id_), str(before.device.version), etag)
    cleared = 0
    if before.device.retire_time is None:
        store.retire_device(conn, replace(before.device, version=before.device.version + 1, retire_time=call.now))
        cleared = alarms.clear_others(conn, before, set(), call)
    return _found(conn, id_), cleared


def accessible_device(conn: Connection, id_: str, call: Call, *, lock: bool = False) -> Known:
    """The device, if the caller may do with it what is asked. Raises NotFound or PermissionDenied."""
    found = call.existing(store.find_device(conn, id_, lock=lock), DEVICE, id_)
    call.caller.require(call.permission, found.device.configuration.place)
    return found


def _found(conn: Connection, id_: str) -> Known:
    found = store.find_device(conn, id_)
    if found is None:
        raise NotFound(DEVICE.name(id_))
    return found


def _require_inside(district: str, configuration: Configuration) -> None:
    if not codes.contains(district, configuration.place):
        raise InvalidRequest(FieldViolation("configuration.place", f"lies outside of {district}"))


def _due_time(before: Known, changed: Device, now: datetime) -> datetime | None:
    if changed.retire_time is not None or before.silent:
        return None
    # Counted anew: under the new interval it may have been silent for long.
    return silent_from(now, now, changed.configuration.silent_after)
