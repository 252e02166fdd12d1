"""What identity announces again to who comes later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import DepartmentDefined, DeviceKeyDefined, RoleGranted, UserDefined
from onegrid_identity import messages, store
from onegrid_identity.accounts import USER
from onegrid_identity.store import devices
from onegrid_kit import codes
from onegrid_kit.announcing import Current
from onegrid_kit.paging import Position

__all__ = ["CURRENT"]


def accounts(conn: Connection, _: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    """The accounts."""
    page = store.all_accounts(conn, after, limit)
    return [((each.id,), each.name, messages.user_defined(each)) for each in page]


def grants(conn: Connection, now: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    """The grants that are in effect or will be."""
    page = store.all_grants(conn, now, after, limit)
    return [((grant.user, grant.id), USER.name(grant.user), messages.role_granted(grant, role)) for role, grant in page]


def departments(conn: Connection, _: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    """The departments."""
    page = store.all_departments(conn, after, limit)
    return [((codes.district_of(each.code), each.code), each.name, messages.department_defined(each)) for each in page]


def device_keys(conn: Connection, _: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    """The keys of devices, the revoked ones too: what they signed may still arrive."""
    page = devices.all_device_keys(conn, after, limit)
    return [((each.id,), each.name, messages.device_key_defined(each)) for each in page]


CURRENT = (
    Current(DepartmentDefined, departments),
    Current(UserDefined, accounts),
    Current(RoleGranted, grants),
    Current(DeviceKeyDefined, device_keys),
)
