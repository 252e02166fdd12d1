"""Members at quizzes: answers are saved again and out of order, and everything is asked for that was acknowledged."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import grpc.aio

from onegrid.partyedu.v1 import attempt_methods_pb2 as pb
from onegrid.partyedu.v1.attempts_pb2 import Attempt, AttemptScore, Evidence, Paper, PaperItem
from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid_checks.checklist import Checklist
from onegrid_checks.load.callers import Caller, new_id
from onegrid_demo import gently, refusals, study
from onegrid_demo.client import Client

__all__ = ["Attempts"]

_KNOWN: Final = 0.7
"""How often a member knows an item."""
_AGAIN: Final = 0.1
"""How often a device sends again what it sent last."""
_OUTDATED: Final = 0.1
"""How often another device sends an answer that is older than one that has arrived."""
_SHOWN: Final = 3


class _Save(NamedTuple):
    """An answer as it is sent."""

    slot: int
    sequence: int
    answer: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Sitting:
    """A member at a quiz, with one attempt; no two calls are about it at the same time."""

    student: str
    quiz: str
    attempt: str = ""
    items: Sequence[PaperItem] = ()
    sequences: Counter[int] = field(default_factory=Counter)
    """The highest that was sent, by slot."""
    saved: dict[tuple[int, int], _Save] = field(default_factory=dict)
    """What was acknowledged, by slot and sequence."""
    doubtful: set[_Save] = field(default_factory=set)
    """What was sent and not answered: it may be stored or not."""
    last: _Save | None = None
    """What was acknowledged last."""
    score: AttemptScore | None = None
    """What was answered when it was submitted."""

    @property
    def is_answered(self) -> bool:
        """Whether something was saved for each item."""
        return len({slot for slot, _ in self.saved}) == len(self.items)

    def written(self, slot: int, sequence: int, answer: Sequence[str]) -> _Save:
        """An answer in one form: what is chosen has no order, unless the order is the answer."""
        ordering = self.items[slot - 1].kind == ItemKind.ITEM_KIND_ORDERING
        return _Save(slot, sequence, tuple(answer if ordering else sorted(answer)))

    def outdated(self) -> Iterator[_Save]:
        """Answers that nobody sent, each older than one that was saved."""
        for save in self.saved.values():
            before = (save.slot, save.sequence - 1)
            if save.sequence > 1 and before not in self.saved and save.sequence == self.sequences[save.slot]:
                yield _Save(*before, ())

    def compared(self, evidence: Evidence) -> tuple[int, int]:
        """How many answers that were acknowledged are not on record, and how many are there that were not sent."""
        known = Counter(self.written(save.slot, save.sequence, save.answer) for save in evidence.saves)
        acknowledged = Counter(self.saved.values())
        return (acknowledged - known).total(), (known - acknowledged - Counter(self.doubtful)).total()

    def has(self, scores: Sequence[AttemptScore]) -> bool:
        """Whether these all are what its answers are worth, as far as that is known."""
        same = all(score == scores[0] for score in scores)
        return same and bool(self.doubtful or scores[0].points_hundredths == self._hundredths())

    def _hundredths(self) -> int:
        """What the answers are worth, in hundredths of points."""
        latest = {save.slot: save for save in sorted(self.saved.values())}
        return sum(
            100 * item.points
            for item in self.items
            if (save := latest.get(item.slot))
            and save == self.written(save.slot, save.sequence, study.right_answer(item))
        )


class Attempts:
    """Makes the calls; sittings go from one queue to the next as they are begun, read, answered and submitted."""

    def __init__(self, callers: Mapping[str, Caller], officer: Caller, rng: random.Random) -> None:
        self._callers = callers
        self._officer = officer
        self._rng = rng
        self._free: deque[_Sitting] = deque()
        self._begun: deque[_Sitting] = deque()
        self._open: deque[_Sitting] = deque()
        self._answered: deque[_Sitting] = deque()
        self._done: list[_Sitting] = []
        self._leaked: list[str] = []
        """Attempts whose paper showed something of the key before they were submitted."""
        self._overwritten: list[str] = []
        """Attempts that took an answer which is older than one that they have."""

    def seat(self, students: Sequence[str], quizzes: Sequence[str]) -> None:
        """Have each student take each quiz, again and again."""
        self._free.extend(_Sitting(student, quiz) for quiz in quizzes for student in students)

    def method(self, due: str) -> str:
        """The call to make where this one is due; empty: all sittings have one under way."""
        if due == "SubmitAttempt" and self._answered:
            return due
        if due == "StartAttempt" and self._free:
            return due
        if self._begun:
            return "GetAttempt"
        if self._open or self._answered:
            return "SaveAnswer"
        return "StartAttempt" if self._free else ""

    async def start(self, client: Client) -> None:
        """Begin an attempt."""
        sitting = self._free.popleft()
        try:
            request = pb.StartAttemptRequest(quiz=sitting.quiz, request_id=new_id())
            metadata = await self._callers[sitting.student].metadata()
            sitting.attempt = (await client.partyedu.StartAttempt(request, metadata=metadata)).attempt.name
        except BaseException:
            self._free.append(sitting)
            raise
        self._begun.append(sitting)

    async def read(self, client: Client) -> None:
        """Read the paper of an attempt that has begun."""
        sitting = self._begun.popleft()
        try:
            paper = (await self._get(client, sitting)).paper
        except BaseException:
            self._begun.append(sitting)
            raise
        self._look_for_keys(sitting, paper)
        sitting.items = paper.items
        self._open.append(sitting)

    async def save(self, client: Client) -> None:
        """Save an answer; now and then what was saved before, or an answer that is older than what was saved."""
        sitting = (self._open or self._answered).popleft()
        outdated = next(sitting.outdated(), None) if self._rng.random() < _OUTDATED else None
        try:
            if outdated is not None:
                await self._save_outdated(client, sitting, outdated)
            elif sitting.last is not None and self._rng.random() < _AGAIN:
                await self._send(client, sitting, sitting.last)
            else:
                await self._save_next(client, sitting)
        finally:
            (self._answered if sitting.is_answered else self._open).append(sitting)

    async def submit(self, client: Client) -> None:
        """Submit an attempt all of whose items are answered, and sit down for another one."""
        sitting = self._answered.popleft()
        try:
            sitting.score = await self._submitted(client, sitting)
        except BaseException:
            self._answered.append(sitting)
            raise
        self._done.append(sitting)
        self._free.append(_Sitting(sitting.student, sitting.quiz))

    async def settle(self, client: Client, checklist: Checklist) -> None:
        """Submit what is left, then ask for every attempt and answer."""
        while self._begun:
            await self.read(client)
        for sitting in (*self._open, *self._answered):
            sitting.score = await self._submitted(client, sitting)
            self._done.append(sitting)
        answers = await gently.each_of(self._done, partial(self._found, client))
        torn, wrong = list[str](), list[str]()
        lost = surplus = 0
        for sitting, (scores, evidence) in zip(self._done, answers, strict=True):
            missing, too_many = sitting.compared(evidence)
            lost, surplus = lost + missing, surplus + too_many
            if missing or too_many:
                torn.append(sitting.attempt)
            if not sitting.has(scores):
                wrong.append(sitting.attempt)
        checklist.expect(
            f"each of the {sum(len(each.saved) for each in self._done)} answers that members saved, repeatedly and out "
            "of order, is on record once, and none that came too late",
            not torn and not self._overwritten,
            actual=f"{lost} lost, {surplus} too many, {len(self._overwritten)} that came too late: "
            + ", ".join([*torn, *self._overwritten][:_SHOWN]),
            look="GetEvidence of these, and partyedu's api log, method SaveAnswer",
        )
        twice = [name for name, times in Counter(sitting.attempt for sitting in self._done).items() if times > 1]
        checklist.expect(
            f"each of the {len(self._done)} attempts has the score of its answers, also submitted again and replayed",
            not wrong and not twice,
            actual=f"{len(wrong)} do not, {len(twice)} were begun twice: {', '.join([*wrong, *twice][:_SHOWN])}",
            look="GetEvidence of these: replayed is what the evidence is worth",
        )
        checklist.expect(
            "no paper shows anything of a key before it is submitted",
            not self._leaked,
            actual=f"{len(self._leaked)} do: {', '.join(self._leaked[:_SHOWN])}",
            look="GetAttempt of these: the quiz's review",
        )

    def passed(self) -> Mapping[tuple[str, str], int]:
        """The best percent of what was passed, by student and quiz."""
        best: dict[tuple[str, str], int] = {}
        for sitting in self._done:
            if sitting.score is not None and sitting.score.passed:
                of = (sitting.student, sitting.quiz)
                best[of] = max(sitting.score.percent, best.get(of, 0))
        return best

    async def _save_next(self, client: Client, sitting: _Sitting) -> None:
        """Answer the next item, or change an answer; a number is left out now and then."""
        answered = {slot for slot, _ in sitting.saved}
        item = next((each for each in sitting.items if each.slot not in answered), None)
        item = item or self._rng.choice(sitting.items)
        sitting.sequences[item.slot] += self._rng.choice((1, 2))
        await self._send(client, sitting, sitting.written(item.slot, sitting.sequences[item.slot], self._answer(item)))

    async def _send(self, client: Client, sitting: _Sitting, save: _Save) -> None:
        sitting.doubtful.add(save)
        await self._call(client, sitting, save)
        sitting.doubtful.discard(save)
        sitting.saved[save.slot, save.sequence] = sitting.last = save

    async def _save_outdated(self, client: Client, sitting: _Sitting, save: _Save) -> None:
        """Expect the refusal."""
        try:
            await self._call(client, sitting, save)
        except grpc.aio.AioRpcError as error:
            if refusals.info(error).reason != "ANSWER_SUPERSEDED":
                raise
        else:
            self._overwritten.append(sitting.attempt)

    async def _call(self, client: Client, sitting: _Sitting, save: _Save) -> None:
        request = pb.SaveAnswerRequest(name=sitting.attempt, **save._asdict(), request_id=new_id())
        await client.partyedu.SaveAnswer(request, metadata=await self._callers[sitting.student].metadata())

    async def _submitted(self, client: Client, sitting: _Sitting) -> AttemptScore:
        request = pb.SubmitAttemptRequest(name=sitting.attempt, request_id=new_id())
        metadata = await self._callers[sitting.student].metadata()
        return (await client.partyedu.SubmitAttempt(request, metadata=metadata)).attempt.score

    async def _get(self, client: Client, sitting: _Sitting) -> pb.GetAttemptResponse:
        request = pb.GetAttemptRequest(name=sitting.attempt)
        return await client.partyedu.GetAttempt(request, metadata=await self._callers[sitting.student].reading())

    async def _found(self, client: Client, sitting: _Sitting) -> tuple[list[AttemptScore], Evidence]:
        """Every score that somebody is told of the attempt, and what is on record of it."""
        again = await self._submitted(client, sitting)
        shown: Attempt = (await self._get(client, sitting)).attempt
        request = pb.GetEvidenceRequest(name=sitting.attempt)
        answer = await client.partyedu.GetEvidence(request, metadata=await self._officer.reading())
        first = sitting.score or again
        return [first, again, shown.score, answer.evidence.attempt.score, answer.evidence.replayed], answer.evidence

    def _look_for_keys(self, sitting: _Sitting, paper: Paper) -> None:
        if any(item.HasField("review") for item in paper.items):
            self._leaked.append(sitting.attempt)

    def _answer(self, item: PaperItem) -> Sequence[str]:
        """The right answer, if the member knows it; else one that is tried."""
        if self._rng.random() < _KNOWN:
            return study.right_answer(item)
        letters = study.LETTERS[: len(item.options)]
        many = {ItemKind.ITEM_KIND_ORDERING: len(letters), ItemKind.ITEM_KIND_MULTIPLE: 2}
        return self._rng.sample(letters, many.get(item.kind, 1))
