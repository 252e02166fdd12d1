"""Whatever tabs, devices and clocks do, an attempt is what a small model of it says."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count, permutations
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine

from onegrid.partyedu.v1.attempts_pb2 import AttemptState, Paper
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.quizzes_pb2 import PartialCredit
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving, serving
from onegrid_kit.testing.callers import public
from onegrid_kit.timestamps import moment
from onegrid_partyedu.main import SERVICE
from onegrid_partyedu.member import Member
from onegrid_partyedu.quiz import QuizRevision
from onegrid_partyedu.store import members

from .exams import KINDS, MULTIPLE, NAME, ORDERING, Exam, replayed
from .people import COMMUNITY, DISTRICT, KEEPER, STREET_DESK

OPEN, SUBMITTED = AttemptState.ATTEMPT_STATE_OPEN, AttemptState.ATTEMPT_STATE_SUBMITTED
EXPIRED = AttemptState.ATTEMPT_STATE_EXPIRED
LETTERS = dict(zip(KINDS, ("ABC", "ABCD", "AB", "ABCD"), strict=True))
_numbers = count(1)
CHOICES = st.integers(0, 999)
REPLICAS = st.sampled_from([0, 1])
SLOTS = st.integers(1, 8)


class World:
    """Two replicas of the api over one database, and a quiz."""

    def __init__(self, engine: Engine, url: str, clock: SettableClock) -> None:
        self.engine = engine
        self.clock = clock
        self.runner = asyncio.Runner()
        self._url = url
        self._stacks: list[AsyncExitStack] = []
        self.replicas: list[Serving] = []
        for at in range(2):
            self._stacks.append(AsyncExitStack())
            self.replicas.append(self.runner.run(self._begin(at)))
        self.exam = Exam(self.replicas[0], engine, clock)
        self.exam.revision = countable(self.exam)
        self.exam.prepare()

    def restart(self, at: int) -> None:
        """Have one of them end and begin anew: what it remembered is gone."""
        self.runner.run(self._stacks[at].aclose())
        self.replicas[at] = self.runner.run(self._begin(at))

    def close(self) -> None:
        """End."""
        for stack in self._stacks:
            self.runner.run(stack.aclose())
        self.runner.close()

    def call(self, caller: Caller, method: str, at: int = 0, **fields: Any) -> Any:
        """The answer of one replica. Raises Refused."""
        return self.runner.run(self.replicas[at].call(caller, method, **fields))

    def at_once(self, caller: Caller, *calls: tuple[int, str, dict[str, Any]]) -> list[Any]:
        """The answers to calls of the same moment, or what they were refused with."""

        async def together() -> list[Any]:
            return await asyncio.gather(
                *(self.replicas[at].call(caller, method, **fields) for at, method, fields in calls),
                return_exceptions=True,
            )

        answers: list[Any] = self.runner.run(together())
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Refused):
                raise answer
        return answers

    def admit(self) -> tuple[Caller, str]:
        """A new member who studies with a new account."""
        caller, now = public(f"model{next(_numbers)}", DISTRICT), self.clock.now()
        member = Member(
            id=f"{DISTRICT}-{next(_numbers):020}",
            organization=f"{COMMUNITY}-yijing",
            organization_time=now,
            state=MemberState.MEMBER_STATE_FULL,
            sealed_name=b"",
            name_index=b"",
            user=caller.user,
            join_time=now,
            probation_end_time=now,
            create_time=now,
            update_time=now,
        )
        with self.engine.begin() as conn:
            members.save_member(conn, member)
        return caller, member.name

    async def _begin(self, at: int) -> Serving:
        self._stacks[at] = AsyncExitStack()
        return await self._stacks[at].enter_async_context(serving(SERVICE, self._url, clock=self.clock))


def countable(exam: Exam) -> QuizRevision:
    """Each item is worth the same, and right or wrong: what an attempt is worth can be counted."""
    first, second = exam.revision.sections
    return replace(
        exam.revision,
        sections=(replace(first, points_each=5), second),
        partial_credit=PartialCredit.PARTIAL_CREDIT_NONE,
        close_time=None,
        shuffle_items=True,
    )


@dataclass
class Model:
    """An attempt as it is to be."""

    name: str
    begin: datetime
    due: datetime
    paper: Paper
    state: int = OPEN
    log: list[tuple[int, int, str]] = field(default_factory=list)
    """Slot, sequence and answer of each save that was stored."""
    percent: int | None = None

    def state_at(self, now: datetime) -> int:
        """Where it stands."""
        return EXPIRED if self.state == OPEN and now >= self.due else self.state

    def counting(self, slot: int) -> tuple[int, str]:
        """The sequence and the answer that count."""
        return max(((sequence, answer) for of, sequence, answer in self.log if of == slot), default=(0, ""))


class AnyAttempt(RuleBasedStateMachine):
    """A member with two devices, somebody who gives more time, a worker, and a clock."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.caller, self.member = self.world.admit()
        self.attempts: list[Model] = []
        self.extra = 0

    @property
    def now(self) -> datetime:
        """The domain's time."""
        return self.world.clock.now()

    @property
    def last(self) -> Model:
        """The attempt that began last."""
        return self.attempts[-1]

    def begun(self) -> bool:
        """Whether there is one."""
        return bool(self.attempts)

    @rule(devices=st.lists(REPLICAS, min_size=1, max_size=3))
    def start(self, devices: list[int]) -> None:
        """Devices begin at the same moment: one attempt begins, or the open one goes on."""
        answers = self.world.at_once(self.caller, *((at, "StartAttempt", {"quiz": NAME}) for at in devices))
        open_ = self.begun() and self.last.state_at(self.now) == OPEN
        if not open_ and len(self.attempts) == 2:
            assert {answer.reason for answer in answers} == {"ATTEMPTS_USED_UP"}
            return
        (name,) = {answer.attempt.name for answer in answers}
        if open_:
            assert name == self.last.name
            return
        answer = self.world.call(self.caller, "GetAttempt", name=name)
        due = self.now + timedelta(minutes=30 + self.extra)
        assert moment(answer.attempt.due_time) == due
        assert answer.attempt.number == len(self.attempts) + 1
        self.attempts.append(Model(name, self.now, due, answer.paper))

    @precondition(begun)
    @rule(at=REPLICAS, slot=SLOTS, step=st.integers(-2, 3), choice=CHOICES)
    def save(self, at: int, slot: int, step: int, choice: int) -> None:
        """A device saves, with a sequence number that is higher, the same, or older."""
        sequence = max(1, self.last.counting(slot)[0] + step)
        self.try_to_save(at, slot, sequence, self.answer(slot, choice))

    @precondition(begun)
    @rule(at=REPLICAS, choice=CHOICES)
    def save_again(self, at: int, choice: int) -> None:
        """A device that has heard no answer repeats what it sent."""
        if self.last.log:
            self.try_to_save(at, *self.last.log[choice % len(self.last.log)])

    @precondition(begun)
    @rule(slot=SLOTS, steps=st.permutations([1, 2, 3]), choices=st.tuples(CHOICES, CHOICES, CHOICES))
    def save_at_once(self, slot: int, steps: list[int], choices: tuple[int, int, int]) -> None:
        """Saves of one item overtake one another: each is stored or superseded, and the highest counts."""
        highest = self.last.counting(slot)[0]
        saves = [(highest + step, self.answer(slot, choice)) for step, choice in zip(steps, choices, strict=True)]
        answers = self.world.at_once(
            self.caller, *((n % 2, "SaveAnswer", self.saving(slot, *save)) for n, save in enumerate(saves))
        )
        if self.last.state_at(self.now) != OPEN:
            assert {answer.reason for answer in answers} == {"ATTEMPT_WRONG_STATE"}
            return
        for save, answer in sorted(zip(saves, answers, strict=True), key=lambda pair: pair[0]):
            if isinstance(answer, Refused):
                assert answer.reason == "ANSWER_SUPERSEDED"
                assert save != max(saves)
            else:
                self.last.log.append((slot, *save))

    @precondition(begun)
    @rule(at=REPLICAS, slot=SLOTS, choice=CHOICES)
    def save_while_it_is_handed_in(self, at: int, slot: int, choice: int) -> None:
        """One device saves while the other hands in: the answer counts, or it is refused."""
        save = self.last.counting(slot)[0] + 1, self.answer(slot, choice)
        was_open = self.last.state_at(self.now) == OPEN
        saved, submitted = self.world.at_once(
            self.caller,
            (at, "SaveAnswer", self.saving(slot, *save)),
            (1 - at, "SubmitAttempt", {"name": self.last.name}),
        )
        if not isinstance(saved, Refused):
            assert was_open
            self.last.log.append((slot, *save))
        self.handed_in(submitted.attempt)

    @precondition(begun)
    @rule(at=REPLICAS)
    def submit(self, at: int) -> None:
        """Hand in, for the first time or again."""
        self.handed_in(self.world.call(self.caller, "SubmitAttempt", at, name=self.last.name).attempt)

    @rule(minutes=st.sampled_from([-31, -1, 0, 1, 10, 29, 30, 31]))
    def wait(self, minutes: int) -> None:
        """Time passes, or a clock is set back."""
        self.world.clock.set(self.now + timedelta(minutes=minutes))

    @rule(minutes=st.sampled_from([0, 5, 60]))
    def grant(self, minutes: int) -> None:
        """Somebody gives more time, or less: an open attempt has more at once, and never less."""
        given = {"quiz": NAME, "member": self.member, "extra_minutes": minutes}
        self.world.call(STREET_DESK, "SetAccommodation", **given)
        self.extra = minutes
        open_ = [attempt for attempt in self.attempts if attempt.state_at(self.now) == OPEN]
        if open_:
            open_[-1].due = max(open_[-1].due, open_[-1].begin + timedelta(minutes=30 + minutes))

    @rule()
    def work(self) -> None:
        """The worker does what is due."""
        self.world.exam.conclude()
        for attempt in self.attempts:
            if attempt.state == OPEN and self.now >= attempt.due:
                attempt.state, attempt.percent = EXPIRED, self.worth(attempt)

    @rule(at=REPLICAS)
    def restart(self, at: int) -> None:
        """A replica ends, and begins anew."""
        self.world.restart(at)

    @invariant()
    def what_is_read_is_what_was_done(self) -> None:
        """The same paper, the answers that count, the state, the score; and the evidence of it."""
        for attempt in self.attempts:
            answer = self.world.call(self.caller, "GetAttempt", name=attempt.name)
            assert answer.attempt.state == attempt.state_at(self.now)
            assert moment(answer.attempt.due_time) == attempt.due
            assert answer.attempt.HasField("score") == (attempt.percent is not None)
            assert [(i.stem, i.options) for i in answer.paper.items] == [
                (i.stem, i.options) for i in attempt.paper.items
            ]
            if attempt.state_at(self.now) == OPEN:
                assert {i.slot: (i.sequence, "".join(i.answer)) for i in answer.paper.items} == {
                    slot: attempt.counting(slot) for slot in range(1, 9)
                }
                assert not any(i.HasField("review") for i in answer.paper.items)
            evidence = self.world.call(KEEPER, "GetEvidence", name=attempt.name).evidence
            stored = [(save.slot, save.sequence, "".join(save.answer)) for save in evidence.saves]
            assert sorted(stored) == sorted(attempt.log)
            again = replayed(evidence, self.world.exam.revision, self.world.exam.items)
            assert again.percent == evidence.replayed.percent == self.worth(attempt)
            if attempt.percent is not None:
                assert answer.attempt.score == evidence.replayed
                assert answer.attempt.score.percent == attempt.percent

    def answer(self, slot: int, choice: int) -> str:
        """One of the answers that fit an item. Which items there are is drawn by the api, so the choice is a number."""
        kind = self.last.paper.items[slot - 1].kind
        letters = LETTERS[kind]
        if kind == ORDERING:
            orders = ["", *map("".join, permutations(letters))]
            return orders[choice % len(orders)]
        if kind == MULTIPLE:
            return "".join(letter for n, letter in enumerate(letters) if choice >> n & 1)
        return ["", *letters][choice % (len(letters) + 1)]

    def saving(self, slot: int, sequence: int, answer: str) -> dict[str, Any]:
        """The request."""
        return {"name": self.last.name, "slot": slot, "sequence": sequence, "answer": list(answer)}

    def try_to_save(self, at: int, slot: int, sequence: int, answer: str) -> None:
        """Save, and see that it is stored, known already, or refused, as it is to be."""
        highest = self.last.counting(slot)
        expected = ""
        if (sequence, answer) == highest:
            expected = ""
        elif self.last.state_at(self.now) != OPEN:
            expected = "ATTEMPT_WRONG_STATE"
        elif sequence <= highest[0]:
            expected = "ANSWER_SUPERSEDED"
        else:
            self.last.log.append((slot, sequence, answer))
        (outcome,) = self.world.at_once(self.caller, (at, "SaveAnswer", self.saving(slot, sequence, answer)))
        assert (outcome.reason if isinstance(outcome, Refused) else "") == expected

    def handed_in(self, answer: Any) -> None:
        """See that it ended as it is to end, and with what it is worth."""
        attempt = self.last
        if attempt.state == OPEN:
            attempt.state = SUBMITTED if self.now < attempt.due else EXPIRED
            attempt.percent = self.worth(attempt)
        assert (answer.state, answer.score.percent) == (attempt.state, attempt.percent)

    def worth(self, attempt: Model) -> int:
        """The percent of items that are answered right."""
        right = self.world.exam.right(attempt.paper)
        return 100 * sum(attempt.counting(slot)[1] == key for slot, key in right.items()) // len(right)


def test_an_attempt_is_what_its_model_says(engine: Engine, database_url: str, clock: SettableClock) -> None:
    world = World(engine, database_url, clock)
    try:
        machine = type("OfThisWorld", (AnyAttempt,), {"world": world})
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            machine,
            settings=hypothesis.settings(
                max_examples=12,
                stateful_step_count=20,
                suppress_health_check=list(hypothesis.HealthCheck),
                derandomize=True,
                database=None,
            ),
        )
    finally:
        world.close()
