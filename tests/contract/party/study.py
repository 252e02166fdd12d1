"""What members study: reported by players, and recorded offline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.partyedu.v1 import study_methods_pb2 as pb

from ..acting import DISTRICT
from ..calling import District
from .courses import published
from .organizations import an_organization, member, organization, somebody

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of, who, course = an_organization(place).name, f"members/{DISTRICT}-{'0' * 20}", f"courses/{place}-none"
    if there:
        of, course = organization(district, place).name, published(district, place).name
        who = member(district, of).name
    yield pb.GetCourseProgressRequest(member=who, course=course)
    yield pb.ListCourseProgressRequest(member=who)
    yield pb.CountCourseProgressRequest(organization=of, course=course)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    for _ in range(4):
        published(district)
    return {
        "ListCourseProgress": (
            pb.ListCourseProgressRequest(member=somebody(district).name),
            pb.ListCourseProgressRequest(member=somebody(district).name),
        )
    }


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {}
"""Something of each request that can be other without breaking its rules."""
