"""What the members of the load study, and who they are: entered by the administrator, the same whenever it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import grpc.aio

from onegrid.partyedu.v1 import course_methods_pb2 as courses_pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1 import quiz_methods_pb2 as quizzes_pb
from onegrid.partyedu.v1 import study_plan_methods_pb2 as plans_pb
from onegrid.partyedu.v1.courses_pb2 import Course, Lesson
from onegrid.partyedu.v1.members_pb2 import Member
from onegrid.partyedu.v1.quizzes_pb2 import (
    FixedItems,
    PartialCredit,
    Quiz,
    QuizReview,
    QuizSection,
    ReviewContent,
    ReviewTime,
)
from onegrid.partyedu.v1.study_plans_pb2 import StudyPlan, StudyRequirement
from onegrid_checks.load.callers import Caller, new_id
from onegrid_demo import district, party, party_roll, study
from onegrid_demo.client import Client, Metadata
from onegrid_demo.loading import until_known
from onegrid_kit.clock import CHINA
from onegrid_kit.timestamps import timestamp

__all__ = ["COURSE", "LESSONS", "enrol", "offer", "withdraw"]

COURSE: Final = f"courses/{district.CODE}-load"
_LESSONS: Final = ("first", "second", "third")
LESSONS: Final = tuple(f"{COURSE}/lessons/{each}" for each in _LESSONS)
_PASS_PERCENT: Final = 60


async def enrol(
    client: Client, officer: Metadata, students: Mapping[str, Caller], accounts: Mapping[str, Mapping[str, str]]
) -> Mapping[str, Member]:
    """See to it that these are members of the Party; by the caller. They stay members where they are one already."""
    await party.define_line(client, officer, officer)
    return {who: await _member(client, officer, who, caller, accounts) for who, caller in students.items()}


async def offer(client: Client, officer: Metadata, quizzes: Sequence[str], plan: str) -> None:
    """Publish the course, which all runs have in common; and quizzes and a plan that asks for them, of these names."""
    partyedu = client.partyedu
    lessons = [
        Lesson(id=each, display_name=f"第{number}课", text="试验用课程。", required_minutes=600)
        for number, each in enumerate(_LESSONS, start=1)
    ]
    course = Course(name=COURSE, display_name="负载试验课程", lessons=lessons)
    await partyedu.DefineCourse(courses_pb.DefineCourseRequest(course=course, request_id=new_id()), metadata=officer)
    await partyedu.PublishCourse(courses_pb.PublishCourseRequest(name=COURSE, request_id=new_id()), metadata=officer)
    await study.define_pool(client, officer)
    for name in quizzes:
        await partyedu.DefineQuiz(quizzes_pb.DefineQuizRequest(quiz=_quiz(name), request_id=new_id()), metadata=officer)
        await partyedu.PublishQuiz(quizzes_pb.PublishQuizRequest(name=name, request_id=new_id()), metadata=officer)
    define = plans_pb.DefineStudyPlanRequest(study_plan=_plan(plan, quizzes), request_id=new_id())
    await partyedu.DefineStudyPlan(define, metadata=officer)
    await partyedu.PublishStudyPlan(plans_pb.PublishStudyPlanRequest(name=plan, request_id=new_id()), metadata=officer)


async def withdraw(client: Client, officer: Metadata, quizzes: Sequence[str], plan: str) -> None:
    """Retire the quizzes and close the plan."""
    partyedu = client.partyedu
    for name in quizzes:
        await partyedu.CloseQuiz(quizzes_pb.CloseQuizRequest(name=name, request_id=new_id()), metadata=officer)
        await partyedu.RetireQuiz(quizzes_pb.RetireQuizRequest(name=name, request_id=new_id()), metadata=officer)
    await partyedu.CloseStudyPlan(plans_pb.CloseStudyPlanRequest(name=plan, request_id=new_id()), metadata=officer)


def _quiz(name: str) -> Quiz:
    return Quiz(
        name=name,
        display_name="负载试验测验",
        sections=[QuizSection(points_each=20, fixed=FixedItems(items=study.ITEMS))],
        shuffle_items=True,
        shuffle_options=True,
        minutes_allowed=60,
        pass_percent=_PASS_PERCENT,
        partial_credit=PartialCredit.PARTIAL_CREDIT_NONE,
        review=QuizReview(content=ReviewContent.REVIEW_CONTENT_EXPLANATIONS, time=ReviewTime.REVIEW_TIME_SUBMISSION),
        study_minutes=1,
    )


def _plan(name: str, quizzes: Sequence[str]) -> StudyPlan:
    year = datetime.now(CHINA).year
    begin, end = (timestamp(datetime(each, 1, 1, tzinfo=CHINA)) for each in (year, year + 1))
    return StudyPlan(
        name=name,
        display_name="负载试验计划",
        organization=party_roll.BRANCH,
        begin_time=begin,
        end_time=end,
        requirements=[
            StudyRequirement(id=f"quiz-{number}", subject=each, due_time=end)
            for number, each in enumerate(quizzes, start=1)
        ],
    )


async def _member(
    client: Client, officer: Metadata, who: str, caller: Caller, accounts: Mapping[str, Mapping[str, str]]
) -> Member:
    admit = members_pb.AdmitMemberRequest(
        organization=party_roll.BRANCH,
        person_name="试验党员",
        user=accounts[who]["user"],
        join_time=timestamp(datetime(2001, 7, 1, tzinfo=CHINA)),
        confirm_time=timestamp(datetime(2002, 7, 1, tzinfo=CHINA)),
        request_id=new_id(),
    )
    try:
        # partyedu hears of accounts by events.
        await until_known(partial(client.partyedu.AdmitMember, admit, metadata=officer))
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
    own = members_pb.GetMemberRequest(name="members/me")
    return (await client.partyedu.GetMember(own, metadata=await caller.reading())).member
