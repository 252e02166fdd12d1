"""What staff hear of their shifts, of swaps, and of times that are not covered."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import Engine

from onegrid.duty.v1 import events_pb2 as pb
from onegrid.duty.v1.resources_pb2 import Gap, GapReason, Handover, Page, Shift, Swap
from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events
from onegrid_notify.preferences import DUTY, Mute
from onegrid_notify.quiet import QuietHours

from .outside import Outside
from .people import COMMUNITY, STREET_DESK, WORKER

BEGIN = datetime(2020, 11, 12, 8, 0, tzinfo=CHINA)
END = BEGIN + timedelta(days=1)
ROSTER = f"rosters/{COMMUNITY}-night"
NAME = "夜间值班"


def shift(of: Caller, begin: datetime = BEGIN) -> Shift:
    return Shift(
        name=f"shifts/{COMMUNITY}-night-{'0' * 20}",
        roster=ROSTER,
        user=of.user,
        begin_time=begin,
        end_time=begin + timedelta(days=1),
    )


def swap(**more: object) -> Swap:
    name = f"swaps/{COMMUNITY}-night-{'0' * 20}"
    return Swap(name=name, roster=ROSTER, shift=shift(WORKER), partner=STREET_DESK.user, **more)  # type: ignore[arg-type]


async def heard(api: Serving, reader: Caller) -> list[tuple[str, str]]:
    return [(item.title, item.summary) for item in (await api.call(reader, "ListInboxItems")).items]


async def test_who_is_on_duty_soon_hears_of_it(api: Serving, events: Events) -> None:
    events.deliver(pb.ShiftReminded(shift=shift(WORKER), roster_display_name=NAME))
    assert await heard(api, WORKER) == [
        ("您即将值班", "夜间值班：您的值班自2020年11月12日 08:00开始，至2020年11月13日 08:00结束。")
    ]
    assert await heard(api, STREET_DESK) == []


async def test_who_is_asked_for_a_swap_hears_of_it_and_who_asked_what_became_of_it(
    api: Serving, events: Events
) -> None:
    proposed = swap(partner_shift=shift(STREET_DESK, END), note="家中有事")
    events.deliver(pb.SwapProposed(swap=proposed, roster_display_name=NAME))
    ((title, summary),) = await heard(api, STREET_DESK)
    assert title == "有同事请您换班"
    assert "换取：2020年11月13日 08:00至2020年11月14日 08:00的值班。" in summary
    assert "留言：家中有事" in summary
    events.deliver(pb.SwapAccepted(swap=proposed, roster_display_name=NAME))
    events.deliver(pb.SwapDeclined(swap=proposed, roster_display_name=NAME))
    assert {title for title, _ in await heard(api, WORKER)} == {"换班未被接受", "换班已被接受"}


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        (GapReason.GAP_REASON_NOBODY, "无人值班"),
        (GapReason.GAP_REASON_DISABLED, "值班人员的账号已停用"),
        (GapReason.GAP_REASON_UNREACHABLE, "值班人员没有联系电话"),
        (GapReason.GAP_REASON_ROLE_REFUSED, "值班人员未获得值班角色"),
    ],
)
async def test_supervisors_hear_of_a_gap(api: Serving, events: Events, reason: GapReason, fault: str) -> None:
    gap = Gap(roster=ROSTER, begin_time=BEGIN, end_time=END, reason=reason)
    found = pb.GapDetected(gap=gap, roster_display_name=NAME, scope=COMMUNITY, supervisors=[STREET_DESK.user])
    events.deliver(found)
    ((title, summary),) = await heard(api, STREET_DESK)
    assert title == "值班有空缺"
    assert summary == f"夜间值班：2020年11月12日 08:00至2020年11月13日 08:00{fault}，请安排。"


async def test_whoever_is_paged_and_whose_shift_follows_hears_of_it(api: Serving, events: Events) -> None:
    page = Page(name=f"pages/{COMMUNITY}-night-{'0' * 20}", roster=ROSTER, title="堤坝渗水")
    events.deliver(pb.RungReached(page=page, rung=1, users=[WORKER.user], roster_display_name=NAME))
    assert await heard(api, WORKER) == [("值班呼叫，请立即处理", "夜间值班：堤坝渗水。请立即确认并处理。")]
    page.paged.append(WORKER.user)
    events.deliver(pb.PageEnded(page=page, roster_display_name=NAME))
    assert ("值班呼叫已解除", "夜间值班：堤坝渗水。已有人处理或已结束，无需再处理。") in await heard(api, WORKER)
    handover = Handover(name=f"handovers/{COMMUNITY}-night-{'0' * 20}", roster=ROSTER)
    events.deliver(pb.HandoverWritten(handover=handover, receiver=STREET_DESK.user, roster_display_name=NAME))
    events.deliver(pb.HandoverForgotten(handover=handover, users=[STREET_DESK.user], roster_display_name=NAME))
    assert {title for title, _ in await heard(api, STREET_DESK)} == {"有交接班记录待确认", "交接班记录仍未确认"}


async def test_a_page_goes_out_at_once_whatever_is_muted_and_a_reminder_does_not(
    api: Serving, events: Events, database_url: str, engine: Engine, clock: SettableClock
) -> None:
    outside = Outside(database_url, engine, clock)
    outside.address(WORKER)
    outside.prefer(WORKER, mutes=frozenset({Mute(topic=DUTY)}), quiet_hours=QuietHours(time(0), time(23, 59)))
    page = Page(name=f"pages/{COMMUNITY}-night-{'0' * 20}", roster=ROSTER, title="堤坝渗水")
    events.deliver(pb.RungReached(page=page, rung=1, users=[WORKER.user], roster_display_name=NAME))
    events.deliver(pb.ShiftReminded(shift=shift(WORKER), roster_display_name=NAME))
    assert len(await outside.send()) == 1
    assert sorted(outside.fates().values()) == [("ACCEPTED", ""), ("DROPPED", "TOPIC_MUTED")]
    items = (await api.call(WORKER, "ListInboxItems")).items
    for item in items:
        answer = await api.call(WORKER, "ExplainDelivery", item=item.name, user=WORKER.user)
        reason = next(each.reason for each in answer.explanation.channels if each.channel == Channel.CHANNEL_EMAIL)
        muted = not item.subject.startswith("pages/")
        assert (reason == DeliveryReason.DELIVERY_REASON_TOPIC_MUTED) is muted
    assert len(items) == 2
