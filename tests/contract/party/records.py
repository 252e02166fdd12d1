"""A member's own record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.partyedu.v1 import records_pb2 as pb
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District
from .certificates import certificate
from .organizations import member, organization

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of = member(district, organization(district, place).name).name if there else f"members/{DISTRICT}-{'0' * 20}"
    yield pb.ListRecordEntriesRequest(member=of)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    first, second = (member(district, organization(district, STREET).name).name for _ in range(2))
    for of in (first, first, second):
        certificate(district, of, STREET)
    return {
        "ListRecordEntries": (pb.ListRecordEntriesRequest(member=first), pb.ListRecordEntriesRequest(member=second))
    }


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {}
"""Something of each request that can be other without breaking its rules."""
