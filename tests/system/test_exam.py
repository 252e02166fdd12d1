"""An exam while processes are killed: what was acknowledged counts, once, and the score is that of it."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from onegrid.partyedu.v1 import attempt_methods_pb2 as pb
from onegrid.partyedu.v1 import completion_methods_pb2 as completions_pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1 import organization_methods_pb2 as organizations_pb
from onegrid.partyedu.v1 import pool_methods_pb2 as pools_pb
from onegrid.partyedu.v1 import quiz_methods_pb2 as quizzes_pb
from onegrid.partyedu.v1.attempts_pb2 import Attempt, AttemptState, Evidence
from onegrid.partyedu.v1.organizations_pb2 import Organization, OrganizationForm, OrganizationKind
from onegrid.partyedu.v1.pools_pb2 import Item, ItemKind, ItemOption, Pool
from onegrid.partyedu.v1.quizzes_pb2 import (
    FixedItems,
    PartialCredit,
    Quiz,
    QuizReview,
    QuizSection,
    ReviewContent,
    ReviewTime,
)
from onegrid_demo.client import Metadata
from onegrid_demo.loading import STREET, until, until_known
from onegrid_kit.testing.waiting import HANG_S
from onegrid_kit.timestamps import timestamp

from .fleet import Fleet, FleetClient
from .killing import Insisting, kill

ITEMS = 6
PARTS = ("api", "worker", "postgres")
_numbers = itertools.count(1)


@dataclass
class Room:
    """Where an exam is held: an editor, and a member who takes it."""

    client: FleetClient
    editor: Metadata
    member: Metadata

    async def call(self, method: Callable[..., Awaitable[Any]], who: Metadata, request: Message) -> Any:
        """The answer, with a request id where there can be one."""
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = str(uuid.uuid4())  # type: ignore[attr-defined]
        return await method(request, metadata=who, timeout=HANG_S)

    async def admit(self, user: str) -> None:
        """Have the account be a member's."""
        organization = Organization(
            name=f"organizations/{STREET}-exam",
            display_name="考试支部",
            kind=OrganizationKind.ORGANIZATION_KIND_STREET,
            form=OrganizationForm.ORGANIZATION_FORM_COMMITTEE,
        )
        partyedu = self.client.partyedu
        defined = organizations_pb.DefineOrganizationRequest(organization=organization)
        await self.call(partyedu.DefineOrganization, self.editor, defined)
        joined = timestamp(datetime(2010, 7, 1, tzinfo=UTC))
        admitted = members_pb.AdmitMemberRequest(
            organization=organization.name, person_name="王建国", user=user, join_time=joined
        )
        await until_known(lambda: self.call(partyedu.AdmitMember, self.editor, admitted))

    async def quiz(self, lasts: timedelta) -> str:
        """A published quiz whose first option is always right, and which closes then."""
        partyedu, number = self.client.partyedu, next(_numbers)
        pool = f"pools/{STREET}-exam{number}"
        await self.call(
            partyedu.DefinePool, self.editor, pools_pb.DefinePoolRequest(pool=Pool(name=pool, display_name="题库"))
        )
        for n in range(ITEMS):
            item = Item(
                name=f"{pool}/items/i{n}",
                kind=ItemKind.ITEM_KIND_SINGLE,
                stem=f"第{n}题",
                options=[ItemOption(id=each, text=f"选项{each}") for each in "abc"],
                key=["a"],
                points=1,
            )
            await self.call(partyedu.DefineItem, self.editor, pools_pb.DefineItemRequest(item=item))
        quiz = Quiz(
            name=f"quizzes/{STREET}-exam{number}",
            display_name="考试",
            sections=[QuizSection(fixed=FixedItems(items=[f"{pool}/items/i{n}" for n in range(ITEMS)]))],
            pass_percent=100,
            partial_credit=PartialCredit.PARTIAL_CREDIT_NONE,
            review=QuizReview(content=ReviewContent.REVIEW_CONTENT_SCORE, time=ReviewTime.REVIEW_TIME_CLOSE),
            close_time=timestamp(datetime.now(UTC) + lasts),
        )
        await self.call(partyedu.DefineQuiz, self.editor, quizzes_pb.DefineQuizRequest(quiz=quiz))
        await self.call(partyedu.PublishQuiz, self.editor, quizzes_pb.PublishQuizRequest(name=quiz.name))
        return quiz.name

    async def start(self, quiz: str) -> str:
        """Begin; the attempt's name."""
        answer = await self.call(self.client.partyedu.StartAttempt, self.member, pb.StartAttemptRequest(quiz=quiz))
        name: str = answer.attempt.name
        return name

    async def save(self, attempt: str, slot: int, sequence: int, answer: str) -> None:
        """Save as often as it takes, as a device does that has heard no answer."""
        request = pb.SaveAnswerRequest(name=attempt, slot=slot, sequence=sequence, answer=[answer])
        await self.client.partyedu.SaveAnswer(request, metadata=self.member, timeout=HANG_S)

    async def submit(self, attempt: str) -> Attempt:
        """Hand in."""
        request = pb.SubmitAttemptRequest(name=attempt)
        answer = await self.client.partyedu.SubmitAttempt(request, metadata=self.member, timeout=HANG_S)
        submitted: Attempt = answer.attempt
        return submitted

    async def scored(self, attempt: str) -> Attempt:
        """The attempt, once it has a score. Nobody reads it before that: another one's list is looked at."""
        found = await until(
            lambda: self.call(self.client.partyedu.ListOwnAttempts, self.member, pb.ListOwnAttemptsRequest()),
            lambda answer: any(each.name == attempt and each.HasField("score") for each in answer.attempts),
        )
        return next(each for each in found.attempts if each.name == attempt)

    async def evidence(self, attempt: str) -> Evidence:
        """What is on record."""
        request = pb.GetEvidenceRequest(name=attempt)
        answer = await self.call(self.client.partyedu.GetEvidence, self.editor, request)
        found: Evidence = answer.evidence
        return found


