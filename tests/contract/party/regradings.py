"""Regradings of quizzes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.partyedu.v1 import attempt_methods_pb2 as attempts_pb
from onegrid.partyedu.v1 import quiz_methods_pb2 as quizzes_pb
from onegrid.partyedu.v1 import regrading_methods_pb2 as pb
from onegrid.partyedu.v1.item_statistics_pb2 import SummarizeItemsRequest
from onegrid.partyedu.v1.quizzes_pb2 import Quiz
from onegrid.partyedu.v1.regradings_pb2 import ItemCorrection, Regrading, RegradingState
from onegrid_demo.loading import STREET
from onegrid_kit.testing.waiting import eventually

from ..acting import DISTRICT
from ..calling import District
from .attempts import attempt
from .quizzes import quiz

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]


def closed(district: District, office: str = DISTRICT, attempts: int = 0) -> Quiz:
    """A quiz that was taken so often, without an answer, and is closed."""
    of = quiz(district, office, publish=True)
    for _ in range(attempts):
        begun = attempt(district, of.name)
        district.do(attempts_pb.SubmitAttemptRequest(name=begun.name), "admin", attempts_pb.SubmitAttemptResponse)
    return district.do(quizzes_pb.CloseQuizRequest(name=of.name), "admin", quizzes_pb.CloseQuizResponse).quiz


def a_regrading(of: Quiz) -> pb.StartRegradingRequest:
    """One that gives everybody the points of the item."""
    corrections = [ItemCorrection(item=of.sections[0].fixed.items[0], revision=1)]
    return pb.StartRegradingRequest(quiz=of.name, corrections=corrections)


def regrading(district: District, of: Quiz) -> Regrading:
    """One that waits to be applied."""
    name = district.do(a_regrading(of), "admin", pb.StartRegradingResponse).regrading.name

    def found() -> Regrading:
        return district.do(pb.GetRegradingRequest(name=name), "admin", pb.GetRegradingResponse).regrading

    eventually(lambda: found().state == RegradingState.REGRADING_STATE_READY)
    return found()


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    at, name = f"quizzes/{place}-none", f"regradings/{DISTRICT}-{'0' * 20}"
    if there:
        of = closed(district, place)
        at, name = of.name, regrading(district, of).name
    yield pb.StartRegradingRequest(
        quiz=at, corrections=[ItemCorrection(item=f"pools/{place}-none/items/q1", revision=1)]
    )
    yield pb.GetRegradingRequest(name=name)
    yield pb.ListRegradingsRequest(quiz=at)
    yield pb.ListRegradingChangesRequest(name=name)
    yield pb.ApplyRegradingRequest(name=name)
    yield pb.DiscardRegradingRequest(name=name)
    yield SummarizeItemsRequest(quiz=at)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    of, other = closed(district, STREET, attempts=4), closed(district, STREET)
    for each in (of, of, of, other):
        name = regrading(district, each).name
        district.do(pb.DiscardRegradingRequest(name=name), "admin", pb.DiscardRegradingResponse)
    found = [regrading(district, each).name for each in (of, other)]
    return {
        "ListRegradings": tuple(pb.ListRegradingsRequest(quiz=each.name) for each in (of, other)),
        "ListRegradingChanges": tuple(pb.ListRegradingChangesRequest(name=name) for name in found),
    }


def applying(district: District) -> tuple[str, Message]:
    of = regrading(district, closed(district))
    return "admin", pb.ApplyRegradingRequest(name=of.name, etag=of.etag)


def discarding(district: District) -> tuple[str, Message]:
    of = regrading(district, closed(district))
    return "admin", pb.DiscardRegradingRequest(name=of.name, etag=of.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "StartRegrading": lambda district: ("admin", a_regrading(closed(district))),
    "ApplyRegrading": applying,
    "DiscardRegrading": discarding,
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "StartRegrading": lambda request: setattr(request.corrections[0], "key_revision", 1),  # type: ignore[attr-defined]
}
"""Something of each request that can be other without breaking its rules."""
