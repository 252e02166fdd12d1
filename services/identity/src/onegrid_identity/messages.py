"""Between the contract's messages and identity's records."""

from __future__ import annotations

from datetime import UTC

from onegrid.identity.v1 import devices_pb2, resources_pb2
from onegrid.identity.v1 import identity_service_pb2 as pb
from onegrid.identity.v1.events_pb2 import DepartmentDefined, DeviceKeyDefined, RoleGranted, UserDefined
from onegrid_identity.accounts import ROLE, USER, Account, Department, Grant, Role, elevation_of
from onegrid_identity.devices import DeviceKey, Enrolment
from onegrid_kit.callers import Period
from onegrid_kit.cipher import Cipher
from onegrid_kit.timestamps import timestamp

__all__ = [
    "NAME_PURPOSE",
    "PHONE_PURPOSE",
    "address_digest",
    "department",
    "department_defined",
    "device_enrolment",
    "device_key",
    "device_key_defined",
    "grant",
    "open_phone",
    "period",
    "phone_index",
    "role",
    "role_granted",
    "seal_name",
    "seal_phone",
    "user",
    "user_defined",
]

NAME_PURPOSE = "identity.display_name"
"""What names are encrypted for; part of their key."""
PHONE_PURPOSE = "identity.phone"
"""What telephone numbers are encrypted for."""

_ADDRESS_PURPOSE = "identity.address"


def seal_name(name: str, cipher: Cipher) -> bytes:
    """The display name as it is stored."""
    return cipher.encrypt(name, NAME_PURPOSE)


def seal_phone(phone: str, cipher: Cipher) -> tuple[bytes | None, bytes | None]:
    """The telephone number as it is stored, and what it is found by."""
    if not phone:
        return None, None
    return cipher.encrypt(phone, PHONE_PURPOSE), phone_index(phone, cipher)


def open_phone(of: Account, cipher: Cipher) -> str:
    """The account's telephone number; empty if it has none."""
    return "" if of.sealed_phone is None else cipher.decrypt(of.sealed_phone, PHONE_PURPOSE)


def phone_index(phone: str, cipher: Cipher) -> bytes:
    """What the telephone number is found by."""
    return cipher.blind_index(phone, PHONE_PURPOSE)


def address_digest(address: str, cipher: Cipher) -> bytes:
    """What attempts from an address are counted by; the address itself is not kept."""
    return cipher.blind_index(address, _ADDRESS_PURPOSE)


def user(of: Account, cipher: Cipher) -> resources_pb2.User:
    """The account as a message."""
    return resources_pb2.User(
        name=of.name,
        kind=of.kind,
        display_name=cipher.decrypt(of.sealed_name, NAME_PURPOSE),
        phone=open_phone(of, cipher),
        login=of.login,
        organization=of.organization,
        home=of.home,
        state=of.state,
        etag=str(of.version),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
    )


def user_defined(of: Account) -> UserDefined:
    """The account as others hear of it."""
    return UserDefined(
        user=of.name,
        kind=of.kind,
        district=of.district,
        state=of.state,
        home=of.home,
        version=of.version,
        update_time=timestamp(of.update_time),
        has_phone=of.sealed_phone is not None,
    )


def role_granted(of: Grant, role: Role) -> RoleGranted:
    """The grant as others hear of it."""
    return RoleGranted(user=USER.name(of.user), role=role.name, scope=of.scope, oa_level=role.oa_level, grant=grant(of))


def department_defined(of: Department) -> DepartmentDefined:
    """The department as others hear of it."""
    return DepartmentDefined(code=of.code, display_name=of.display_name, version=of.version)


def department(of: Department) -> resources_pb2.Department:
    """The department as a message."""
    return resources_pb2.Department(
        name=of.name,
        code=of.code,
        display_name=of.display_name,
        etag=str(of.version),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
    )


def role(of: Role) -> resources_pb2.Role:
    """The role as a message."""
    return resources_pb2.Role(
        name=of.name,
        display_name=of.display_name,
        oa_level=of.oa_level,
        permissions=sorted(of.permissions),
        built_in=of.built_in,
        etag=str(of.version),
    )


def period(request: pb.GrantRoleRequest) -> Period:
    """For how long to grant a role."""
    return Period(
        request.begin_time.ToDatetime(UTC) if request.HasField("begin_time") else None,
        request.expire_time.ToDatetime(UTC) if request.HasField("expire_time") else None,
    )


def grant(of: Grant) -> resources_pb2.Grant:
    """The grant as a message."""
    return resources_pb2.Grant(
        name=of.name,
        role=ROLE.name(of.role),
        scope=of.scope,
        create_time=timestamp(of.create_time),
        begin_time=timestamp(of.period.begin),
        expire_time=timestamp(of.period.expire),
        shift="" if elevation_of(of.source) else of.source,
        elevation=elevation_of(of.source),
    )


def device_key(of: DeviceKey) -> devices_pb2.DeviceKey:
    """The key as a message."""
    return devices_pb2.DeviceKey(
        name=of.name,
        place=of.place,
        display_name=of.display_name,
        public_key=of.public_key,
        state=of.state,
        lost_time=timestamp(of.lost_time),
        revoke_time=timestamp(of.revoke_time),
        revoke_reason=of.revoke_reason,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=str(of.version),
    )


def device_key_defined(of: DeviceKey) -> DeviceKeyDefined:
    """The key as others hear of it."""
    return DeviceKeyDefined(
        device_key=of.name,
        place=of.place,
        public_key=of.public_key,
        state=of.state,
        lost_time=timestamp(of.lost_time),
        revoke_time=timestamp(of.revoke_time),
        version=of.version,
        update_time=timestamp(of.update_time),
    )


def device_enrolment(of: Enrolment) -> devices_pb2.DeviceEnrolment:
    """The enrolment as a message."""
    return devices_pb2.DeviceEnrolment(
        name=of.name,
        place=of.place,
        display_name=of.display_name,
        expire_time=timestamp(of.code.expire_time),
    )