async def test_an_exam_survives_what_is_killed(fleet: Fleet) -> None:
    rng = random.Random()
    client = FleetClient(fleet, Insisting())
    try:
        admin = await client.staff(fleet.accounts["admin"]["login"], fleet.accounts["admin"]["password"])
        room = Room(client, admin, await client.staff("grid", fleet.accounts["grid"]["password"]))
        await room.admit(fleet.accounts["grid"]["user"])

        # Handed in, while something is killed after each few saves.
        name = await room.start(await room.quiz(timedelta(hours=1)))
        for sequence, answer in ((1, "B"), (2, "A")):
            for slot in range(1, ITEMS + 1):
                if slot % 3 == 0:
                    kill(fleet, rng.choice(PARTS), "partyedu")
                await room.save(name, slot, sequence, answer)
        kill(fleet, "api", "partyedu")
        submitted = await room.submit(name)
        kill(fleet, "api", "partyedu")
        assert await room.submit(name) == submitted
        assert (submitted.state, submitted.score.percent) == (AttemptState.ATTEMPT_STATE_SUBMITTED, 100)
        evidence = await room.evidence(name)
        assert [(each.slot, each.sequence, each.answer[0]) for each in evidence.saves] == [
            (slot, sequence, answer) for sequence, answer in ((1, "B"), (2, "A")) for slot in range(1, ITEMS + 1)
        ]
        assert evidence.replayed == evidence.attempt.score == submitted.score
        completed = completions_pb.ListCompletionsRequest(member="members/me")
        answer = await until(
            lambda: room.call(client.partyedu.ListCompletions, room.member, completed),
            lambda answer: bool(answer.completions),
        )
        assert [each.subject for each in answer.completions] == [submitted.quiz]

        # Handed in by nobody, while the worker is killed at the deadline.
        name = await room.start(await room.quiz(timedelta(seconds=15)))
        for slot in range(1, 4):
            await room.save(name, slot, 1, "A")
        kill(fleet, "api", "partyedu")
        kill(fleet, "worker", "partyedu")
        expired = await room.scored(name)
        assert (expired.state, expired.score.percent) == (AttemptState.ATTEMPT_STATE_EXPIRED, 50)
        assert expired.end_time == expired.due_time
        assert (await room.evidence(name)).replayed == expired.score
    finally:
        await client.close()
