"""Guidance tasks over real gRPC and a real database: down the line, and back up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from onegrid.partyedu.v1.events_pb2 import (
    GuidanceDeadlineMissed,
    GuidanceDeadlineNeared,
    GuidanceReported,
    GuidanceReportReturned,
    GuidanceTaskIssued,
    GuidanceTaskWithdrawn,
)
from onegrid.partyedu.v1.guidance_pb2 import GuidanceAssignment, GuidanceState, GuidanceTask
from onegrid_kit.callers import Caller
from onegrid_kit.testing.events import announced_as
from onegrid_kit.testing.ladders import climb_due
from onegrid_partyedu.main import SERVICE

from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, STREET_COMMITTEE, Line
from .people import CITIZEN, COMMUNITY, COMMUNITY_DESK, KEEPER, OTHER_STREET_DESK, STREET, STREET_DESK, SUPERVISOR

SENT, READ = GuidanceState.GUIDANCE_STATE_SENT, GuidanceState.GUIDANCE_STATE_READ
REPORTED, RETURNED = GuidanceState.GUIDANCE_STATE_REPORTED, GuidanceState.GUIDANCE_STATE_RETURNED
DONE, WITHDRAWN = GuidanceState.GUIDANCE_STATE_DONE, GuidanceState.GUIDANCE_STATE_WITHDRAWN


class Guidance:
    """What organizations send one another."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.call = line.api.call

    async def send(self, by: Caller = STREET_DESK, **fields: Any) -> GuidanceTask:
        sent: GuidanceTask = (await self.call(by, "SendGuidanceTask", **{**fields_of(self), **fields})).task
        return sent

    async def step(self, method: str, name: str, by: Caller = COMMUNITY_DESK, **fields: Any) -> GuidanceAssignment:
        after: GuidanceAssignment = (await self.call(by, method, name=name, **fields)).assignment
        return after

    async def states(self, task: GuidanceTask, **fields: Any) -> dict[str, GuidanceState]:
        answer = await self.call(STREET_DESK, "ListGuidanceAssignments", task=task.name, **fields)
        return {each.organization: each.state for each in answer.assignments}

    async def to_do(self, organization: str, **fields: Any) -> list[str]:
        answer = await self.call(COMMUNITY_DESK, "ListOrganizationGuidance", organization=organization, **fields)
        return [each.name for each in answer.assignments]

    def climb(self) -> None:
        climb_due(SERVICE, self.line.engine, self.line.clock)


@pytest.fixture
def guidance(line: Line) -> Guidance:
    return Guidance(line)


def assigned(task: GuidanceTask, organization: str) -> str:
    return f"{task.name}/assignments/{organization.partition('/')[2]}"


async def test_a_task_names_an_article_of_the_district_to_be_read(guidance: Guidance) -> None:
    article = f"articles/{STREET[:6]}-20201111-7KX3M9QF"
    task = await guidance.send(article=article)
    assert task.article == article
    again = (await guidance.call(COMMUNITY_DESK, "GetGuidanceTask", name=task.name)).task
    assert again.article == article
    elsewhere = {**fields_of(guidance), "article": "articles/210603-20201111-7KX3M9QF"}
    assert (await guidance.line.refused(STREET_DESK, "SendGuidanceTask", **elsewhere)).fields == ["article"]


async def test_a_task_goes_down_the_line_and_its_reports_come_back(guidance: Guidance) -> None:
    task = await guidance.send()
    assert (task.assignments, task.sender) == (2, STREET_COMMITTEE)
    assert await guidance.states(task) == {COMMUNITY_COMMITTEE: SENT, BRANCH: SENT}
    name = assigned(task, BRANCH)
    read = await guidance.step("ReadGuidance", name)
    assert (read.state, read.reader) == (READ, COMMUNITY_DESK.user)
    assert await guidance.step("ReadGuidance", name) == read, "read once"
    reported = await guidance.step("ReportGuidance", name, report="已开展，12人参加。", media=["doc-1"])
    assert (reported.state, reported.report, list(reported.report_media)) == (REPORTED, "已开展，12人参加。", ["doc-1"])
    returned = await guidance.step("ReturnGuidanceReport", name, STREET_DESK, reason="缺少签到表", etag=reported.etag)
    assert (returned.state, returned.return_reason) == (RETURNED, "缺少签到表")
    again = await guidance.step("ReportGuidance", name, report="已补签到表。")
    done = await guidance.step("AcceptGuidanceReport", name, STREET_DESK, etag=again.etag)
    assert (done.state, done.return_reason) == (DONE, "")
    assert await guidance.to_do(BRANCH) == []
    assert await guidance.to_do(BRANCH, show_ended=True) == [name]
    assert await guidance.states(task, below=BRANCH) == {BRANCH: DONE}
    answer = await guidance.call(STREET_DESK, "GetGuidanceTask", name=task.name)
    (progress,) = answer.progress
    assert (progress.organization, progress.assignments, progress.read, progress.done) == (COMMUNITY_COMMITTEE, 2, 1, 1)
    engine = guidance.line.engine
    (sent,) = announced_as(engine, GuidanceTaskIssued)
    assert sorted(sent.organizations) == sorted([COMMUNITY_COMMITTEE, BRANCH])
    assert [each.assignment for each in announced_as(engine, GuidanceReported)] == [name, name]
    assert [each.reason for each in announced_as(engine, GuidanceReportReturned)] == ["缺少签到表"]


