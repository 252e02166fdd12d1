"""The calls of the mix that are partyedu's: members take quizzes and study a course on several players at once,
officers read how far they are, and another system posts statements of learning.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

import grpc
import grpc.aio

from onegrid.partyedu.v1 import completion_methods_pb2 as completions_pb
from onegrid.partyedu.v1 import course_methods_pb2 as courses_pb
from onegrid.partyedu.v1 import statement_methods_pb2 as statements_pb
from onegrid.partyedu.v1 import study_methods_pb2 as study_pb
from onegrid.partyedu.v1 import study_plan_methods_pb2 as plans_pb
from onegrid.partyedu.v1.members_pb2 import Member
from onegrid_checks.checklist import Checklist
from onegrid_checks.load import subjects
from onegrid_checks.load.attempts import Attempts
from onegrid_checks.load.callers import Caller, new_id
from onegrid_demo import district, gently, party_roll
from onegrid_demo.client import Client
from onegrid_demo.loading import COMMUNITY, until

__all__ = ["Reported", "Study", "covered"]

_STUDENTS: Final = ("neighbour", "street", "centre", "commander", "grid")
_QUIZZES: Final = 4
"""Each student has an attempt at each under way."""
_PLAYERS: Final = 3
"""On which each student studies a lesson of its own, all at once."""
_TOLERANCE_S: Final = 60.0
"""Reports of a player that lie further apart earn nothing."""
_INACCURACY_S: Final = 2.0
"""By how much clocks of replicas may differ."""
_BATCH: Final = 3
"""Statements that are posted together."""
_SHOWN: Final = 3


class Reported(NamedTuple):
    """A report of a player, in seconds of the event loop: the server took it in between."""

    sent: float
    answered: float


class Study:
    """Makes the calls. In the end its quizzes are retired and its plan is closed; members and the course stay."""

    def __init__(
        self,
        callers: Mapping[str, Caller],
        accounts: Mapping[str, Mapping[str, str]],
        mark: str,
        rng: random.Random,
    ) -> None:
        self._officer = callers["admin"]
        self._students = {who: callers[who] for who in _STUDENTS}
        self._accounts = accounts
        self._mark = mark
        self._rng = rng
        self._attempts = Attempts(self._students, self._officer, rng)
        self.calls: Mapping[str, Callable[[Client], Awaitable[None]]] = {
            "StartAttempt": self._attempts.start,
            "GetAttempt": self._attempts.read,
            "SaveAnswer": self._attempts.save,
            "SubmitAttempt": self._attempts.submit,
            "ReportStudy": self._report,
            "GetCourse": self._get_course,
            "GetStudyPlanProgress": self._get_progress,
            "StoreStatements": self._post,
        }
        word = f"{COMMUNITY}-load-{uuid.uuid4().hex[:12]}"
        self._quizzes = [f"quizzes/{word}-{number}" for number in range(1, _QUIZZES + 1)]
        self._plan = f"studyPlans/{word}"
        self._members: Mapping[str, Member] = {}
        self._players = {who: [new_id() for _ in range(_PLAYERS)] for who in _STUDENTS}
        self._reported: defaultdict[tuple[str, str], list[Reported]] = defaultdict(list)
        """By student and player."""
        self._studied: Mapping[str, float] = {}
        """How long each student had studied the course before, in seconds."""
        self._began = 0.0
        self._statements: dict[str, str] = {}
        """Those that were acknowledged: the id in the request, by the name in the answer."""

    def method(self, due: str) -> str:
        """The call to make where this one is due: attempts go from one call to the next, as far as they are."""
        if due in ("StartAttempt", "GetAttempt", "SaveAnswer", "SubmitAttempt"):
            return self._attempts.method(due) or "GetCourse"
        return due

    async def begin(self, client: Client) -> None:
        """Enrol the students, and publish what they study."""
        officer = await self._officer.metadata()
        self._members = await subjects.enrol(client, officer, self._students, self._accounts)
        await subjects.offer(client, officer, self._quizzes, self._plan)
        self._attempts.seat(_STUDENTS, self._quizzes)
        self._began = asyncio.get_running_loop().time()
        self._studied = {who: await self._study_time(client, who) for who in _STUDENTS}

    async def settle(self, client: Client, checklist: Checklist) -> None:
        """Submit what is open, and ask for attempts, completions, study time and statements."""
        await self._attempts.settle(client, checklist)
        await self._expect_completions(client, checklist)
        await self._expect_study_time(client, checklist)
        await self._expect_statements(client, checklist)
        await subjects.withdraw(client, await self._officer.metadata(), self._quizzes, self._plan)

    async def _report(self, client: Client) -> None:
        who = self._rng.choice(_STUDENTS)
        turn = self._rng.randrange(_PLAYERS)
        player = self._players[who][turn]
        request = study_pb.ReportStudyRequest(lesson=subjects.LESSONS[turn], device=player)
        metadata = await self._students[who].metadata()
        loop = asyncio.get_running_loop()
        sent = loop.time()
        await client.partyedu.ReportStudy(request, metadata=metadata)
        self._reported[who, player].append(Reported(sent, loop.time()))

    async def _get_course(self, client: Client) -> None:
        reader = self._students[self._rng.choice(_STUDENTS)]
        request = courses_pb.GetCourseRequest(name=subjects.COURSE)
        await client.partyedu.GetCourse(request, metadata=await reader.metadata())

    async def _get_progress(self, client: Client) -> None:
        await self._progress(client)

    async def _progress(self, client: Client) -> Sequence[int]:
        """How many of the plan's organization completed each quiz."""
        request = plans_pb.GetStudyPlanProgressRequest(name=self._plan, organization=party_roll.BRANCH)
        answer = await client.partyedu.GetStudyPlanProgress(request, metadata=await self._officer.metadata())
        return [each.done for each in answer.requirements]

    async def _post(self, client: Client) -> None:
        """Post new statements, and one that was posted before."""
        ids = [new_id() for _ in range(_BATCH)]
        if self._statements:
            ids.append(self._rng.choice(list(self._statements.values())))
        await self._store(client, ids)

    async def _store(self, client: Client, ids: Sequence[str]) -> None:
        request = statements_pb.StoreStatementsRequest(
            district=district.CODE,
            statements=json.dumps([self._statement(each) for each in ids]),
            request_id=new_id(),
        )
        answer = await client.partyedu.StoreStatements(request, metadata=await self._officer.metadata())
        self._statements.update(zip(answer.names, ids, strict=True))

    def _statement(self, id_: str) -> Mapping[str, object]:
        return {
            "id": id_,
            "actor": {"account": {"homePage": "https://study.example.cn", "name": self._mark}},
            "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
            "object": {"id": "https://study.example.cn/courses/load"},
        }

    async def _expect_completions(self, client: Client, checklist: Checklist) -> None:
        passed = self._attempts.passed()
        expected = sorted((who, quiz, percent) for (who, quiz), percent in passed.items())
        planned = {who for who, member in self._members.items() if member.organization == party_roll.BRANCH}
        counted = [sum((who, quiz) in passed for who in planned) for quiz in self._quizzes]
        # What is passed is recorded a moment later.
        completed = await until(partial(self._completed, client), lambda found: found == expected)
        done = await until(partial(self._progress, client), lambda found: found == counted)
        checklist.expect(
            f"each of the {len(passed)} quizzes that a member passed is completed once, with the best percent",
            completed == expected,
            actual=f"{[each for each in expected if each not in completed][:_SHOWN]} are not; "
            f"instead {[each for each in completed if each not in expected][:_SHOWN]}",
            look="ListCompletions; deadlines: onegrid_ladder_oldest_due_seconds of partyedu",
        )
        checklist.expect(
            "the plan counts who completed each of its quizzes",
            done == counted,
            actual=f"{done}, not {counted}",
            look=f"GetStudyPlanProgress of {self._plan}",
        )

    async def _completed(self, client: Client) -> list[tuple[str, str, int]]:
        """Who completed which of the quizzes with how many percent."""
        found = []
        for who, caller in self._students.items():
            request = completions_pb.ListCompletionsRequest(member="members/me", page_size=500)
            while True:
                answer = await client.partyedu.ListCompletions(request, metadata=await caller.reading())
                found += [
                    (who, each.subject, each.percent) for each in answer.completions if each.subject in self._quizzes
                ]
                request.page_token = answer.next_page_token
                if not request.page_token:
                    break
        return sorted(found)

    async def _expect_study_time(self, client: Client, checklist: Checklist) -> None:
        """Other runs have the same members study, on players of their own: what they add is no more than time passes,
        and the time since a report just before this run began.
        """
        most = asyncio.get_running_loop().time() - self._began + _TOLERANCE_S + _INACCURACY_S
        wrong = []
        for who in _STUDENTS:
            grown = await self._study_time(client, who) - self._studied[who]
            least = covered([self._reported[who, player] for player in self._players[who]]) - _INACCURACY_S
            if not least <= grown <= most:
                wrong.append(f"{who} by {grown:.1f} s, not {least:.1f} to {most:.1f}")
        checklist.expect(
            "members' study time grew by as long as they studied, and what was on several players at once counts once",
            not wrong,
            actual=", ".join(wrong),
            look="GetCourseProgress, and partyedu's api log, method ReportStudy",
        )

    async def _study_time(self, client: Client, who: str) -> float:
        """How long the student has studied the course, in seconds."""
        request = study_pb.GetCourseProgressRequest(member="members/me", course=subjects.COURSE)
        answer = await client.partyedu.GetCourseProgress(request, metadata=await self._students[who].reading())
        times = (each.study_time.ToTimedelta() for each in answer.progress.lessons)
        return sum(times, timedelta()).total_seconds()

    async def _expect_statements(self, client: Client, checklist: Checklist) -> None:
        """Ask for each, and post all of them again."""
        names = dict(self._statements)

        async def is_there(name: str) -> bool:
            request = statements_pb.GetStatementRequest(name=name)
            try:
                answer = await client.partyedu.GetStatement(request, metadata=await self._officer.reading())
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                return False
            return bool(json.loads(answer.statement)["id"] == names[name])

        there = await gently.each_of(names, is_there)
        lost = [name for name, found in zip(names, there, strict=True) if not found]
        ids = list(names.values())
        for begin in range(0, len(ids), 500):
            await self._store(client, ids[begin : begin + 500])
        checklist.expect(
            f"each of the {len(names)} statements that were posted, some of them repeatedly, is there once",
            not lost and self._statements == names and len(set(ids)) == len(ids),
            actual=f"{len(lost)} lost, {len(self._statements) - len(names)} twice: {', '.join(lost[:_SHOWN])}",
            look="GetStatement of these, and partyedu's api log, method StoreStatements",
        )


def covered(players: Sequence[Sequence[Reported]]) -> float:
    """For how many seconds at least there was study, by reports of several players of one member."""
    spans = sorted(
        (before.answered, after.sent)
        for reports in players
        for before, after in pairwise(sorted(reports))
        if after.answered - before.sent <= _TOLERANCE_S and before.answered < after.sent
    )
    total, until_ = 0.0, float("-inf")
    for begin, end in spans:
        total += max(0.0, end - max(begin, until_))
        until_ = max(until_, end)
    return total
