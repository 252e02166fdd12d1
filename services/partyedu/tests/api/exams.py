"""Quizzes and who takes them, for tests of attempts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from onegrid.partyedu.v1.attempts_pb2 import Attempt, Evidence, Paper
from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid.partyedu.v1.quizzes_pb2 import PartialCredit, QuizState, ReviewContent, ReviewTime
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.ladders import climb_due
from onegrid_kit.timestamps import moment
from onegrid_partyedu.attempt import Paper as Laid
from onegrid_partyedu.attempt import Save, replay
from onegrid_partyedu.drawing import Slot
from onegrid_partyedu.item import ITEM, Item, ItemRef, ItemRevision, Option, Pool
from onegrid_partyedu.main import SERVICE
from onegrid_partyedu.quiz import Drawn, Fixed, Quiz, QuizRevision, Section
from onegrid_partyedu.scoring import Score
from onegrid_partyedu.store import pools, quizzes

from .people import DISTRICT, STREET

POOL, QUIZ = f"{STREET}-history", f"{STREET}-july"
NAME = f"quizzes/{QUIZ}"
SINGLE, MULTIPLE = ItemKind.ITEM_KIND_SINGLE, ItemKind.ITEM_KIND_MULTIPLE
TRUE_FALSE, ORDERING = ItemKind.ITEM_KIND_TRUE_FALSE, ItemKind.ITEM_KIND_ORDERING
KINDS = (SINGLE, MULTIPLE, TRUE_FALSE, ORDERING)
TAKER, COLLEAGUE = public("taker", DISTRICT), public("colleague", DISTRICT)

# Ids with letters that names made by the server do not have, so that a key that leaks is found.
_OPTIONS = {
    SINGLE: (("louk7", "一九二一年"), ("louw2", "一九四九年"), ("louw3", "一九七八年")),
    MULTIPLE: (("louk1", "理论"), ("louw4", "口号"), ("louk2", "纪律"), ("louw5", "排名")),
    TRUE_FALSE: (("louyes", "对"), ("louno", "错")),
    ORDERING: (("louo1", "上海"), ("louo2", "井冈山"), ("louo3", "遵义"), ("louo4", "延安")),
}
_KEYS = {
    SINGLE: ("louk7",),
    MULTIPLE: ("louk1", "louk2"),
    TRUE_FALSE: ("louno",),
    ORDERING: ("louo1", "louo2", "louo3", "louo4"),
}
EXPLANATION = "见《简史》第三章"


class Exam:
    """A quiz that members take: two items of each kind, in the order in which it names them."""

    def __init__(self, api: Serving, engine: Engine, clock: SettableClock) -> None:
        self.api = api
        self.engine = engine
        self.clock = clock
        self.items: dict[tuple[ItemRef, int], ItemRevision] = {}
        self.revision = QuizRevision(
            quiz=QUIZ,
            display_name="七一党史知识测试",
            sections=(
                Section(display_name="一、必答题", source=Fixed(tuple(ItemRef(POOL, f"i{n}") for n in range(4)))),
                Section(display_name="二、选答题", points_each=5, source=Drawn(POOL, 4)),
            ),
            shuffle_items=False,
            shuffle_options=True,
            minutes_allowed=30,
            attempts_allowed=2,
            pass_percent=60,
            open_time=clock.now() - timedelta(hours=1),
            close_time=clock.now() + timedelta(days=1),
            partial_credit=PartialCredit.PARTIAL_CREDIT_RIGHT_MINUS_WRONG,
            review_content=ReviewContent.REVIEW_CONTENT_EXPLANATIONS,
            review_time=ReviewTime.REVIEW_TIME_SUBMISSION,
            study_minutes=45,
            create_time=clock.now(),
        )

    def prepare(self) -> None:
        """Store the pool, its items, and the quiz."""
        now = self.clock.now()
        with self.engine.begin() as conn:
            pools.save_pool(conn, Pool(id=POOL, display_name="党史", create_time=now, update_time=now, item_count=8))
            for number in range(8):
                self._enter(ItemRef(POOL, f"i{number}"), KINDS[number % 4], now)
                revision = self.items[ItemRef(POOL, f"i{number}"), 1]
                pools.save_item(conn, Item(revision=revision))
                pools.add_revision(conn, revision)
        self.define()

    def define(self, state: QuizState = QuizState.QUIZ_STATE_PUBLISHED, **changed: Any) -> None:
        """Make the next revision of the quiz, or the first."""
        with self.engine.begin() as conn:
            before = quizzes.find_quiz(conn, QUIZ)
            number = 1 if before is None else before.revision.number + 1
            self.revision = replace(self.revision, number=number, **changed)
            quizzes.save_quiz(conn, self._standing(state, version=number))
            quizzes.add_revision(conn, self.revision)

    def stand(self, state: QuizState) -> None:
        """Have the quiz stand there."""
        with self.engine.begin() as conn:
            quizzes.save_quiz(conn, self._standing(state, version=99))

    async def start(self, caller: Caller = TAKER, **fields: Any) -> Attempt:
        """Begin an attempt, or find the one that is open."""
        started: Attempt = (await self.api.call(caller, "StartAttempt", quiz=NAME, **fields)).attempt
        return started

    async def save(
        self, name: str, slot: int, answer: str, sequence: int = 1, caller: Caller = TAKER, **fields: Any
    ) -> datetime:
        """Save an answer; when it was stored."""
        given = {"name": name, "slot": slot, "answer": list(answer), "sequence": sequence, **fields}
        return moment((await self.api.call(caller, "SaveAnswer", **given)).save_time)

    async def submit(self, name: str, caller: Caller = TAKER, **fields: Any) -> Attempt:
        """Hand it in."""
        submitted: Attempt = (await self.api.call(caller, "SubmitAttempt", name=name, **fields)).attempt
        return submitted

    async def get(self, name: str, caller: Caller = TAKER) -> tuple[Attempt, Paper]:
        """The attempt and its paper."""
        answer = await self.api.call(caller, "GetAttempt", name=name)
        return answer.attempt, answer.paper

    async def evidence(self, name: str, caller: Caller) -> Evidence:
        """What is on record of it."""
        found: Evidence = (await self.api.call(caller, "GetEvidence", name=name)).evidence
        return found

    async def refused(self, caller: Caller, method: str, **fields: Any) -> Refused:
        """What a call is refused with."""
        try:
            await self.api.call(caller, method, **fields)
        except Refused as refused:
            return refused
        raise AssertionError(f"{method} was not refused")

    def right(self, paper: Paper) -> Mapping[int, str]:
        """The right answer to each item of a paper, found by what is read: its kind and its texts."""
        found = {}
        for item in paper.items:
            ids = {text: id_ for id_, text in _OPTIONS[item.kind]}
            shown = [ids[text] for text in item.options]
            letters = ["ABCDEFGHIJKL"[shown.index(id_)] for id_ in _KEYS[item.kind]]
            found[item.slot] = "".join(letters if item.kind == ORDERING else sorted(letters))
        return found

    def later(self, **time: float) -> datetime:
        """Let time pass."""
        self.clock.set(self.clock.now() + timedelta(**time))
        return self.clock.now()

    def conclude(self) -> None:
        """Have the worker do what is due."""
        climb_due(SERVICE, self.engine, self.clock)

    def _standing(self, state: QuizState, version: int) -> Quiz:
        now = self.clock.now()
        published = None if state == QuizState.QUIZ_STATE_DRAFT else now
        return Quiz(
            version=version,
            revision=self.revision,
            state=state,
            publish_time=published,
            create_time=now,
            update_time=now,
        )

    def _enter(self, ref: ItemRef, kind: ItemKind, now: datetime) -> None:
        self.items[ref, 1] = ItemRevision(
            ref=ref,
            kind=kind,
            stem=f"题{ref.item}",
            options=tuple(Option(*each) for each in _OPTIONS[kind]),
            key=_KEYS[kind],
            explanation=EXPLANATION,
            points=10,
            create_time=now,
        )


def replayed(of: Evidence, quiz: QuizRevision, items: Mapping[tuple[ItemRef, int], ItemRevision]) -> Score:
    """What the evidence is worth, by whoever reads nothing else but the items' revisions and the quiz's rules."""
    refs = [ItemRef(*ITEM.ids(each.item)) for each in of.items]
    slots = tuple(
        Slot(0, ref, each.revision, each.points, tuple(each.options)) for ref, each in zip(refs, of.items, strict=True)
    )
    saves = [Save(each.slot, each.sequence, tuple(each.answer), moment(each.save_time)) for each in of.saves]
    return replay(Laid(seed=of.seed, slots=slots), items, saves, quiz)
