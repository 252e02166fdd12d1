"""Who looked at a member's record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.partyedu.v1 import member_methods_pb2
from onegrid.partyedu.v1 import record_accesses_pb2 as pb
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District
from .organizations import member, organization

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of = member(district, organization(district, place).name).name if there else f"members/{DISTRICT}-{'0' * 20}"
    yield pb.ListRecordAccessesRequest(member=of)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    # Of lists alone: asking who looked at the record is a look at it itself.
    of_lists = pb.RECORD_ACCESS_KIND_LIST
    first, second = (member(district, organization(district, STREET).name) for _ in range(2))
    for of in (first, first, first, first, second):
        request = member_methods_pb2.ListMembersRequest(organization=of.organization)
        district.do(request, "admin", member_methods_pb2.ListMembersResponse)
    return {
        "ListRecordAccesses": (
            pb.ListRecordAccessesRequest(member=first.name, kind=of_lists),
            pb.ListRecordAccessesRequest(member=second.name, kind=of_lists),
        )
    }


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {}
"""Something of each request that can be other without breaking its rules."""
