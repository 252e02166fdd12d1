"""What the tests of all contracts do with grid's inspection rounds."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from google.protobuf.message import Message

from onegrid.grid.v1 import grid_service_pb2 as pb
from onegrid.grid.v1.findings_pb2 import Finding
from onegrid.grid.v1.records_pb2 import Find, FindingKind, RoundRecord, RoundStart, RoundTrack
from onegrid_demo.loading import CELL, STREET
from onegrid_kit.testing.waiting import eventually

from . import device_keys
from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "finding", "lists"]


def walked(district: District, cell: str = CELL) -> str:
    """The name of a new round of a cell, on which something was found."""
    name = f"rounds/{cell}-{uuid.uuid4().hex}"
    device, now = device_keys.telephone(district, DISTRICT, "grid"), datetime.now(UTC)
    found = RoundRecord(find=Find(kind=FindingKind.FINDING_KIND_FIRE_HAZARD, text="楼道堆放杂物"))
    for record in (RoundRecord(start=RoundStart()), RoundRecord(track=RoundTrack()), found):
        record.round = name
        device.record(record, now)
    append = pb.AppendEntriesRequest(batch=device.batch(now))
    # grid hears of devices by events.
    eventually(lambda: district.attempt(append, "grid").reason != "DEVICE_KEY_UNKNOWN")
    query = pb.GetRoundRequest(name=name)
    eventually(lambda: bool(district.do(query, "admin", pb.GetRoundResponse).round.entries))
    return name


def finding(district: District, cell: str = CELL) -> Finding:
    """A new finding."""
    query = pb.ListFindingsRequest(parent=cell, round=walked(district, cell))
    return district.do(query, "admin", pb.ListFindingsResponse).findings[0]


def elsewhere(district: District, cell: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the cell, which exists or not."""
    found = Finding(name=f"findings/{cell}-{'0' * 32}", round=f"rounds/{cell}-{'0' * 32}")
    if there:
        found = finding(district, cell)
    yield pb.GetRoundRequest(name=found.round)
    yield pb.ListRoundsRequest(parent=cell)
    yield pb.ListRoundEntriesRequest(round=found.round)
    yield pb.GetFindingRequest(name=found.name)
    yield pb.ListFindingsRequest(parent=cell)
    yield pb.EscalateFindingRequest(name=found.name)
    yield pb.TransferFindingRequest(name=found.name)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    names = [walked(district) for _ in range(4)]
    kinds = [FindingKind.FINDING_KIND_FIRE_HAZARD]
    return {
        "ListRounds": (pb.ListRoundsRequest(parent=DISTRICT), pb.ListRoundsRequest(parent=STREET)),
        "ListRoundEntries": tuple(pb.ListRoundEntriesRequest(round=each) for each in names[:2]),
        "ListFindings": (
            pb.ListFindingsRequest(parent=DISTRICT),
            pb.ListFindingsRequest(parent=STREET, kinds=kinds),
        ),
    }


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "EscalateFinding": lambda district: (
        "commander",
        pb.EscalateFindingRequest(name=finding(district).name, note="已疏散"),
    ),
    "TransferFinding": lambda district: (
        "commander",
        pb.TransferFindingRequest(name=finding(district).name, note="请清理"),
    ),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "EscalateFinding": lambda request: setattr(request, "note", "别的"),
    "TransferFinding": lambda request: setattr(request, "note", "别的"),
}
"""Something of each request that can be other without breaking its rules."""
