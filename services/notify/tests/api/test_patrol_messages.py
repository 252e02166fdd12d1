"""What leaders and offices hear of patrols of the border, and of what goes wrong with them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.border.v1 import events_pb2 as pb
from onegrid.border.v1.patrols_pb2 import Alarm, AlarmKind, Patrol, PatrolState
from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.grid.v1.events_pb2 import DivisionDefined
from onegrid.identity.v1.events_pb2 import RoleGranted, UserDefined
from onegrid.identity.v1.resources_pb2 import Grant, UserState
from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason
from onegrid.notify.v1.resources_pb2 import InboxItem
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.sending import Lane
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp
from onegrid_notify.preferences import PATROLS, Mute
from onegrid_notify.quiet import QuietHours

from .outside import Outside
from .people import DISTRICT, LEAD_CLERK, OTHER_STREET, OTHER_STREET_DESK, STREET, STREET_DESK, WORKER

NOON = datetime(2020, 11, 11, 12, 0, tzinfo=CHINA)
START = NOON + timedelta(days=1)
PATROL = f"patrols/{DISTRICT}-0123456789abcdefghij"
UNIT = f"units/{STREET}-river-1"
HELP = AlarmKind.ALARM_KIND_CALL_FOR_HELP
UNANSWERED = AlarmKind.ALARM_KIND_WELFARE_UNANSWERED
CHECK_IN = AlarmKind.ALARM_KIND_CHECK_IN_OVERDUE
NOT_STARTED = AlarmKind.ALARM_KIND_NOT_STARTED


@pytest.fixture(autouse=True)
def desks(events: Events) -> None:
    """The streets, and who holds a role over which."""
    before = NOON - timedelta(days=1)
    events.deliver(DivisionDefined(code=STREET, display_name="广济街道", version=1), time=before)
    for who, office in ((STREET_DESK, STREET), (OTHER_STREET_DESK, OTHER_STREET)):
        define(events, who, 1, UserState.USER_STATE_ACTIVE, before)
        grant = Grant(name=f"{who.user}/grants/1", role="roles/street-coordinator", scope=office)
        grant.create_time.CopyFrom(timestamp(before))
        granted = RoleGranted(user=who.user, role=grant.role, scope=office, grant=grant)
        granted.oa_level = OaLevel.OA_LEVEL_STREET
        events.deliver(granted, time=before)


@pytest.fixture
def outside(database_url: str, engine: Engine, clock: SettableClock) -> Outside:
    return Outside(database_url, engine, clock)


def define(events: Events, who: Caller, version: int, state: UserState, time: datetime) -> None:
    """Announce an account."""
    known = UserDefined(user=who.user, kind=who.kind, district=DISTRICT, version=version, state=state)
    known.update_time.CopyFrom(timestamp(time))
    events.deliver(known, time=time)


async def heard(api: Serving, reader: Caller) -> list[InboxItem]:
    items = (await api.call(reader, "ListInboxItems")).items
    return [each for each in items if each.subject.startswith(PATROL)]


def alarm(kind: AlarmKind, **fields: Any) -> Alarm:
    since = timestamp(NOON - timedelta(minutes=5))
    return Alarm(name=f"{PATROL}/alarms/1", kind=kind, unit=UNIT, since_time=since, **fields)


def escalated(kind: AlarmKind, recipient: str, rung: int = 1, **fields: Any) -> pb.AlarmEscalated:
    return pb.AlarmEscalated(alarm=alarm(kind, **fields), recipient=recipient, rung=rung, unit_display_name="江桥分队")


def patrol(leader: Caller = WORKER, start: datetime = START, changed: datetime = NOON, **fields: Any) -> Patrol:
    return Patrol(
        name=PATROL,
        unit=UNIT,
        route=f"routes/{STREET}-river-east",
        leader=leader.user,
        start_due_time=timestamp(start),
        create_time=timestamp(NOON),
        update_time=timestamp(changed),
        **fields,
    )


def planned(of: Patrol, former: str = "") -> pb.PatrolPlanned:
    names = {"unit_display_name": "江桥分队", "route_display_name": "鸭绿江东段"}
    return pb.PatrolPlanned(patrol=of, former_leader=former, **names)


@pytest.mark.parametrize(
    ("kind", "word", "urgent"),
    [
        (HELP, "求助", True),
        (UNANSWERED, "平安确认无应答", True),
        (CHECK_IN, "逾期未打卡", False),
        (NOT_STARTED, "逾期未出发", False),
    ],
)
@pytest.mark.parametrize("recipient", [STREET, STREET_DESK.user])
async def test_whoever_stands_on_the_rung_hears_what_is_wrong(
    api: Serving, events: Events, kind: AlarmKind, word: str, urgent: bool, recipient: str
) -> None:
    events.deliver(escalated(kind, recipient), time=NOON)
    (item,) = await heard(api, STREET_DESK)
    assert (item.title, item.urgent) == (f"{word}，请立即处理：江桥分队", urgent)
    assert item.summary == f"广济街道江桥分队：{word}，请立即处理。\n起始时间：2020年11月11日 11:55。"
    assert item.subject == f"{PATROL}/alarms/1"
    assert await heard(api, OTHER_STREET_DESK) == []


async def test_an_alarm_says_who_is_alone_what_was_said_and_which_checkpoint_it_is_about(
    api: Serving, events: Events
) -> None:
    event = escalated(CHECK_IN, STREET, lone=True, checkpoint="ice-gauge", text="冰面开裂")
    event.checkpoint_display_name = "冰情观测点"
    events.deliver(event, time=NOON)
    (item,) = await heard(api, STREET_DESK)
    assert item.title == "逾期未打卡，请立即处理：江桥分队（单人巡逻）"
    assert "打卡点：冰情观测点。" in item.summary
    assert "对方说：冰面开裂" in item.summary


async def test_a_unit_whose_name_nobody_says_is_called_by_the_word_in_its_name(api: Serving, events: Events) -> None:
    event = escalated(CHECK_IN, STREET, checkpoint="ice-gauge")
    event.ClearField("unit_display_name")
    events.deliver(event, time=NOON)
    (item,) = await heard(api, STREET_DESK)
    assert item.title == "逾期未打卡，请立即处理：river-1"
    assert "打卡点：ice-gauge。" in item.summary


async def test_each_rung_is_a_message_of_its_own_in_whatever_order_and_however_often_they_come(
    api: Serving, events: Events
) -> None:
    events.deliver(escalated(CHECK_IN, WORKER.user), time=NOON)
    events.deliver(escalated(CHECK_IN, STREET, rung=2), time=NOON + timedelta(minutes=5))
    events.deliver(escalated(HELP, STREET), time=NOON - timedelta(minutes=5))
    assert len(await heard(api, WORKER)) == 1
    # The newest stands first, whichever came last.
    assert [item.urgent for item in await heard(api, STREET_DESK)] == [False, True]


@pytest.mark.parametrize("event", [escalated(HELP, WORKER.user), escalated(UNANSWERED, WORKER.user)])
async def test_nobody_mutes_a_call_for_help_or_an_unanswered_check(
    events: Events, outside: Outside, event: pb.AlarmEscalated
) -> None:
    outside.address(WORKER)
    outside.prefer(WORKER, mutes=frozenset({Mute(), Mute(PATROLS)}), quiet_hours=QuietHours(time(0), time(23, 59)))
    events.deliver(event)
    events.deliver(
        pb.WelfareCheckRequested(patrol=patrol(), answer_due_time=timestamp(NOON), unit_display_name="江桥分队")
    )
    assert [each.lane for each in outside.planned()] == [Lane.CRITICAL, Lane.CRITICAL]
    assert len(await outside.send()) == 2


@pytest.mark.parametrize(
    ("kind", "by_mail", "by_sms"),
    [
        (HELP, DeliveryReason.DELIVERY_REASON_UNSPECIFIED, DeliveryReason.DELIVERY_REASON_NO_ADDRESS),
        (CHECK_IN, DeliveryReason.DELIVERY_REASON_TOPIC_MUTED, DeliveryReason.DELIVERY_REASON_TOPIC_MUTED),
    ],
)
async def test_it_is_explained_that_a_call_for_help_is_sent_whatever_is_muted(
    api: Serving,
    events: Events,
    outside: Outside,
    kind: AlarmKind,
    by_mail: DeliveryReason,
    by_sms: DeliveryReason,
) -> None:
    outside.address(WORKER)
    outside.prefer(WORKER, mutes=frozenset({Mute(PATROLS)}))
    events.deliver(escalated(kind, WORKER.user))
    (item,) = await heard(api, WORKER)
    answer = await api.call(WORKER, "ExplainDelivery", item=item.name, user=WORKER.user)
    reasons = {each.channel: each.reason for each in answer.explanation.channels}
    assert (reasons[Channel.CHANNEL_EMAIL], reasons[Channel.CHANNEL_SMS]) == (by_mail, by_sms)


@pytest.mark.parametrize(
    "event",
    [
        escalated(CHECK_IN, WORKER.user),
        escalated(NOT_STARTED, WORKER.user),
        pb.PatrolCancelled(patrol=patrol()),
        planned(patrol(start=datetime(2099, 1, 1, tzinfo=CHINA))),
    ],
    ids=["check-in", "not started", "cancelled", "planned"],
)
async def test_everything_else_goes_by_the_topic_of_patrols(
    events: Events, outside: Outside, event: pb.AlarmEscalated | pb.PatrolCancelled | pb.PatrolPlanned
) -> None:
    outside.address(WORKER)
    outside.prefer(WORKER, mutes=frozenset({Mute(PATROLS)}))
    events.deliver(event)
    assert await outside.send() == []
    assert list(outside.fates().values()) == [("DROPPED", "TOPIC_MUTED")]


async def test_an_offices_robot_gets_what_its_staff_get(events: Events, outside: Outside) -> None:
    outside.endpoint(f"{STREET}-robot", PATROLS)
    outside.endpoint(f"{OTHER_STREET}-robot", PATROLS)
    outside.endpoint(f"{STREET}-petitions", "petitions")
    events.deliver(escalated(CHECK_IN, WORKER.user))
    events.deliver(escalated(CHECK_IN, STREET, rung=2), time=NOON)
    (sent,) = await outside.send()
    assert sent.outgoing.recipient == f"endpoints/{STREET}-robot"


async def test_people_mute_patrols_in_their_preferences(api: Serving) -> None:
    wanted = {"mutes": [{"topic": PATROLS}]}
    request = "9b2f0a4e-52a5-4a11-9e0b-6a3f0c1d2e3f"
    await api.call(WORKER, "SetPreferences", preferences=wanted, request_id=request)
    preferences = (await api.call(WORKER, "GetPreferences")).preferences
    assert [mute.topic for mute in preferences.mutes] == [PATROLS]


async def test_the_leader_hears_until_when_a_welfare_check_is_to_be_answered(api: Serving, events: Events) -> None:
    check = pb.WelfareCheckRequested(patrol=patrol(), answer_due_time=timestamp(NOON + timedelta(minutes=5)))
    events.deliver(check, time=NOON)
    (item,) = await heard(api, WORKER)
    assert (item.title, item.urgent) == ("平安确认，请立即应答", True)
    assert item.summary == ("广济街道请river-1确认是否平安。\n请于2020年11月11日 12:05前应答；届时无应答将发出告警。")
    assert await heard(api, STREET_DESK) == []


async def test_the_leader_hears_when_and_where_a_patrol_is_planned_and_that_it_is_cancelled(
    api: Serving, events: Events
) -> None:
    events.deliver(planned(patrol(state=PatrolState.PATROL_STATE_PLANNED)), time=NOON)
    (item,) = await heard(api, WORKER)
    assert item.title == "您有巡逻安排"
    assert item.summary.startswith("广济街道江桥分队：2020年11月12日 12:00出发，路线：鸭绿江东段。\n请按时带队。")
    cancelled = pb.PatrolCancelled(patrol=patrol(cancel_reason="大雾"), unit_display_name="江桥分队")
    events.deliver(cancelled, time=NOON + timedelta(hours=1))
    item, _ = await heard(api, WORKER)
    assert item.title == "您的巡逻已取消"
    assert item.summary == (
        "广济街道江桥分队：2020年11月12日 12:00出发的巡逻（river-east）已取消，不必出发。\n原因：大雾"
    )


async def test_of_a_patrol_that_starts_at_once_there_is_no_plan_to_hear_of(api: Serving, events: Events) -> None:
    events.deliver(planned(patrol(start=NOON)), time=NOON)
    assert await heard(api, WORKER) == []


async def test_a_plan_that_changes_says_so_and_who_does_not_lead_any_more_hears_of_it(
    api: Serving, events: Events
) -> None:
    later = NOON + timedelta(hours=1)
    evening = START + timedelta(hours=6)
    # The change comes first.
    events.deliver(planned(patrol(start=evening, changed=later)), time=later)
    events.deliver(planned(patrol()), time=NOON)
    assert [item.title for item in await heard(api, WORKER)] == ["您的巡逻安排有变", "您有巡逻安排"]
    last = later + timedelta(hours=1)
    events.deliver(planned(patrol(LEAD_CLERK, evening, last), WORKER.user), time=last)
    assert [item.title for item in await heard(api, LEAD_CLERK)] == ["您有巡逻安排"]
    item = (await heard(api, WORKER))[0]
    assert item.title == "您不再带队巡逻"
    assert "2020年11月12日 18:00出发" in item.summary
    assert "您不必出发" in item.summary


async def test_an_office_whose_account_is_disabled_hears_no_more(api: Serving, events: Events) -> None:
    define(events, STREET_DESK, 2, UserState.USER_STATE_DISABLED, NOON)
    events.deliver(escalated(HELP, STREET), time=NOON + timedelta(minutes=1))
    assert await heard(api, STREET_DESK) == []
    # What was wrong before reaches them still.
    events.deliver(escalated(HELP, STREET), time=NOON - timedelta(minutes=1))
    assert len(await heard(api, STREET_DESK)) == 1
