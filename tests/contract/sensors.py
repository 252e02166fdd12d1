"""What the tests of all contracts do with sensors and the video platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from onegrid.emergency.v1 import sensors_pb2 as pb
from onegrid.identity.v1 import identity_service_pb2 as identity_pb

from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_LINK = "https://video.example.cn/events/7"


def _configuration(district: District, place: str) -> pb.DeviceConfiguration:
    """Of a device whose readings the administrator sends."""
    caller = district.do(identity_pb.GetCallerRequest(), "admin", identity_pb.GetCallerResponse).user.name
    return pb.DeviceConfiguration(
        display_name="烟感",
        kind=pb.DeviceKind.DEVICE_KIND_SMOKE,
        place=place,
        owner=caller,
        interval=Duration(seconds=86_400),
    )


def _registration(district: District, device_id: str, place: str = DISTRICT) -> pb.RegisterDeviceRequest:
    configuration = _configuration(district, place)
    return pb.RegisterDeviceRequest(district=DISTRICT, device_id=device_id, configuration=configuration)


def _registered(district: District, device_id: str, place: str = DISTRICT) -> pb.Device:
    """The device, which may be there already."""
    request = _registration(district, device_id, place)
    outcome = district.attempt(request, "admin")
    if outcome.ok:
        return pb.RegisterDeviceResponse.FromString(outcome.answer).device
    assert outcome.code is grpc.StatusCode.ALREADY_EXISTS
    name = f"devices/{DISTRICT}-{device_id}"
    found = district.do(pb.ListDevicesRequest(place=DISTRICT, page_size=500), "admin", pb.ListDevicesResponse)
    return next(each for each in found.devices if each.name == name)


def _video(place: str = "") -> pb.ReportVideoEventRequest:
    kind = pb.VideoEventKind.VIDEO_EVENT_KIND_FIRE
    return pb.ReportVideoEventRequest(district=DISTRICT, kind=kind, link=_LINK, place=place, confidence=0.9)


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    device_id = f"at-{place}"
    name = _registered(district, device_id, place).name if there else f"devices/{DISTRICT}-nowhere"
    yield _registration(district, device_id if there else "nowhere", place)
    yield pb.UpdateDeviceRequest(name=name, configuration=_configuration(district, place))
    yield pb.RetireDeviceRequest(name=name)
    yield pb.ListDevicesRequest(place=place)
    yield pb.ListAlarmsRequest(device=name)
    yield pb.IngestReadingsRequest(district=DISTRICT)
    yield _video(place)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    names = [_registered(district, f"listed-{number}").name for number in range(4)]
    at = int(datetime.now(UTC).timestamp() * 1_000) - 60_000
    sequence = at // 10 % 2**31
    readings = [
        pb.Reading(device=names[0], time_ms=at + number, sequence=sequence + number, value=number % 2)
        for number in range(8)
    ]
    # The first one waits for those that are missing before it, by the device's time.
    later = pb.Reading(device=names[0], time_ms=at + 20_000, sequence=sequence + 8, value=0)
    request = pb.IngestReadingsRequest(district=DISTRICT, readings=[*readings, later])
    district.do(request, "admin", pb.IngestReadingsResponse)
    return {
        "ListDevices": (
            pb.ListDevicesRequest(place=DISTRICT),
            pb.ListDevicesRequest(place=DISTRICT, conditions=[pb.DeviceCondition.DEVICE_CONDITION_UNSPECIFIED]),
        ),
        "ListAlarms": (pb.ListAlarmsRequest(device=names[0]), pb.ListAlarmsRequest(device=names[1])),
    }


def _updated(district: District) -> tuple[str, Message]:
    found = _registered(district, "repeated")
    configuration = _configuration(district, DISTRICT)
    return "admin", pb.UpdateDeviceRequest(name=found.name, configuration=configuration, etag=found.etag)


def _retired(district: District) -> tuple[str, Message]:
    found = _registered(district, "retired")
    return "admin", pb.RetireDeviceRequest(name=found.name, etag=found.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "RegisterDevice": lambda district: ("admin", _registration(district, "registered-again")),
    "UpdateDevice": _updated,
    "RetireDevice": _retired,
    "ReportVideoEvent": lambda _: ("admin", _video()),
}
"""For each command who calls it with what."""
CHANGES: Mapping[str, Callable[[Any], None]] = {
    "RegisterDevice": lambda request: setattr(request.configuration, "display_name", "别的"),
    "ReportVideoEvent": lambda request: setattr(request, "link", _LINK + "1"),
}
"""Something of each request that can be other without breaking its rules, where it is no display name or etag."""
