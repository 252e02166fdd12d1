"""Study plans over real gRPC and a real database."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.partyedu.v1.completions_pb2 import CompletionKind, Training
from onegrid.partyedu.v1.courses_pb2 import Course, Lesson
from onegrid.partyedu.v1.members_pb2 import EndReason, MemberState
from onegrid.partyedu.v1.study_plans_pb2 import StudyPlan, StudyPlanProgress, StudyPlanState, StudyRequirement
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.callers import public
from onegrid_kit.timestamps import moment, timestamp
from onegrid_partyedu.completion import Completion
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.store import progress
from onegrid_partyedu.store import study_plans as plan_store
from onegrid_partyedu.store.completions import add_completions, completions_between
from onegrid_partyedu.study_plan import STUDY_PLAN, progress_of

from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, SECRETARY, STREET_COMMITTEE, Line
from .meeting import planned, schedule
from .people import (
    CITIZEN,
    COMMUNITY_DESK,
    DISTRICT,
    KEEPER,
    OTHER_STREET_DESK,
    STREET,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)
from .writing import Writing, a_quiz, drawn

NAME = f"studyPlans/{STREET}-year-2020"
COURSE = f"courses/{STREET}-charter"
BEGIN, END = datetime(2020, 1, 1, tzinfo=CHINA), datetime(2021, 1, 1, tzinfo=CHINA)
JULY = datetime(2020, 7, 1, tzinfo=CHINA)
LISTING = replace(
    SUPERVISOR, grants=(Grant(DISTRICT, OaLevel.OA_LEVEL_DISTRICT, frozenset({"partyedu.progress.list"})),)
)
"""Who may list those behind, and not see who they are."""


def course(due: datetime = JULY, **fields: Any) -> StudyRequirement:
    return StudyRequirement(**{"id": "charter", "subject": COURSE, "due_time": timestamp(due), **fields})


def a_plan(**fields: Any) -> StudyPlan:
    given = {
        "name": NAME,
        "display_name": "2020年度学习计划",
        "organization": STREET_COMMITTEE,
        "begin_time": timestamp(BEGIN),
        "end_time": timestamp(END),
        "requirements": [course()],
        **fields,
    }
    return StudyPlan(**given)


async def define(line: Line, caller: Caller = STREET_DESK, **fields: Any) -> StudyPlan:
    answer = await line.api.call(caller, "DefineStudyPlan", study_plan=a_plan(**fields))
    defined: StudyPlan = answer.study_plan
    return defined


async def write_course(line: Line, *, publish: bool = True) -> None:
    """Write the course that plans ask for."""
    lesson = Lesson(id="whole", display_name="党章", text="总纲。", required_minutes=45)
    written = Course(name=COURSE, display_name="党章", organization=STREET_COMMITTEE, lessons=[lesson])
    await line.api.call(KEEPER, "DefineCourse", course=written)
    if publish:
        await line.api.call(KEEPER, "PublishCourse", name=COURSE)


async def publish(line: Line, name: str = NAME) -> StudyPlan:
    await write_course(line)
    published: StudyPlan = (await line.api.call(STREET_DESK, "PublishStudyPlan", name=name)).study_plan
    return published


async def published(line: Line, **fields: Any) -> StudyPlan:
    return await publish(line, (await define(line, **fields)).name)


def study(line: Line, member: str, at: datetime, subject: str = COURSE, **fields: Any) -> None:
    done = Completion(
        member=MEMBER.id(member),
        subject=subject,
        complete_time=at,
        **{"kind": CompletionKind.COMPLETION_KIND_COURSE, "minutes": 45, **fields},
    )
    with line.engine.begin() as conn:
        add_completions(conn, [done])


async def behind(line: Line, organization: str = STREET_COMMITTEE, caller: Caller = KEEPER) -> list[str]:
    answer = await line.api.call(caller, "ListMembersBehind", name=NAME, organization=organization)
    return [each.member.name for each in answer.members]


async def totals(line: Line, organization: str = STREET_COMMITTEE) -> tuple[int, int, int]:
    answer = await line.api.call(KEEPER, "GetStudyPlanProgress", name=NAME, organization=organization)
    return answer.progress.members, answer.progress.done, answer.progress.behind


async def own(line: Line, member: str, caller: Caller = KEEPER) -> list[Any]:
    return list((await line.api.call(caller, "ListMemberStudyPlans", member=member)).member_study_plans)


async def test_a_plan_is_written_published_and_closed(line: Line) -> None:
    draft = await define(line)
    assert (draft.state, draft.name) == (StudyPlanState.STUDY_PLAN_STATE_DRAFT, NAME)
    changed = await define(line, display_name="年度计划", etag=draft.etag)
    assert (changed.display_name, changed.create_time) == ("年度计划", draft.create_time)
    assert await define(line, display_name="年度计划") == changed
    refused = await line.refused(STREET_DESK, "DefineStudyPlan", study_plan=a_plan(etag=draft.etag))
    assert refused.reason == "STALE_ETAG"
    refused = await line.refused(STREET_DESK, "CloseStudyPlan", name=NAME)
    assert (refused.reason, refused.metadata["state"]) == ("STUDY_PLAN_WRONG_STATE", "DRAFT")
    now = await publish(line)
    assert (now.state, moment(now.publish_time)) == (StudyPlanState.STUDY_PLAN_STATE_PUBLISHED, line.clock.now())
    assert await publish(line) == now
    refused = await line.refused(STREET_DESK, "DefineStudyPlan", study_plan=a_plan())
    assert (refused.reason, refused.metadata["state"]) == ("STUDY_PLAN_WRONG_STATE", "PUBLISHED")
    closed = (await line.api.call(STREET_DESK, "CloseStudyPlan", name=NAME, etag=now.etag)).study_plan
    assert (closed.state, moment(closed.close_time)) == (StudyPlanState.STUDY_PLAN_STATE_CLOSED, line.clock.now())
    refused = await line.refused(STREET_DESK, "PublishStudyPlan", name=NAME)
    assert (refused.reason, refused.metadata["state"]) == ("STUDY_PLAN_WRONG_STATE", "CLOSED")
    assert (await line.api.call(STREET_DESK, "GetStudyPlan", name=NAME)).study_plan == closed


async def test_what_cannot_be_is_refused(line: Line) -> None:
    for fields, field in (
        ({"organization": OTHER_COMMITTEE}, "study_plan.organization"),
        ({"end_time": timestamp(BEGIN)}, "study_plan.end_time"),
        ({"requirements": [course(END + timedelta(days=1))]}, "study_plan.requirements[0].due_time"),
        ({"requirements": [course(), course()]}, "study_plan.requirements[1].id"),
        ({"requirements": [course(subject="courses/210603-x")]}, "study_plan.requirements[0].subject"),
        ({"display_name": "请致电 13904150001"}, "study_plan.display_name"),
    ):
        refused = await line.refused(KEEPER, "DefineStudyPlan", study_plan=a_plan(**fields))
        assert field in refused.fields
    await define(line)
    line.clock.set(END)
    assert (await line.refused(STREET_DESK, "PublishStudyPlan", name=NAME)).reason == "STUDY_PLAN_OVER"


async def test_what_nobody_can_complete_is_not_asked_for(line: Line) -> None:
    meeting = await schedule(line, plan=planned(line.clock.now() + timedelta(days=1)))
    training = f"trainings/{STREET}-spring"
    asked = [COURSE, f"quizzes/{STREET}-july", training, meeting.name]
    await define(line, requirements=[course(id=f"r{n}", subject=each) for n, each in enumerate(asked)])

    async def unknown() -> str:
        refused = await line.refused(STREET_DESK, "PublishStudyPlan", name=NAME)
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SUBJECT_UNKNOWN")
        return refused.metadata["subjects"]

    assert await unknown() == ",".join(asked[:3])
    await write_course(line, publish=False)
    await line.api.call(KEEPER, "DefineTraining", training=Training(name=training, display_name="春季班", minutes=480))
    assert await unknown() == ",".join(asked[:2])
    writing = Writing(line.api)
    await writing.pool_of(2)
    await writing.quiz(a_quiz(drawn(2)), publish=True)
    await line.api.call(KEEPER, "PublishCourse", name=COURSE)
    await line.api.call(KEEPER, "CancelMeeting", name=meeting.name, reason="改期")
    assert await unknown() == meeting.name
    await define(line, requirements=[course(id=f"r{n}", subject=each) for n, each in enumerate(asked[:3])])
    written = (await line.api.call(KEEPER, "GetCourse", name=COURSE)).course
    for organization, is_for_all in ((COMMUNITY_COMMITTEE, False), ("", True)):
        written.organization, written.etag = organization, ""
        await line.api.call(KEEPER, "DefineCourse", course=written)
        if is_for_all:
            await line.api.call(STREET_DESK, "PublishStudyPlan", name=NAME)
        else:
            assert await unknown() == COURSE


async def test_a_plan_is_for_those_who_belong_there_now(line: Line) -> None:
    await published(line)
    # The course was due in July; it is November.
    first, second = await line.admit(), await line.admit(COMMUNITY_COMMITTEE, person_name="李秀英")
    await line.admit(OTHER_COMMITTEE, person_name="赵钱")
    study(line, first.name, datetime(2020, 6, 30, tzinfo=CHINA))
    assert await totals(line) == (2, 1, 1)
    assert await behind(line) == [second.name]
    transfer = await line.transfer(second, OTHER_COMMITTEE)
    await line.api.call(KEEPER, "AcceptTransfer", name=transfer.name)
    assert (await totals(line), await behind(line)) == ((1, 1, 0), [])
    await line.api.call(KEEPER, "EndMembership", name=first.name, reason=EndReason.END_REASON_DIED)
    assert await totals(line) == (0, 0, 0)


async def test_a_closed_plan_stays_as_it_was(line: Line) -> None:
    await published(line)
    first, second = await line.admit(), await line.admit(person_name="李秀英")
    study(line, first.name, datetime(2020, 6, 30, tzinfo=CHINA))
    line.later(days=1)
    await line.api.call(STREET_DESK, "CloseStudyPlan", name=NAME)
    now = line.later(days=1)
    study(line, second.name, now)
    await line.admit(person_name="赵钱")
    await line.api.call(KEEPER, "EndMembership", name=first.name, reason=EndReason.END_REASON_DIED)
    assert (await totals(line), await behind(line)) == ((2, 1, 1), [second.name])
    [plan] = await own(line, second.name)
    assert [(each.done, each.late) for each in plan.progress] == [(0, True)]


async def test_a_plan_can_be_for_secretaries_or_for_members_on_probation(line: Line) -> None:
    secretary, other = await line.admit(), await line.admit(person_name="李秀英")
    new = await line.admit(person_name="赵钱", join_time=datetime(2020, 5, 1, tzinfo=CHINA), confirm_time=None)
    # Of the community's committee, while belonging to a branch below it.
    await line.elect(COMMUNITY_COMMITTEE, (SECRETARY, secretary.name))
    await published(line, posts=[SECRETARY])
    line.later(minutes=1)
    assert await behind(line, BRANCH) == [secretary.name]
    assert [each.study_plan.name for each in await own(line, secretary.name)] == [NAME]
    assert await own(line, other.name) == []
    await line.api.call(KEEPER, "ChangeOfficers", name=COMMUNITY_COMMITTEE, officers=[])
    line.later(minutes=1)
    assert (await behind(line), await own(line, secretary.name)) == ([], [])
    probation = f"studyPlans/{STREET}-probation"
    await published(line, name=probation, member_state=MemberState.MEMBER_STATE_PROBATIONARY)
    answer = await line.api.call(KEEPER, "ListMembersBehind", name=probation, organization=STREET_COMMITTEE)
    assert [each.member.name for each in answer.members] == [new.name]
    assert [each.study_plan.name for each in await own(line, new.name)] == [probation]


async def test_members_see_their_own_plans(line: Line) -> None:
    line.know("users/00studies")
    member = await line.admit(user="users/00studies")
    studying = public("00studies", DISTRICT)
    await define(line, requirements=[course(), StudyRequirement(id="hours", minutes=60, due_time=timestamp(END))])
    assert await own(line, "members/me", studying) == []
    await publish(line)
    done = datetime(2020, 7, 3, tzinfo=CHINA)
    study(line, member.name, done)
    [plan] = await own(line, "members/me", studying)
    by_id = {each.requirement: each for each in plan.progress}
    assert (by_id["charter"].done, by_id["charter"].late, moment(by_id["charter"].done_time)) == (1, True, done)
    assert (by_id["hours"].done, by_id["hours"].wanted, by_id["hours"].late) == (45, 60, False)
    assert not by_id["hours"].HasField("done_time")
    other = await line.admit(person_name="李秀英")
    assert (await line.refused(studying, "ListMemberStudyPlans", member=other.name)).reason == "PERMISSION_DENIED"
    assert (await line.refused(CITIZEN, "ListMemberStudyPlans", member="members/me")).reason == "NOT_FOUND"


async def test_each_organization_is_counted_with_those_below(line: Line) -> None:
    await published(line)
    done, late = await line.admit(), await line.admit(COMMUNITY_COMMITTEE, person_name="李秀英")
    study(line, done.name, JULY - timedelta(days=1))
    answer = await line.api.call(STREET_DESK, "ListStudyPlanProgress", name=NAME, organization=STREET_COMMITTEE)
    assert list(answer.progress) == [
        StudyPlanProgress(organization=STREET_COMMITTEE, members=2, done=1, behind=1),
        StudyPlanProgress(organization=COMMUNITY_COMMITTEE, members=2, done=1, behind=1),
        StudyPlanProgress(organization=BRANCH, members=1, done=1),
    ]
    first = await line.api.call(
        STREET_DESK, "ListStudyPlanProgress", name=NAME, organization=STREET_COMMITTEE, page_size=2
    )
    second = await line.api.call(
        STREET_DESK,
        "ListStudyPlanProgress",
        name=NAME,
        organization=STREET_COMMITTEE,
        page_size=2,
        page_token=first.next_page_token,
    )
    assert [*first.progress, *second.progress] == list(answer.progress)
    got = await line.api.call(COMMUNITY_DESK, "GetStudyPlanProgress", name=NAME, organization=COMMUNITY_COMMITTEE)
    assert [(each.requirement, each.done) for each in got.requirements] == [("charter", 1)]
    [of] = (await line.api.call(KEEPER, "ListMembersBehind", name=NAME, organization=STREET_COMMITTEE)).members
    assert (of.member.name, list(of.requirements)) == (late.name, ["charter"])


async def test_who_is_behind_is_named_to_who_may_see_names(line: Line) -> None:
    await published(line)
    await line.admit()
    for caller, name in ((COMMUNITY_DESK, "王建国"), (LISTING, "")):
        answer = await line.api.call(caller, "ListMembersBehind", name=NAME, organization=COMMUNITY_COMMITTEE)
        assert [each.member.person_name for each in answer.members] == [name]
    for caller in (OTHER_STREET_DESK, WORKER, CITIZEN):
        for method in ("ListMembersBehind", "ListStudyPlanProgress", "GetStudyPlanProgress"):
            refused = await line.refused(caller, method, name=NAME, organization=COMMUNITY_COMMITTEE)
            assert refused.reason == "PERMISSION_DENIED"
    for method in ("ListMembersBehind", "ListStudyPlanProgress", "GetStudyPlanProgress"):
        assert (await line.refused(KEEPER, method, name=NAME, organization=OTHER_COMMITTEE)).fields == ["organization"]


async def test_a_plan_is_read_by_whom_it_concerns(line: Line) -> None:
    plan = await published(line)
    for caller in (STREET_DESK, COMMUNITY_DESK, SUPERVISOR):
        assert (await line.api.call(caller, "GetStudyPlan", name=NAME)).study_plan == plan
    for caller in (OTHER_STREET_DESK, CITIZEN):
        assert (await line.refused(caller, "GetStudyPlan", name=NAME)).reason == "PERMISSION_DENIED"
    assert (await line.refused(OTHER_STREET_DESK, "GetStudyPlan", name=f"{NAME}x")).reason == "PERMISSION_DENIED"
    below = f"studyPlans/{STREET}007-spring"
    await define(
        line, KEEPER, name=below, organization=COMMUNITY_COMMITTEE, end_time=timestamp(END - timedelta(days=9))
    )
    elsewhere = f"studyPlans/{OTHER_COMMITTEE.partition('/')[2].partition('-')[0]}-spring"
    await define(line, KEEPER, name=elsewhere, organization=OTHER_COMMITTEE)
    for scope, names in (
        (f"{STREET}007", [NAME, below]),
        (STREET, [NAME, below]),
        (DISTRICT, [elsewhere, NAME, below]),
    ):
        answer = await line.api.call(KEEPER, "ListStudyPlans", scope=scope)
        assert [each.name for each in answer.study_plans] == names
    drafts = await line.api.call(KEEPER, "ListStudyPlans", scope=STREET, state=StudyPlanState.STUDY_PLAN_STATE_DRAFT)
    assert [each.name for each in drafts.study_plans] == [below]


@pytest.mark.parametrize("seed", range(4))
async def test_the_statement_over_all_says_what_the_rule_says_of_each(line: Line, seed: int) -> None:
    chance = random.Random(seed)
    members = [(await line.admit(chance.choice([BRANCH, COMMUNITY_COMMITTEE]))).name for _ in range(12)]
    for member in members:
        for number in range(chance.randrange(6)):
            kind = chance.choice([CompletionKind.COMPLETION_KIND_MEETING, CompletionKind.COMPLETION_KIND_COURSE])
            at = datetime(2019, 12, 15, tzinfo=CHINA) + timedelta(days=chance.randrange(340))
            meeting = kind == CompletionKind.COMPLETION_KIND_MEETING
            subject = f"meetings/{STREET}-{number}" if meeting else COURSE
            study(line, member, at, subject, kind=kind, minutes=chance.randrange(90))
    await published(
        line,
        begin_time=timestamp(datetime(2020, 2, 1, tzinfo=CHINA)),
        requirements=[
            course(),
            StudyRequirement(id="meetings", meetings=2, due_time=timestamp(datetime(2020, 10, 1, tzinfo=CHINA))),
            StudyRequirement(id="hours", minutes=90, due_time=timestamp(END)),
        ],
    )
    with line.engine.begin() as conn:
        plan = plan_store.find_plan(conn, STUDY_PLAN.id(NAME))
        assert plan is not None
        now = line.clock.now()
        of = {
            member: progress_of(plan, completions_between(conn, MEMBER.id(member), plan.since, plan.until), now)
            for member in members
        }
        requirement_totals = progress.overall(conn, plan, plan.organization, now).requirements
    open_ = {member: [each for each in found if each.done_time is None] for member, found in of.items()}
    late = {
        member: [each.requirement.id for each in left if each.requirement.due_time <= now]
        for member, left in open_.items()
    }
    assert await totals(line) == (
        len(members),
        sum(not left for left in open_.values()),
        sum(bool(left) for left in late.values()),
    )
    assert requirement_totals == tuple(
        sum(found[position].done_time is not None for found in of.values()) for position in range(3)
    )
    answer = await line.api.call(KEEPER, "ListMembersBehind", name=NAME, organization=STREET_COMMITTEE, page_size=500)
    assert {each.member.name: list(each.requirements) for each in answer.members} == {
        member: left for member, left in late.items() if left
    }
