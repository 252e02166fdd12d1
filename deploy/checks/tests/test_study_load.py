"""The load on partyedu notices what it is there for: answers, scores, completions, study time, statements."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from onegrid.partyedu.v1 import attempt_methods_pb2 as pb
from onegrid.partyedu.v1 import completion_methods_pb2 as completions_pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1 import pool_methods_pb2 as pools_pb
from onegrid.partyedu.v1 import statement_methods_pb2 as statements_pb
from onegrid.partyedu.v1 import study_methods_pb2 as study_pb
from onegrid.partyedu.v1 import study_plan_methods_pb2 as plans_pb
from onegrid.partyedu.v1.attempts_pb2 import (
    Attempt,
    AttemptScore,
    Evidence,
    EvidenceSave,
    Paper,
    PaperItem,
    PaperItemReview,
)
from onegrid.partyedu.v1.completions_pb2 import Completion
from onegrid.partyedu.v1.members_pb2 import Member
from onegrid.partyedu.v1.pools_pb2 import Item
from onegrid.partyedu.v1.study_pb2 import CourseProgress, LessonProgress
from onegrid.partyedu.v1.study_plans_pb2 import RequirementTotal
from onegrid_checks.checklist import Checklist
from onegrid_checks.load.study import Reported, Study, covered
from onegrid_demo import party_roll
from onegrid_demo.client import Metadata

ANSWERS = r"each of the \d+ answers .* is on record once"
SCORES = r"each of the \d+ attempts has the score"
KEYS = "no paper shows anything of a key"
COMPLETED = r"each of the \d+ quizzes that a member passed is completed once"
COUNTED = "the plan counts who completed"
STUDIED = "members' study time grew by as long as they studied"
STATEMENTS = r"each of the \d+ statements .* is there once"


class Refused(grpc.aio.AioRpcError):
    """The platform's refusal for this reason."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        status = status_pb2.Status(code=code.value[0])
        status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason))
        details = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
        super().__init__(code, grpc.aio.Metadata(), details, reason)


class Sat:
    """An attempt."""

    def __init__(self, number: int, who: str, quiz: str) -> None:
        self.name, self.who, self.quiz = f"attempts/210602-{number:020}", who, quiz
        self.saves: list[EvidenceSave] = []
        self.score: AttemptScore | None = None


