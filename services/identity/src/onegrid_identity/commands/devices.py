"""Devices: enrolled, lost, found, revoked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from onegrid_identity import messages
from onegrid_identity.commands import places
from onegrid_identity.devices import DEVICE_KEY, DeviceKey, Enrolment
from onegrid_identity.errors import DeviceKeyExists, EnrolmentRejected
from onegrid_identity.store import devices as store
from onegrid_kit import ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound, PermissionDenied
from onegrid_kit.etags import require_fresh

__all__ = [
    "EnrolDevice",
    "count_wrong_code",
    "create_enrolment",
    "enrol",
    "report_found",
    "report_lost",
    "require_visible",
    "revoke",
]


@dataclass(frozen=True, slots=True)
class EnrolDevice:
    """A device that has proved that it has the private key."""

    enrolment: str
    """The enrolment's id."""
    code_index: bytes
    public_key: bytes


def create_enrolment(conn: Connection, new: Enrolment) -> Enrolment:
    """Let one device get a key. Raises ScopeUnknown."""
    places.require_known(conn, new.place)
    store.insert_enrolment(conn, new)
    return new


def count_wrong_code(conn: Connection, command: EnrolDevice) -> None:
    """Count the code if it is wrong: in a transaction of its own before that of `enrol`, which is undone then."""
    store.count_wrong_code(conn, command.enrolment, command.code_index)


def enrol(conn: Connection, command: EnrolDevice, call: Call) -> DeviceKey:
    """Use the enrolment up and enter the device's key. Raises EnrolmentRejected or DeviceKeyExists."""
    enrolment = store.lock_enrolment(conn, command.enrolment)
    if enrolment is None or not enrolment.admits(command.code_index, call.now):
        raise EnrolmentRejected
    store.use_enrolment(conn, enrolment.id)
    new = DeviceKey(
        id=str(ids.new_event_id()),
        place=enrolment.place,
        display_name=enrolment.display_name,
        public_key=command.public_key,
        create_time=call.now,
        update_time=call.now,
    )
    if not store.insert_device_key(conn, new):
        raise DeviceKeyExists
    return _announce(conn, new, call)


def report_lost(conn: Connection, key: str, since: datetime | None, etag: str, call: Call) -> DeviceKey:
    """Report that a device is lost since then, or since now.

    Raises InvalidRequest for a time to come, PermissionDenied, NotFound, StaleEtag or WrongState.
    """
    if since is not None and since > call.now:
        raise InvalidRequest(FieldViolation("lost_time", "lies in the future"))
    return _change(conn, key, etag, lambda before: before.lost(since or call.now, call.now), call)


def report_found(conn: Connection, key: str, etag: str, call: Call) -> DeviceKey:
    """Report that a lost device is back. Raises PermissionDenied, NotFound, StaleEtag or WrongState."""
    return _change(conn, key, etag, lambda before: before.found(call.now), call)


def revoke(conn: Connection, key: str, reason: str, etag: str, call: Call) -> DeviceKey:
    """Revoke the key of a device for good. Raises PermissionDenied, NotFound, StaleEtag or WrongState."""
    return _change(conn, key, etag, lambda before: before.revoked(reason, call.now), call)


def require_visible(conn: Connection, key: str, call: Call, *, lock: bool = False) -> DeviceKey:
    """The key, if the caller holds the permission over its place. Raises NotFound or PermissionDenied."""
    found = store.find_device_key(conn, key, lock=lock)
    if found is None:
        # Who may see every key of their district learns that there is none of this name.
        if call.caller.may(call.permission, call.caller.district):
            raise NotFound(DEVICE_KEY.name(key))
        raise PermissionDenied(call.permission)
    call.caller.require(call.permission, found.place)
    return found


def _change(conn: Connection, key: str, etag: str, changed: Callable[[DeviceKey], DeviceKey], call: Call) -> DeviceKey:
    before = require_visible(conn, key, call, lock=True)
    require_fresh(before.name, str(before.version), etag)
    after = changed(before)
    if after == before:
        return before
    store.save_device_key(conn, after)
    return _announce(conn, after, call)


def _announce(conn: Connection, key: DeviceKey, call: Call) -> DeviceKey:
    outbox.append(conn, call, [(key.name, messages.device_key_defined(key))])
    return key
