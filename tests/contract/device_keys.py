"""What the tests of all contracts do with the keys of devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from onegrid.identity.v1 import devices_pb2 as pb
from onegrid_demo.loading import STREET
from onegrid_kit.testing.devices import Device

from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "enrolled", "enrolling", "lists", "telephone", "with_a_key"]


def enrolling(district: District, place: str = DISTRICT) -> pb.EnrolDeviceRequest:
    """A request to enrol a device, which is not sent yet."""
    create = pb.CreateDeviceEnrolmentRequest(place=place, display_name="手机")
    made = district.do(create, "admin", pb.CreateDeviceEnrolmentResponse)
    request = pb.EnrolDeviceRequest(enrolment=made.enrolment.name, code=made.code)
    with_a_key(request)
    return request


def with_a_key(request: pb.EnrolDeviceRequest) -> Ed25519PrivateKey:
    """Give the request a new key, and the proof of it; the key."""
    private = Ed25519PrivateKey.generate()
    request.public_key = private.public_key().public_bytes_raw()
    signed = b"\0".join((b"onegrid.identity.v1.EnrolDevice", request.enrolment.encode(), request.public_key))
    request.proof = private.sign(signed)
    return private


def enrolled(district: District, place: str = DISTRICT) -> pb.DeviceKey:
    """The key of a new device."""
    return district.do(enrolling(district, place), "grid", pb.EnrolDeviceResponse).device_key


def telephone(district: District, place: str, service: str) -> Device:
    """A new telephone of the place, which identity knows, and which records for a service."""
    request = enrolling(district, place)
    key = with_a_key(request)
    name = district.do(request, "grid", pb.EnrolDeviceResponse).device_key.name
    return Device(name, key, datetime.now(UTC) - timedelta(hours=1), service=service)


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about a device of the place, which exists or not."""
    name = enrolled(district, place).name if there else "deviceKeys/0192f0c1-7a3e-7b1c-9d2e-5f60718293a4"
    yield pb.CreateDeviceEnrolmentRequest(place=place, display_name="x")
    yield pb.GetDeviceKeyRequest(name=name)
    yield pb.ListDeviceKeysRequest(place=place)
    for etag in ("", "9999"):
        yield pb.ReportDeviceLostRequest(name=name, etag=etag)
        yield pb.ReportDeviceFoundRequest(name=name, etag=etag)
        yield pb.RevokeDeviceKeyRequest(name=name, reason="x", etag=etag)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    for place in (DISTRICT, STREET, STREET):
        enrolled(district, place)
    active = [pb.DEVICE_KEY_STATE_ACTIVE]
    return {
        "ListDeviceKeys": (
            pb.ListDeviceKeysRequest(place=DISTRICT),
            pb.ListDeviceKeysRequest(place=STREET, states=active),
        )
    }


def losing(district: District) -> tuple[str, Message]:
    key = enrolled(district)
    return "commander", pb.ReportDeviceLostRequest(name=key.name, etag=key.etag)


def finding(district: District) -> tuple[str, Message]:
    caller, request = losing(district)
    key = district.do(request, caller, pb.ReportDeviceLostResponse).device_key
    return "commander", pb.ReportDeviceFoundRequest(name=key.name, etag=key.etag)


def revoking(district: District) -> tuple[str, Message]:
    key = enrolled(district)
    return "commander", pb.RevokeDeviceKeyRequest(name=key.name, reason="换机。", etag=key.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "CreateDeviceEnrolment": lambda _: (
        "commander",
        pb.CreateDeviceEnrolmentRequest(place=DISTRICT, display_name="手机"),
    ),
    "EnrolDevice": lambda district: ("grid", enrolling(district)),
    "ReportDeviceLost": losing,
    "ReportDeviceFound": finding,
    "RevokeDeviceKey": revoking,
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {"EnrolDevice": with_a_key}  # type: ignore[dict-item]
"""Something of each request that can be other without breaking its rules."""