class Partyedu:
    """Takes what is sent; with a fault, not all of it right."""

    def __init__(self, fault: str, clock: list[float]) -> None:
        self.fault, self.clock = fault, clock
        self.items: list[Item] = []
        self.attempts: dict[str, Sat] = {}
        self.best: dict[tuple[str, str], int] = {}
        self.refused = 0
        self.reported: dict[str, list[tuple[float, str]]] = {}
        self.asked: list[str] = []
        self.statements: dict[str, str] = {}

    async def DefineItem(self, request: pools_pb.DefineItemRequest, **_: object) -> None:
        self.items.append(request.item)

    async def DefineStudyPlan(self, request: plans_pb.DefineStudyPlanRequest, **_: object) -> None:
        self.asked = [each.subject for each in request.study_plan.requirements]

    async def AdmitMember(self, request: members_pb.AdmitMemberRequest, **_: object) -> None:
        if request.user == "users/neighbour":
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, "RESOURCE_EXISTS")

    async def GetMember(self, _: object, *, metadata: Metadata) -> members_pb.GetMemberResponse:
        elsewhere = who(metadata) == "neighbour"
        return members_pb.GetMemberResponse(member=Member(organization="elsewhere" if elsewhere else party_roll.BRANCH))

    async def StartAttempt(self, request: pb.StartAttemptRequest, *, metadata: Metadata) -> pb.StartAttemptResponse:
        sat = Sat(len(self.attempts), who(metadata), request.quiz)
        self.attempts[sat.name] = sat
        return pb.StartAttemptResponse(attempt=Attempt(name=sat.name))

    async def GetAttempt(self, request: pb.GetAttemptRequest, **_: object) -> pb.GetAttemptResponse:
        paper = Paper(items=self._shown())
        if self.fault == "leaked":
            paper.items[0].review.CopyFrom(PaperItemReview(key=["A"]))
        return pb.GetAttemptResponse(attempt=Attempt(score=self.attempts[request.name].score), paper=paper)

    async def SaveAnswer(self, request: pb.SaveAnswerRequest, **_: object) -> pb.SaveAnswerResponse:
        saves = self.attempts[request.name].saves
        new = EvidenceSave(slot=request.slot, sequence=request.sequence, answer=request.answer)
        if new in saves and self.fault != "doubled":
            return pb.SaveAnswerResponse()
        if new not in saves and any((each.slot, new.sequence) == (new.slot, each.sequence) for each in saves):
            raise AssertionError("another answer of the same number")
        if any(each.slot == new.slot and each.sequence > new.sequence for each in saves):
            self.refused += 1
            if self.fault != "outdated":
                raise Refused(grpc.StatusCode.ABORTED, "ANSWER_SUPERSEDED")
        saves.append(new)
        return pb.SaveAnswerResponse()

    async def SubmitAttempt(self, request: pb.SubmitAttemptRequest, **_: object) -> pb.SubmitAttemptResponse:
        sat = self.attempts[request.name]
        if sat.score is None or self.fault == "regraded":
            sat.score = self._score(sat)
            if sat.score.passed:
                of = (sat.who, sat.quiz)
                self.best[of] = max(sat.score.percent, self.best.get(of, 0))
        return pb.SubmitAttemptResponse(attempt=Attempt(score=sat.score))

    async def GetEvidence(self, request: pb.GetEvidenceRequest, **_: object) -> pb.GetEvidenceResponse:
        sat = self.attempts[request.name]
        saves = sat.saves[1:] if self.fault == "lost" else sat.saves
        evidence = Evidence(attempt=Attempt(score=sat.score), saves=saves, replayed=sat.score)
        return pb.GetEvidenceResponse(evidence=evidence)

    async def ReportStudy(self, request: study_pb.ReportStudyRequest, *, metadata: Metadata) -> None:
        self.clock[0] += 1
        self.reported.setdefault(who(metadata), []).append((self.clock[0], request.device))

    async def GetCourseProgress(self, _: object, *, metadata: Metadata) -> study_pb.GetCourseProgressResponse:
        times = self.reported.get(who(metadata), [])
        studied = max(times)[0] - min(times)[0] if times else 0
        if self.fault == "time lost":
            studied = 0
        elif self.fault == "time twice":
            studied = 3 * studied
        lesson = LessonProgress(study_time=Duration(seconds=int(studied)))
        return study_pb.GetCourseProgressResponse(progress=CourseProgress(lessons=[lesson]))

    async def GetStudyPlanProgress(self, *_: object, **__: object) -> plans_pb.GetStudyPlanProgressResponse:
        done = [sum(quiz == each and who != "neighbour" for who, quiz in self.best) for each in self.asked]
        totals = [RequirementTotal(done=each + (self.fault == "counted")) for each in done]
        return plans_pb.GetStudyPlanProgressResponse(requirements=totals)

    async def ListCompletions(self, _: object, *, metadata: Metadata) -> completions_pb.ListCompletionsResponse:
        of = [Completion(subject=quiz, percent=most) for (by, quiz), most in self.best.items() if by == who(metadata)]
        times = {"not completed": 0, "completed twice": 2}.get(self.fault, 1)
        return completions_pb.ListCompletionsResponse(completions=of * times)

    async def StoreStatements(
        self, request: statements_pb.StoreStatementsRequest, **_: object
    ) -> statements_pb.StoreStatementsResponse:
        names = []
        for each in json.loads(request.statements):
            suffix = f"-{len(self.statements)}" if self.fault == "statement twice" else ""
            names.append(f"statements/210602-{each['id']}{suffix}")
            self.statements[names[-1]] = json.dumps(each)
        return statements_pb.StoreStatementsResponse(names=names)

    async def GetStatement(
        self, request: statements_pb.GetStatementRequest, **_: object
    ) -> statements_pb.GetStatementResponse:
        if self.fault == "statement lost":
            raise Refused(grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND")
        return statements_pb.GetStatementResponse(statement=self.statements[request.name])

    def __getattr__(self, method: str) -> Any:
        async def done(*_: object, **__: object) -> None:
            assert re.match("(Define|Publish|Close|Retire|Get)(Organization|Pool|Course|Quiz|StudyPlan)$", method)

        return done

    def _shown(self) -> Iterator[PaperItem]:
        for slot, item in enumerate(self.items, start=1):
            options = [each.text for each in item.options]
            yield PaperItem(slot=slot, kind=item.kind, stem=item.stem, options=options, points=20)

    def _score(self, sat: Sat) -> AttemptScore:
        latest = {each.slot: list(each.answer) for each in sorted(sat.saves, key=lambda each: each.sequence)}
        keys = {slot: ["ABCDEF"[int(id_) - 1] for id_ in item.key] for slot, item in enumerate(self.items, start=1)}
        right = sum(latest.get(slot) == key for slot, key in keys.items())
        if self.fault == "scored" or (self.fault == "regraded" and sat.score is not None):
            right -= 1
        return AttemptScore(
            points_hundredths=2000 * right, most_hundredths=10_000, percent=20 * right, passed=right >= 3
        )


class Somebody:
    """Is logged in."""

    def __init__(self, who: str) -> None:
        self.who = who

    async def metadata(self) -> Metadata:
        return (("who", self.who),)

    reading = metadata


def who(metadata: Metadata) -> str:
    return dict(metadata)["who"]


async def run(fault: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Partyedu, list[str]]:
    clock = [1_000.0]
    partyedu, rng = Partyedu(fault, clock), random.Random(20201111)

    async def at_once(*_: object) -> None:
        pass

    # The load waits for minutes until all is recorded, and takes its times from the event loop.
    monkeypatch.setattr("onegrid_demo.loading.asyncio.sleep", at_once)
    monkeypatch.setattr(
        "onegrid_checks.load.study.asyncio.get_running_loop", lambda: SimpleNamespace(time=lambda: clock[0])
    )
    client = cast(Any, SimpleNamespace(partyedu=partyedu))
    people = ("admin", "neighbour", "street", "centre", "commander", "grid")
    study = Study(
        cast(Any, {each: Somebody(each) for each in people}),
        {each: {"user": f"users/{each}"} for each in people},
        "load",
        rng,
    )
    await study.begin(client)
    weights = {"StartAttempt": 1, "GetAttempt": 1, "SaveAnswer": 7, "SubmitAttempt": 2, "ReportStudy": 3}
    for method in rng.choices(list(weights), list(weights.values()), k=1_000):
        await study.calls[study.method(method)](client)
    for method in ("GetCourse", "GetStudyPlanProgress", *["StoreStatements"] * 20):
        await study.calls[study.method(method)](client)
    checklist = Checklist("load")
    await study.settle(client, checklist)
    return partyedu, checklist.failed


async def test_what_is_there_once_and_worth_what_it_should_be_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    partyedu, failed = await run("", monkeypatch)
    assert failed == []
    assert partyedu.refused > 10
    assert len(partyedu.attempts) > 60
    assert any(sat.score and not sat.score.passed for sat in partyedu.attempts.values())


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("lost", ANSWERS),
        ("doubled", ANSWERS),
        ("outdated", ANSWERS),
        ("scored", SCORES),
        ("regraded", SCORES),
        ("leaked", KEYS),
        ("not completed", COMPLETED),
        ("completed twice", COMPLETED),
        ("counted", COUNTED),
        ("time lost", STUDIED),
        ("time twice", STUDIED),
        ("statement lost", STATEMENTS),
        ("statement twice", STATEMENTS),
    ],
)
async def test_what_is_not_is_named(fault: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, failed = await run(fault, monkeypatch)
    assert any(re.match(expected, each) for each in failed), failed


@pytest.mark.parametrize(
    ("players", "seconds"),
    [
        ([[(0, 1), (30, 31), (59, 60)]], 57),
        # Too far apart: it earns nothing, however soon it was sent.
        ([[(0, 1), (60, 61)]], 0),
        # On two players at once.
        ([[(0, 1), (30, 31)], [(10, 11), (50, 51)]], 49),
        # Nobody knows which of two came first.
        ([[(0, 9), (5, 6)]], 0),
        ([[]], 0),
    ],
)
def test_study_time_is_what_was_surely_covered(players: list[list[tuple[float, float]]], seconds: float) -> None:
    assert covered([[Reported(*each) for each in reports] for reports in players]) == seconds