async def test_a_task_without_a_report_is_done_once_it_is_read(guidance: Guidance) -> None:
    task = await guidance.send(report_wanted=False, to_all_below=False)
    assert task.assignments == 1
    name = assigned(task, COMMUNITY_COMMITTEE)
    refused = await guidance.line.refused(COMMUNITY_DESK, "ReportGuidance", name=name, report="已读")
    assert (refused.reason, refused.metadata["allowed_actions"]) == ("GUIDANCE_WRONG_STATE", "READ,WITHDRAW")
    assert (await guidance.step("ReadGuidance", name)).state == DONE


async def test_a_task_is_passed_on_by_who_has_it(guidance: Guidance) -> None:
    upper = await guidance.send(to_all_below=False)
    name = assigned(upper, COMMUNITY_COMMITTEE)
    passed = {"sender": COMMUNITY_COMMITTEE, "upper": name}
    lower = await guidance.send(COMMUNITY_DESK, **passed)
    assert (lower.upper, lower.assignments) == (name, 1)
    assert await guidance.to_do(BRANCH) == [assigned(lower, BRANCH)]
    refused = await guidance.line.refused(
        STREET_DESK, "SendGuidanceTask", **{**fields_of(guidance), "sender": STREET_COMMITTEE, "upper": name}
    )
    assert refused.fields == ["upper"]
    await guidance.call(STREET_DESK, "WithdrawGuidanceTask", name=upper.name, reason="改期")
    refused = await guidance.line.refused(COMMUNITY_DESK, "SendGuidanceTask", **{**fields_of(guidance), **passed})
    assert refused.reason == "GUIDANCE_WRONG_STATE"
    assert await guidance.to_do(BRANCH) == [assigned(lower, BRANCH)], "what was passed on stays"


async def test_a_withdrawn_task_need_not_be_done(guidance: Guidance) -> None:
    task = await guidance.send()
    await guidance.step("ReportGuidance", assigned(task, BRANCH), report="已完成")
    await guidance.step("AcceptGuidanceReport", assigned(task, BRANCH), STREET_DESK)
    request = {"name": task.name, "reason": "重复下发"}
    withdrawn = (await guidance.call(STREET_DESK, "WithdrawGuidanceTask", **request)).task
    assert withdrawn.withdraw_reason == "重复下发"
    assert (await guidance.call(STREET_DESK, "WithdrawGuidanceTask", **request)).task == withdrawn
    assert await guidance.states(task) == {COMMUNITY_COMMITTEE: WITHDRAWN, BRANCH: DONE}
    (told,) = announced_as(guidance.line.engine, GuidanceTaskWithdrawn)
    assert list(told.organizations) == [COMMUNITY_COMMITTEE]
    refused = await guidance.line.refused(COMMUNITY_DESK, "ReadGuidance", name=assigned(task, COMMUNITY_COMMITTEE))
    assert (refused.reason, refused.metadata["state"]) == ("GUIDANCE_WRONG_STATE", "WITHDRAWN")
    guidance.line.later(days=8)
    guidance.climb()
    assert announced_as(guidance.line.engine, GuidanceDeadlineMissed) == []


