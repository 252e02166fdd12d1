"""Pools, items and quizzes, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onegrid.partyedu.v1.pools_pb2 import Item, ItemKind, ItemOption, Pool
from onegrid.partyedu.v1.quizzes_pb2 import (
    DrawnItems,
    FixedItems,
    PartialCredit,
    Quiz,
    QuizReview,
    QuizSection,
    ReviewContent,
    ReviewTime,
)
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Serving

from .people import DISTRICT, KEEPER, STREET

POOL = f"pools/{STREET}-history"
DISTRICT_POOL = f"pools/{DISTRICT}-history"
QUIZ = f"quizzes/{STREET}-july"
SINGLE, MULTIPLE = ItemKind.ITEM_KIND_SINGLE, ItemKind.ITEM_KIND_MULTIPLE
TRUE_FALSE, ORDERING = ItemKind.ITEM_KIND_TRUE_FALSE, ItemKind.ITEM_KIND_ORDERING


def an_item(name: str, options: str = "abcd", key: str = "a", **fields: Any) -> Item:
    """An item with options that are called by their ids."""
    given = {
        "kind": SINGLE,
        "stem": f"党的一大在哪里召开？{name}",
        "options": [ItemOption(id=each, text=f"选项{each}") for each in options],
        "key": list(key),
        "explanation": "见党史第一章。",
        "points": 2,
        **fields,
    }
    return Item(name=name, **given)


def fixed(*items: str, **fields: Any) -> QuizSection:
    """A section of these items."""
    return QuizSection(fixed=FixedItems(items=items), **fields)


def drawn(count: int, pool: str = POOL, kind: ItemKind = ItemKind.ITEM_KIND_UNSPECIFIED, **fields: Any) -> QuizSection:
    """A section that is drawn."""
    return QuizSection(drawn=DrawnItems(pool=pool, count=count, kind=kind), **fields)


def a_quiz(*sections: QuizSection, name: str = QUIZ, **fields: Any) -> Quiz:
    """A quiz of twenty minutes."""
    given = {
        "display_name": "七一党史知识测试",
        "minutes_allowed": 20,
        "attempts_allowed": 2,
        "pass_percent": 60,
        "partial_credit": PartialCredit.PARTIAL_CREDIT_NONE,
        "review": QuizReview(content=ReviewContent.REVIEW_CONTENT_EXPLANATIONS, time=ReviewTime.REVIEW_TIME_SUBMISSION),
        **fields,
    }
    return Quiz(name=name, sections=sections, **given)


class Writing:
    """Pools, items and quizzes as an editor enters them."""

    def __init__(self, api: Serving) -> None:
        self.api = api

    async def pool(self, name: str = POOL, caller: Caller = KEEPER, **fields: Any) -> Pool:
        """Define a pool."""
        given = {"display_name": "党史题库", **fields}
        defined: Pool = (await self.api.call(caller, "DefinePool", pool=Pool(name=name, **given))).pool
        return defined

    async def item(self, item: Item, caller: Caller = KEEPER) -> Item:
        """Define an item."""
        defined: Item = (await self.api.call(caller, "DefineItem", item=item)).item
        return defined

    async def pool_of(self, count: int, name: str = POOL, **fields: Any) -> Sequence[Item]:
        """Define a pool of so many items."""
        await self.pool(name)
        return [await self.item(an_item(f"{name}/items/q{number}", **fields)) for number in range(count)]

    async def quiz(self, quiz: Quiz, caller: Caller = KEEPER, *, publish: bool = False) -> Quiz:
        """Define a quiz, and publish it."""
        defined: Quiz = (await self.api.call(caller, "DefineQuiz", quiz=quiz)).quiz
        if publish:
            defined = (await self.api.call(caller, "PublishQuiz", name=quiz.name)).quiz
        return defined
