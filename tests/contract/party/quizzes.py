"""What the tests of all contracts do with partyedu's pools, items and quizzes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.partyedu.v1 import pool_methods_pb2 as pools_pb
from onegrid.partyedu.v1 import quiz_methods_pb2 as pb
from onegrid.partyedu.v1.pools_pb2 import Item, ItemKind, ItemOption, Pool
from onegrid.partyedu.v1.quizzes_pb2 import (
    DrawnItems,
    FixedItems,
    PartialCredit,
    Quiz,
    QuizReview,
    QuizSection,
    QuizState,
    ReviewContent,
    ReviewTime,
)
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_numbers = itertools.count(1)


def a_pool(office: str) -> Pool:
    """One that is not entered yet."""
    return Pool(name=f"pools/{office}-p{next(_numbers)}", display_name="党史题库")


def pool(district: District, office: str = DISTRICT) -> Pool:
    """A new one."""
    request = pools_pb.DefinePoolRequest(pool=a_pool(office))
    return district.do(request, "admin", pools_pb.DefinePoolResponse).pool


def an_item(of: str) -> Item:
    """An item of a pool that is not entered yet."""
    return Item(
        name=f"{of}/items/q{next(_numbers)}",
        kind=ItemKind.ITEM_KIND_SINGLE,
        stem="党的一大在哪一年召开？",
        options=[ItemOption(id="a", text="一九二一年"), ItemOption(id="b", text="一九二二年")],
        key=["a"],
        points=1,
    )


def item(district: District, of: str) -> Item:
    """A new one."""
    request = pools_pb.DefineItemRequest(item=an_item(of))
    return district.do(request, "admin", pools_pb.DefineItemResponse).item


def a_quiz(office: str, section: QuizSection) -> Quiz:
    """One that is not entered yet."""
    return Quiz(
        name=f"quizzes/{office}-q{next(_numbers)}",
        display_name="党史知识测试",
        sections=[section],
        minutes_allowed=20,
        partial_credit=PartialCredit.PARTIAL_CREDIT_NONE,
        review=QuizReview(content=ReviewContent.REVIEW_CONTENT_ANSWERS, time=ReviewTime.REVIEW_TIME_SUBMISSION),
    )


def quiz(district: District, office: str = DISTRICT, *, publish: bool = False) -> Quiz:
    """A new one of one item."""
    of = item(district, pool(district, office).name)
    request = pb.DefineQuizRequest(quiz=a_quiz(office, QuizSection(fixed=FixedItems(items=[of.name]))))
    new = district.do(request, "admin", pb.DefineQuizResponse).quiz
    if publish:
        new = district.do(pb.PublishQuizRequest(name=new.name), "admin", pb.PublishQuizResponse).quiz
    return new


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of, asked = a_pool(place), an_item(f"pools/{place}-none")
    given = a_quiz(place, QuizSection(drawn=DrawnItems(pool=of.name, count=1)))
    if there:
        of, given = pool(district, place), quiz(district, place)
        asked = item(district, of.name)
    yield pools_pb.DefinePoolRequest(pool=of)
    yield pools_pb.GetPoolRequest(name=of.name)
    yield pools_pb.ListPoolsRequest(scope=place)
    yield pools_pb.DefineItemRequest(item=asked)
    yield pools_pb.RetireItemRequest(name=asked.name)
    yield pools_pb.GetItemRequest(name=asked.name)
    yield pools_pb.ListItemsRequest(pool=of.name)
    yield pools_pb.ListItemRevisionsRequest(item=asked.name)
    yield pb.DefineQuizRequest(quiz=given)
    yield pb.PublishQuizRequest(name=given.name)
    yield pb.CloseQuizRequest(name=given.name)
    yield pb.RetireQuizRequest(name=given.name)
    yield pb.GetQuizRequest(name=given.name)
    yield pb.ListQuizzesRequest(scope=place)
    yield pb.ListQuizRevisionsRequest(quiz=given.name)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    first, second = pool(district, STREET), pool(district, STREET)
    items = [item(district, of.name) for of in (first, first, first, second)]
    quizzes = [quiz(district, STREET) for _ in range(3)]
    for number in range(1, 4):
        for each in (items[0], items[3]):
            each.points, each.etag = number + 1, ""
            district.do(pools_pb.DefineItemRequest(item=each), "admin", pools_pb.DefineItemResponse)
        for one in quizzes[:2]:
            one.minutes_allowed, one.etag = number, ""
            district.do(pb.DefineQuizRequest(quiz=one), "admin", pb.DefineQuizResponse)
    return {
        "ListPools": (pools_pb.ListPoolsRequest(scope=DISTRICT), pools_pb.ListPoolsRequest(scope=STREET)),
        "ListItems": (
            pools_pb.ListItemsRequest(pool=first.name),
            pools_pb.ListItemsRequest(pool=first.name, show_retired=True),
        ),
        "ListItemRevisions": tuple(pools_pb.ListItemRevisionsRequest(item=items[at].name) for at in (0, 3)),
        "ListQuizzes": (
            pb.ListQuizzesRequest(scope=STREET),
            pb.ListQuizzesRequest(scope=STREET, state=QuizState.QUIZ_STATE_DRAFT),
        ),
        "ListQuizRevisions": tuple(pb.ListQuizRevisionsRequest(quiz=each.name) for each in quizzes[:2]),
    }


def defining_item(district: District) -> tuple[str, Message]:
    return "admin", pools_pb.DefineItemRequest(item=an_item(pool(district).name))


def retiring_item(district: District) -> tuple[str, Message]:
    of = item(district, pool(district).name)
    return "admin", pools_pb.RetireItemRequest(name=of.name, etag=of.etag)


def defining_quiz(district: District) -> tuple[str, Message]:
    of = item(district, pool(district).name)
    new = a_quiz(DISTRICT, QuizSection(fixed=FixedItems(items=[of.name])))
    return "admin", pb.DefineQuizRequest(quiz=new)


def publishing(district: District) -> tuple[str, Message]:
    of = quiz(district)
    return "admin", pb.PublishQuizRequest(name=of.name, etag=of.etag)


def closing(district: District) -> tuple[str, Message]:
    of = quiz(district, publish=True)
    return "admin", pb.CloseQuizRequest(name=of.name, etag=of.etag)


def retiring(district: District) -> tuple[str, Message]:
    of = quiz(district)
    return "admin", pb.RetireQuizRequest(name=of.name, etag=of.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefinePool": lambda _: ("admin", pools_pb.DefinePoolRequest(pool=a_pool(DISTRICT))),
    "DefineItem": defining_item,
    "RetireItem": retiring_item,
    "DefineQuiz": defining_quiz,
    "PublishQuiz": publishing,
    "CloseQuiz": closing,
    "RetireQuiz": retiring,
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefinePool": lambda request: setattr(request.pool, "display_name", "别的"),  # type: ignore[attr-defined]
    "DefineItem": lambda request: setattr(request.item, "stem", "别的"),  # type: ignore[attr-defined]
    "DefineQuiz": lambda request: setattr(request.quiz, "display_name", "别的"),  # type: ignore[attr-defined]
}
"""Something of each request that can be other without breaking its rules."""