async def test_an_organization_that_is_dissolved_need_not_do_it(guidance: Guidance) -> None:
    line = guidance.line
    task, done = await guidance.send(), await guidance.send(report_wanted=False)
    await guidance.step("ReadGuidance", assigned(done, BRANCH))
    await line.api.call(KEEPER, "DissolveOrganization", name=BRANCH)
    assert (await guidance.states(task))[BRANCH] == WITHDRAWN
    assert (await guidance.states(done))[BRANCH] == DONE
    refused = await line.refused(COMMUNITY_DESK, "ReportGuidance", name=assigned(task, BRANCH), report="已完成")
    assert refused.reason == "GUIDANCE_WRONG_STATE"
    line.later(days=8)
    guidance.climb()
    assert [list(each.organizations) for each in announced_as(line.engine, GuidanceDeadlineMissed)] == [
        [COMMUNITY_COMMITTEE]
    ] * 2
    overdue = (await guidance.call(SUPERVISOR, "ListOverdueGuidance", scope=STREET)).assignments
    assert {each.organization for each in overdue} == {COMMUNITY_COMMITTEE}


async def test_who_has_not_done_it_hears_a_day_before_and_when_it_is_overdue(guidance: Guidance) -> None:
    task = await guidance.send()
    await guidance.step("ReportGuidance", assigned(task, BRANCH), report="已完成")
    await guidance.step("AcceptGuidanceReport", assigned(task, BRANCH), STREET_DESK)
    engine = guidance.line.engine
    guidance.climb()
    assert announced_as(engine, GuidanceDeadlineNeared) == []
    guidance.line.later(days=6)
    guidance.climb()
    (neared,) = announced_as(engine, GuidanceDeadlineNeared)
    assert list(neared.organizations) == [COMMUNITY_COMMITTEE]
    assert (await guidance.call(SUPERVISOR, "ListOverdueGuidance", scope=STREET)).assignments == []
    guidance.line.later(days=1)
    guidance.climb()
    guidance.climb()
    (missed,) = announced_as(engine, GuidanceDeadlineMissed)
    assert list(missed.organizations) == [COMMUNITY_COMMITTEE]
    for scope, late in ((STREET, 1), (COMMUNITY, 1)):
        overdue = (await guidance.call(SUPERVISOR, "ListOverdueGuidance", scope=scope)).assignments
        assert [each.overdue for each in overdue] == [True] * late
    assert await guidance.states(task, overdue_only=True) == {COMMUNITY_COMMITTEE: SENT}
    (progress,) = (await guidance.call(STREET_DESK, "GetGuidanceTask", name=task.name)).progress
    assert (progress.done, progress.overdue) == (1, 1)


async def test_each_side_acts_by_its_own_permission(guidance: Guidance) -> None:
    task = await guidance.send()
    name = assigned(task, BRANCH)
    line = guidance.line
    for by, method, fields in (
        (OTHER_STREET_DESK, "SendGuidanceTask", fields_of(guidance)),
        (OTHER_STREET_DESK, "ReadGuidance", {"name": name}),
        (OTHER_STREET_DESK, "GetGuidanceTask", {"name": task.name}),
        (COMMUNITY_DESK, "ListGuidanceAssignments", {"task": task.name}),
        (COMMUNITY_DESK, "WithdrawGuidanceTask", {"name": task.name, "reason": "不做"}),
        (COMMUNITY_DESK, "AcceptGuidanceReport", {"name": name}),
        (CITIZEN, "ListOrganizationGuidance", {"organization": BRANCH}),
    ):
        assert (await line.refused(by, method, **fields)).reason == "PERMISSION_DENIED", method
    seen = await guidance.call(COMMUNITY_DESK, "GetGuidanceTask", name=task.name)
    assert (seen.task, list(seen.progress)) == (task, [])


async def test_what_can_not_be_sent_is_refused(guidance: Guidance) -> None:
    line, given = guidance.line, fields_of(guidance)
    past = {"due_time": line.clock.now()}
    assert (await line.refused(STREET_DESK, "SendGuidanceTask", **{**given, **past})).fields == ["due_time"]
    named = {"text": "联系电话13800000001"}
    assert (await line.refused(STREET_DESK, "SendGuidanceTask", **{**given, **named})).reason == "PERSON_IN_TEXT"
    alone = {"sender": OTHER_COMMITTEE}
    refused = await line.refused(OTHER_STREET_DESK, "SendGuidanceTask", **{**given, **alone})
    assert refused.reason == "NOBODY_BELOW"


def fields_of(guidance: Guidance) -> dict[str, Any]:
    """A request that is not sent yet."""
    return {
        "sender": STREET_COMMITTEE,
        "to_all_below": True,
        "title": "主题党日",
        "text": "请组织本月主题党日。",
        "due_time": guidance.line.clock.now() + timedelta(days=7),
        "report_wanted": True,
    }
