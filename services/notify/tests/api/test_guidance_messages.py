"""What officers of Party organizations hear of guidance tasks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.protobuf.message import Message

from onegrid.partyedu.v1 import events_pb2 as pb
from onegrid.partyedu.v1.guidance_pb2 import GuidanceTask
from onegrid_kit.callers import Caller
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .editors import DISTRICT, ELSEWHERE, RESIDENT, Newsroom
from .test_party import BRANCH, COMMITTEE, JOINING, PUBLICITY, SECRETARY, Party

TASK = f"guidanceTasks/{DISTRICT}-00000000000000000007"


class Officers:
    """The secretary of a committee, two officers of its branch, and what they hear."""

    def __init__(self, newsroom: Newsroom, events: Events) -> None:
        self._events = events
        self._newsroom = newsroom
        self.party = Party(newsroom, events)
        for number, who in enumerate((RESIDENT, ELSEWHERE, JOINING), start=1):
            self.party.member(number, who)
        first, second, third = (f"members/{DISTRICT}-{number:020}" for number in (1, 2, 3))
        self.party.organization(COMMITTEE, 1, "", (SECRETARY, first))
        self.party.organization(BRANCH, 1, COMMITTEE, (SECRETARY, second), (PUBLICITY, third))

    def told(self, event: Message) -> None:
        event.task.CopyFrom(  # type: ignore[attr-defined]
            GuidanceTask(
                name=TASK,
                sender=COMMITTEE,
                title="主题党日",
                due_time=timestamp(self._newsroom.now + timedelta(days=7)),
                withdraw_reason="改期" if isinstance(event, pb.GuidanceTaskWithdrawn) else "",
            )
        )
        self._events.deliver(event, subject=TASK)

    async def heard(self, by: Caller) -> list[tuple[str, str]]:
        items = (await self._newsroom.call(by, "ListInboxItems")).items
        return [(item.title, item.summary) for item in items]


@pytest.fixture
def officers(newsroom: Newsroom, events: Events) -> Officers:
    return Officers(newsroom, events)


async def test_officers_hear_of_a_task_and_the_sender_of_a_report(officers: Officers) -> None:
    officers.told(pb.GuidanceTaskIssued(sender_display_name="街道党工委", organizations=[BRANCH]))
    (heard,) = await officers.heard(ELSEWHERE)
    assert heard[0] == "组织指导：新任务"
    assert "街道党工委" in heard[1]
    assert "主题党日" in heard[1]
    assert await officers.heard(JOINING) == [heard], "each officer, once"
    assert await officers.heard(RESIDENT) == []
    officers.told(pb.GuidanceReported(organization_display_name="一支部"))
    ((title, text),) = await officers.heard(RESIDENT)
    assert (title, "一支部" in text) == ("组织指导：收到上报", True)


async def test_who_is_late_hears_so_and_the_sender_how_many_are(officers: Officers) -> None:
    officers.told(pb.GuidanceDeadlineMissed(sender_display_name="街道党工委", organizations=[BRANCH]))
    assert [title for title, _ in await officers.heard(ELSEWHERE)] == ["组织指导：任务逾期"]
    ((_, text),) = await officers.heard(RESIDENT)
    assert "1个党组织" in text


@pytest.mark.parametrize(
    ("event", "title", "reason"),
    [
        (pb.GuidanceTaskWithdrawn(organizations=[BRANCH]), "组织指导：任务已撤回", "改期"),
        (
            pb.GuidanceReportReturned(assignment=f"{TASK}/assignments/{BRANCH[14:]}", reason="缺表"),
            "组织指导：上报被退回",
            "缺表",
        ),
        (pb.GuidanceDeadlineNeared(organizations=[BRANCH]), "组织指导：任务即将到期", "主题党日"),
    ],
)
async def test_an_organization_hears_what_becomes_of_its_task(
    officers: Officers, event: Message, title: str, reason: str
) -> None:
    officers.told(event)
    ((heard, text),) = await officers.heard(ELSEWHERE)
    assert (heard, reason in text) == (title, True)
    assert await officers.heard(RESIDENT) == []
