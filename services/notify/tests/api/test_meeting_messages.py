"""What members and secretaries of Party organizations hear of meetings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from onegrid.partyedu.v1 import events_pb2 as pb
from onegrid.partyedu.v1.meetings_pb2 import ExpectedAttendance, Meeting, MeetingKind, MeetingPlan
from onegrid_kit.callers import Caller
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp
from onegrid_notify.deliveries import topic_of
from onegrid_notify.preferences import MEETINGS

from .editors import DISTRICT, ELSEWHERE, RESIDENT, Newsroom
from .test_party import BRANCH, COMMITTEE, FULL, JOINING, PUBLICITY, SECRETARY, Party

MEETING = f"meetings/{DISTRICT}-00000000000000000007"
ALL, SELECTED = ExpectedAttendance.EXPECTED_ATTENDANCE_ALL, ExpectedAttendance.EXPECTED_ATTENDANCE_SELECTED
OFFICERS = ExpectedAttendance.EXPECTED_ATTENDANCE_COMMITTEE
FIRST, SECOND, THIRD, NEWCOMER = (f"members/{DISTRICT}-{number:020}" for number in (1, 2, 3, 5))


class Branch:
    """A branch with a secretary, RESIDENT, and somebody for publicity, ELSEWHERE; JOINING is of the committee above."""

    def __init__(self, newsroom: Newsroom, events: Events) -> None:
        self._events = events
        self.newsroom = newsroom
        self.party = Party(newsroom, events)
        self.party.member(1, RESIDENT)
        self.party.member(2, ELSEWHERE)
        self.party.member(3, JOINING, COMMITTEE)
        self.party.member(4, None)
        self.party.organization(COMMITTEE, 1, "", (SECRETARY, THIRD))
        self.party.organization(BRANCH, 1, COMMITTEE, (SECRETARY, FIRST), (PUBLICITY, SECOND))

    def plan(self, hours: float = 24, **fields: Any) -> MeetingPlan:
        begin = self.newsroom.now + timedelta(hours=hours)
        given = {
            "title": "主题党日",
            "begin_time": timestamp(begin),
            "end_time": timestamp(begin + timedelta(hours=1)),
            "place": "活动室",
            "expected": ALL,
            **fields,
        }
        return MeetingPlan(**given)

    def scheduled(self, plan: MeetingPlan) -> None:
        self._deliver(pb.MeetingScheduled(meeting=self._meeting(plan)))

    def admitted_and_scheduled(self, who: Caller, plan: MeetingPlan) -> None:
        """Both announced at the same moment, and delivered together."""
        time = timestamp(self.newsroom.now)
        admitted = pb.MemberDefined(
            member=NEWCOMER, user=who.user, state=FULL, organization=BRANCH, version=1, update_time=time
        )
        self._events.deliver(admitted, pb.MeetingScheduled(meeting=self._meeting(plan)))

    def changed(self, before: MeetingPlan, plan: MeetingPlan) -> None:
        self._deliver(pb.MeetingChanged(meeting=self._meeting(plan), before=before))

    def cancelled(self, plan: MeetingPlan) -> None:
        meeting = self._meeting(plan)
        meeting.cancel_reason = "改期"
        self._deliver(pb.MeetingCancelled(meeting=meeting))

    def missed(self) -> None:
        kinds = [MeetingKind.MEETING_KIND_ASSEMBLY, MeetingKind.MEETING_KIND_THEMED_DAY]
        event = pb.MeetingDeadlineMissed(organization=BRANCH, display_name="一支部", kinds=kinds)
        self._events.deliver(event, subject=BRANCH)

    async def heard(self, by: Caller) -> list[tuple[str, str]]:
        items = (await self.newsroom.call(by, "ListInboxItems")).items
        return [(item.title, item.summary) for item in items]

    async def titles(self, by: Caller) -> set[str]:
        return {title for title, _ in await self.heard(by)}

    def _meeting(self, plan: MeetingPlan) -> Meeting:
        return Meeting(name=MEETING, organization=BRANCH, kind=MeetingKind.MEETING_KIND_THEMED_DAY, plan=plan)

    def _deliver(self, event: pb.MeetingScheduled | pb.MeetingChanged | pb.MeetingCancelled) -> None:
        self._events.deliver(event, subject=MEETING)


@pytest.fixture
def branch(newsroom: Newsroom, events: Events) -> Branch:
    return Branch(newsroom, events)


async def test_members_hear_of_a_meeting_and_nobody_else_does(branch: Branch) -> None:
    branch.scheduled(branch.plan())
    for who in (RESIDENT, ELSEWHERE):
        ((title, text),) = await branch.heard(who)
        assert title == "会议通知：主题党日"
        assert "活动室" in text
        assert "党组织" in text, "what the organization is called"
    assert await branch.heard(JOINING) == []


@pytest.mark.parametrize(
    ("fields", "hear"),
    [
        ({"expected": OFFICERS}, {RESIDENT, ELSEWHERE}),
        ({"expected": SELECTED, "members": [SECOND]}, {ELSEWHERE}),
    ],
)
async def test_who_is_expected_hears_of_it(branch: Branch, fields: dict[str, Any], hear: set[Caller]) -> None:
    branch.scheduled(branch.plan(**fields))
    assert {who for who in (RESIDENT, ELSEWHERE, JOINING) if await branch.heard(who)} == hear


async def test_who_was_admitted_at_the_same_moment_hears_of_it(branch: Branch) -> None:
    branch.admitted_and_scheduled(JOINING, branch.plan())
    assert await branch.titles(JOINING) == {"会议通知：主题党日"}


async def test_who_is_expected_hears_that_it_moves_or_is_cancelled(branch: Branch) -> None:
    before, after = branch.plan(), branch.plan(48)
    branch.changed(before, after)
    branch.cancelled(after)
    assert await branch.titles(RESIDENT) == {"会议安排有变：主题党日", "会议取消：主题党日"}
    assert any("改期" in text for _, text in await branch.heard(RESIDENT))


async def test_of_another_agenda_and_of_what_is_over_nobody_hears(branch: Branch) -> None:
    branch.changed(branch.plan(), branch.plan(agenda=["学习"]))
    branch.scheduled(branch.plan(-48))
    branch.cancelled(branch.plan(-48))
    assert await branch.heard(RESIDENT) == []


async def test_who_is_not_expected_any_more_hears_so_and_who_comes_newly_when_it_is(branch: Branch) -> None:
    before = branch.plan(expected=SELECTED, members=[FIRST])
    branch.changed(before, branch.plan(expected=SELECTED, members=[SECOND]))
    assert await branch.titles(RESIDENT) == {"您不再需要参加会议：主题党日"}
    assert await branch.titles(ELSEWHERE) == {"会议安排有变：主题党日"}
    branch.changed(branch.plan(expected=SELECTED, members=[SECOND]), branch.plan(expected=SELECTED, members=[SECOND]))
    assert len(await branch.heard(ELSEWHERE)) == 1, "who is expected as before, at the same time"


async def test_the_secretary_hears_which_meetings_are_overdue(branch: Branch) -> None:
    branch.missed()
    ((title, text),) = await branch.heard(RESIDENT)
    assert title == "会议逾期未召开：党员大会、主题党日"
    assert "一支部" in text
    assert await branch.heard(ELSEWHERE) == []
    assert await branch.heard(JOINING) == []


async def test_messages_are_muted_by_the_topic_of_meetings(branch: Branch) -> None:
    branch.scheduled(branch.plan())
    branch.missed()
    items = (await branch.newsroom.call(RESIDENT, "ListInboxItems")).items
    assert {item.subject for item in items} == {MEETING, BRANCH}
    assert {topic_of(item.subject) for item in items} == {MEETINGS}
