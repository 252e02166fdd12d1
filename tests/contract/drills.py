"""What the tests of all contracts do with drills."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from onegrid.emergency.v1 import drills_pb2 as pb
from onegrid_demo.loading import STREET

from . import cap_warnings, plans
from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]


def _to_start(district: District, place: str = STREET) -> pb.StartDrillRequest:
    return pb.StartDrillRequest(plan=plans.defined(district).name, place=place, display_name="汛前演练")


def _started(district: District, place: str = STREET) -> str:
    return district.do(_to_start(district, place), "commander", pb.StartDrillResponse).drill.name


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    drill = _started(district, place) if there else f"drills/{place}-{'0' * 20}"
    yield _to_start(district, place)
    yield pb.GetDrillRequest(name=drill)
    yield pb.ListDrillsRequest(place=place)
    yield pb.AcknowledgeDrillTaskRequest(name=f"{drill}/tasks/1")
    yield pb.CompleteDrillTaskRequest(name=f"{drill}/tasks/1", report="x")
    yield pb.TickDrillItemRequest(drill=drill, number=1)
    yield pb.IssueDrillWarningRequest(drill=drill, content=cap_warnings.content())
    yield pb.EndDrillRequest(name=drill, summary="x")


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    for _ in range(4):
        _started(district)
    return {"ListDrills": (pb.ListDrillsRequest(place=DISTRICT), pb.ListDrillsRequest(place=STREET))}


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "StartDrill": lambda district: ("commander", _to_start(district)),
    "AcknowledgeDrillTask": lambda district: (
        "centre",
        pb.AcknowledgeDrillTaskRequest(name=f"{_started(district)}/tasks/1"),
    ),
    "CompleteDrillTask": lambda district: (
        "centre",
        pb.CompleteDrillTaskRequest(name=f"{_started(district)}/tasks/1", report="已完成"),
    ),
    "TickDrillItem": lambda district: ("commander", pb.TickDrillItemRequest(drill=_started(district), number=1)),
    "IssueDrillWarning": lambda district: (
        "commander",
        pb.IssueDrillWarningRequest(drill=_started(district), content=cap_warnings.content()),
    ),
    "EndDrill": lambda district: ("commander", pb.EndDrillRequest(name=_started(district), summary="照明不足")),
}
"""For each command who calls it, and with what."""
CHANGES: Mapping[str, Callable[[Any], None]] = {
    "StartDrill": lambda request: setattr(request, "display_name", "别的"),
    "AcknowledgeDrillTask": lambda request: setattr(request, "name", request.name + "0"),
    "CompleteDrillTask": lambda request: setattr(request, "report", "别的"),
    "TickDrillItem": lambda request: setattr(request, "untick", True),
    "IssueDrillWarning": lambda request: setattr(request.content, "headline", "别的"),
    "EndDrill": lambda request: setattr(request, "summary", "别的"),
}
"""Something of each request that can be other without breaking its rules."""
