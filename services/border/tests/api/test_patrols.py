"""Patrols over real gRPC and a real database: planned, walked, sent late, judged the same."""

from __future__ import annotations

import random
from datetime import UTC, timedelta

import pytest
from sqlalchemy import Engine, event

from onegrid.border.v1 import events_pb2
from onegrid.border.v1.border_service_pb2 import WatchUnitsResponse
from onegrid.border.v1.patrols_pb2 import AlarmKind, AlarmState, Patrol, PatrolState
from onegrid.border.v1.resources_pb2 import Unit
from onegrid.field.v1.field_pb2 import Mark, Outcome, RefusalReason, WaypointState
from onegrid_border.main import SERVICE
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.events import announced_as, forget_announced
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp

from .fieldwork import PLACES, ROUTE, UNIT, Outside
from .people import CITIZEN, COMMANDER, DISTRICT, OTHER_STREET, OTHER_STREET_DESK, STREET, STREET_DESK, WORKER

PLANNED = PatrolState.PATROL_STATE_PLANNED
UNDERWAY = PatrolState.PATROL_STATE_UNDERWAY
PAUSED = PatrolState.PATROL_STATE_PAUSED
FINISHED = PatrolState.PATROL_STATE_FINISHED
REACHED = WaypointState.WAYPOINT_STATE_REACHED
PENDING = WaypointState.WAYPOINT_STATE_PENDING
MISSED = WaypointState.WAYPOINT_STATE_MISSED
OUTSTANDING = WaypointState.WAYPOINT_STATE_OUTSTANDING


def states(patrol: Patrol) -> list[int]:
    """How it stands with the checkpoints."""
    return [point.state for point in patrol.checkpoints]


async def test_many_patrols_are_looked_at_and_many_alarms_escalate_by_the_statements_of_one(
    outside: Outside, engine: Engine
) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    async def missing(patrols: int) -> int:
        """How many statements it takes that so many patrols miss a checkpoint, and that their leaders hear of it."""
        for _ in range(patrols):
            planned = await outside.plan()
            phone = outside.device()
            outside.record(phone, planned.name, "start", "pier")
            outside.check_in(phone, planned.name, "pier")
            await outside.send(phone)
        statements.clear()
        outside.wait(minutes=31)
        taken = len(statements)
        assert len(await outside.alarms()) == patrols
        # They miss the last one, too.
        outside.wait(minutes=30)
        for alarm in await outside.alarms():
            await outside.api.call(COMMANDER, "CloseAlarm", name=alarm.name, note="走完了")
        return taken

    alone = await missing(1)
    assert await missing(12) == alone


async def test_a_patrol_is_walked_and_what_it_recorded_is_judged(outside: Outside, engine: Engine) -> None:
    planned = await outside.plan(minutes=10)
    assert (planned.state, states(planned), planned.leader) == (PLANNED, [PENDING] * 3, WORKER.user)
    assert planned.checkpoints[1].due_time == timestamp(outside.clock.now() + timedelta(minutes=30))
    phone = outside.device()
    started = outside.wait(minutes=12)
    outside.record(phone, planned.name, "start", "pier")
    outside.check_in(phone, planned.name, "pier")
    await outside.send(phone)
    underway = await outside.patrol(planned.name)
    assert (underway.state, states(underway)) == (UNDERWAY, [REACHED, PENDING, PENDING])
    assert underway.start_time.ToDatetime(UTC) == started
    # What is due is due after the start.
    assert underway.checkpoints[2].due_time == timestamp(started + timedelta(minutes=45))
    outside.wait(minutes=20)
    outside.check_in(phone, planned.name, "ice-gauge")
    outside.wait(minutes=25)
    outside.check_in(phone, planned.name, "gate-3")
    ended = outside.wait(minutes=1)
    outside.record(phone, planned.name, "finish", "gate-3")
    result = await outside.send(phone)
    assert [each.outcome for each in result.results] == [Outcome.OUTCOME_REPEATED] * 2 + [Outcome.OUTCOME_STORED] * 3
    finished = await outside.patrol(planned.name)
    assert (finished.state, states(finished), list(finished.marks)) == (FINISHED, [REACHED] * 3, [])
    assert finished.finish_time.ToDatetime(UTC) == ended
    assert finished.coverage.reached == 3
    assert 1700 < finished.coverage.covered_m == finished.coverage.route_m < 1800
    assert finished.coverage.duration.ToTimedelta() == timedelta(minutes=46)
    # It was overdue where the telephone had no network.
    (alarm,) = await outside.alarms(ended=True)
    assert (alarm.checkpoint, alarm.state) == ("ice-gauge", AlarmState.ALARM_STATE_RETRACTED)
    for message in (events_pb2.PatrolPlanned, events_pb2.PatrolStarted, events_pb2.PatrolFinished):
        (event,) = announced_as(engine, message)
        assert (event.patrol.name, event.unit_display_name) == (planned.name, "江桥分队")
    moved = announced_as(engine, events_pb2.UnitMoved)
    assert [round(event.position.longitude, 3) for event in moved] == [124.39, 124.41]
    assert [event.state for event in moved] == [UNDERWAY, FINISHED]
    (over,) = announced_as(engine, events_pb2.PatrolFinished)
    assert moved[0].version < moved[1].version == over.version


async def test_whoever_leads_a_patrol_reads_it_and_others_of_the_place_do(outside: Outside) -> None:
    patrol = await outside.plan()
    for caller in (WORKER, STREET_DESK, COMMANDER):
        assert (await outside.patrol(patrol.name, caller)).name == patrol.name
    for caller in (OTHER_STREET_DESK, CITIZEN):
        with pytest.raises(Refused) as refused:
            await outside.patrol(patrol.name, caller)
        assert refused.value.reason == "PERMISSION_DENIED"
    own = (await outside.api.call(WORKER, "ListOwnPatrols")).patrols
    assert [each.name for each in own] == [patrol.name]
    assert not (await outside.api.call(STREET_DESK, "ListOwnPatrols")).patrols
    none = f"patrols/{DISTRICT}-{'0' * 20}"
    for caller, reason in ((COMMANDER, "NOT_FOUND"), (STREET_DESK, "PERMISSION_DENIED")):
        with pytest.raises(Refused) as refused:
            await outside.patrol(none, caller)
        assert refused.value.reason == reason


async def test_patrols_are_listed_by_unit_time_and_state(outside: Outside) -> None:
    first, second = await outside.plan(), await outside.plan(minutes=60)
    await outside.api.call(COMMANDER, "CancelPatrol", name=first.name, reason="大雾")
    begin = timestamp(outside.clock.now() + timedelta(minutes=1))
    for fields, expected in (
        ({"scope": DISTRICT}, [second, first]),
        ({"scope": STREET, "unit": UNIT}, [second, first]),
        ({"scope": OTHER_STREET}, []),
        ({"scope": STREET, "from_time": begin}, [second]),
        ({"scope": STREET, "until_time": begin}, [first]),
        ({"scope": STREET, "states": [PLANNED]}, [second]),
    ):
        listed = (await outside.api.call(COMMANDER, "ListPatrols", **fields)).patrols
        assert [each.name for each in listed] == [each.name for each in expected]


async def test_a_patrol_that_does_not_start_is_noticed_by_time_alone(outside: Outside, engine: Engine) -> None:
    patrol = await outside.plan()
    outside.wait(minutes=14, seconds=59)
    assert not await outside.alarms()
    noticed = outside.wait(seconds=1)
    (alarm,) = await outside.alarms()
    assert (alarm.kind, alarm.name) == (AlarmKind.ALARM_KIND_NOT_STARTED, f"{patrol.name}/alarms/start")
    assert alarm.since_time == timestamp(noticed)
    outside.wait(minutes=5)
    outside.wait(minutes=5)
    outside.wait(hours=5)
    (alarm,) = await outside.alarms()
    assert list(alarm.recipients) == [WORKER.user, STREET, DISTRICT]
    escalated = announced_as(engine, events_pb2.AlarmEscalated)
    assert [each.recipient for each in escalated] == list(alarm.recipients)
    assert {(each.unit_display_name, each.checkpoint_display_name) for each in escalated} == {("江桥分队", "")}


@pytest.mark.parametrize(
    ("late_minutes", "state"), [(3, AlarmState.ALARM_STATE_RETRACTED), (40, AlarmState.ALARM_STATE_RESOLVED)]
)
async def test_late_evidence_ends_an_alarm_and_keeps_its_history(
    outside: Outside, engine: Engine, late_minutes: int, state: AlarmState
) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.wait(minutes=late_minutes)
    outside.record(phone, patrol.name, "start", "pier")
    outside.wait(hours=1)
    assert [each.kind for each in await outside.alarms()] == [AlarmKind.ALARM_KIND_NOT_STARTED]
    await outside.send(phone)
    start = next(each for each in await outside.alarms(ended=True) if each.name.endswith("start"))
    assert (start.state, start.HasField("end_time"), start.recipients[0]) == (state, True, WORKER.user)
    (ended,) = announced_as(engine, events_pb2.AlarmEnded)
    assert ended.alarm == start


async def test_missed_and_not_uploaded_yet_are_not_the_same(outside: Outside) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    outside.check_in(phone, patrol.name, "pier")
    await outside.send(phone)
    # Nothing is heard of the telephone for a while, which stands at the gauge in time.
    outside.wait(minutes=20)
    at_gauge = outside.check_in(phone, patrol.name, "ice-gauge")
    outside.wait(minutes=11)
    found = await outside.patrol(patrol.name)
    assert states(found) == [REACHED, OUTSTANDING, PENDING]
    (alarm,) = await outside.alarms()
    assert (alarm.kind, alarm.checkpoint) == (AlarmKind.ALARM_KIND_CHECK_IN_OVERDUE, "ice-gauge")
    await outside.send(phone, at_gauge)
    assert states(await outside.patrol(patrol.name)) == [REACHED, REACHED, PENDING]
    assert not await outside.alarms()
    # The gate is missed, and the telephone was heard of since: it has nothing else.
    outside.wait(minutes=40)
    assert states(await outside.patrol(patrol.name)) == [REACHED, REACHED, OUTSTANDING]
    await outside.send(phone, phone.entries[-1])
    assert states(await outside.patrol(patrol.name)) == [REACHED, REACHED, MISSED]
    assert [each.checkpoint for each in await outside.alarms()] == ["gate-3"]


async def test_a_patrol_that_ends_before_a_checkpoint_is_due_has_missed_it_once_its_time_is_over(
    outside: Outside,
) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    outside.check_in(phone, patrol.name, "pier")
    outside.record(phone, patrol.name, "finish", "pier")
    await outside.send(phone)
    assert states(await outside.patrol(patrol.name)) == [REACHED, PENDING, PENDING]
    outside.wait(minutes=56)
    assert states(await outside.patrol(patrol.name)) == [REACHED, OUTSTANDING, OUTSTANDING]
    assert [each.checkpoint for each in await outside.alarms()] == ["ice-gauge", "gate-3"]
    await outside.send(phone, phone.entries[-1])
    finished = await outside.patrol(patrol.name)
    assert (finished.state, states(finished)) == (FINISHED, [REACHED, MISSED, MISSED])


async def test_a_gap_keeps_a_checkpoint_outstanding_until_it_is_closed(outside: Outside) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    outside.wait(minutes=2)
    lost = outside.check_in(phone, patrol.name, "pier")
    outside.wait(minutes=58)
    outside.record(phone, patrol.name, "finish", "gate-3")
    result = await outside.send(phone, phone.entries[0])
    assert [(each.first, each.last) for each in result.outstanding] == [(2, 3)]
    result = await outside.send(phone, phone.entries[2])
    assert [(each.first, each.last) for each in result.outstanding] == [(2, 2)]
    assert states(await outside.patrol(patrol.name)) == [OUTSTANDING] * 3
    await outside.send(phone, lost)
    found = await outside.patrol(patrol.name)
    assert states(found) == [REACHED, MISSED, MISSED]
    assert {each.checkpoint: each.state for each in await outside.alarms(ended=True) if each.checkpoint} == {
        "pier": AlarmState.ALARM_STATE_RETRACTED,
        "ice-gauge": AlarmState.ALARM_STATE_OPEN,
        "gate-3": AlarmState.ALARM_STATE_OPEN,
    }


async def test_a_call_for_help_waits_for_nothing_and_goes_first(outside: Outside) -> None:
    late, patrol, phone = await outside.plan(), await outside.plan(minutes=30), outside.device()
    outside.wait(minutes=30)
    outside.record(phone, patrol.name, "start", "pier")
    outside.record(phone, patrol.name, "call_for_help", "pier", text="冰面开裂，一人落水")
    batch = phone.batch(outside.clock.now())
    await outside.api.call(WORKER, "AppendEntries", batch=batch)
    await outside.api.call(WORKER, "AppendEntries", batch=batch)
    alarms = await outside.alarms()
    assert [each.kind for each in alarms] == [
        AlarmKind.ALARM_KIND_CALL_FOR_HELP,
        AlarmKind.ALARM_KIND_NOT_STARTED,
    ]
    assert alarms[0].text == "冰面开裂，一人落水"
    assert alarms[1].name.startswith(late.name)
    outside.wait(seconds=1)
    outside.wait(minutes=1)
    assert list((await outside.alarms())[0].recipients) == [STREET, DISTRICT]
    taken = (await outside.api.call(STREET_DESK, "AcknowledgeAlarm", name=alarms[0].name)).alarm
    assert (taken.state, taken.acknowledger) == (AlarmState.ALARM_STATE_ACKNOWLEDGED, STREET_DESK.user)
    assert (await outside.api.call(COMMANDER, "AcknowledgeAlarm", name=taken.name)).alarm == taken
    with pytest.raises(Refused) as refused:
        await outside.api.call(OTHER_STREET_DESK, "CloseAlarm", name=taken.name, note="x")
    assert refused.value.reason == "PERMISSION_DENIED"
    with pytest.raises(Refused) as refused:
        await outside.api.call(STREET_DESK, "CloseAlarm", name=taken.name, note="家属电话13800138000")
    assert refused.value.reason == "PERSON_IN_TEXT"
    closed = (await outside.api.call(STREET_DESK, "CloseAlarm", name=taken.name, note="已救起")).alarm
    assert (closed.state, closed.note) == (AlarmState.ALARM_STATE_CLOSED, "已救起")
    with pytest.raises(Refused) as refused:
        await outside.api.call(STREET_DESK, "AcknowledgeAlarm", name=taken.name)
    assert (refused.value.reason, refused.value.metadata["state"]) == ("ALARM_ENDED", "CLOSED")
    with pytest.raises(Refused) as refused:
        await outside.api.call(COMMANDER, "AcknowledgeAlarm", name=f"{patrol.name}/alarms/none")
    assert refused.value.reason == "NOT_FOUND"


@pytest.mark.parametrize(
    ("answered_after", "sent", "state"),
    [
        (5, True, None),
        (5, False, AlarmState.ALARM_STATE_RETRACTED),
        (15, False, AlarmState.ALARM_STATE_RESOLVED),
    ],
)
async def test_a_welfare_check_that_nobody_answers_raises_an_alarm(
    outside: Outside, answered_after: int, sent: bool, state: AlarmState | None
) -> None:
    patrol, phone = await outside.plan(), outside.device()
    with pytest.raises(Refused) as refused:
        await outside.api.call(COMMANDER, "RequestWelfareCheck", name=patrol.name)
    assert (refused.value.reason, refused.value.metadata["state"]) == ("PATROL_WRONG_STATE", "PLANNED")
    outside.record(phone, patrol.name, "start", "pier")
    outside.check_in(phone, patrol.name, "pier")
    # An answer to nothing answers nothing.
    outside.record(phone, patrol.name, "welfare_answer")
    await outside.send(phone)
    outside.wait(seconds=1)
    await outside.api.call(COMMANDER, "RequestWelfareCheck", name=patrol.name)
    outside.wait(minutes=answered_after)
    answer = outside.record(phone, patrol.name, "welfare_answer")
    if sent:
        await outside.send(phone, answer)
    outside.wait(minutes=15 - answered_after)
    kinds = [each.kind for each in await outside.alarms()]
    assert kinds == ([] if sent else [AlarmKind.ALARM_KIND_WELFARE_UNANSWERED])
    await outside.send(phone, answer)
    assert [each.state for each in await outside.alarms(ended=True)] == ([] if state is None else [state])


async def test_a_pause_puts_off_what_is_due_and_ends_by_itself(outside: Outside) -> None:
    patrol, phone = await outside.plan(), outside.device()
    start = outside.clock.now()
    outside.record(phone, patrol.name, "start", "pier")
    outside.check_in(phone, patrol.name, "pier")
    outside.wait(minutes=10)
    until = timestamp(outside.clock.now() + timedelta(minutes=30))
    outside.record(phone, patrol.name, "pause", "pier", until_time=until, reason="避雨")
    await outside.send(phone)
    found = await outside.patrol(patrol.name)
    assert (found.state, found.pause_until_time) == (PAUSED, until)
    assert found.checkpoints[1].due_time == timestamp(start + timedelta(minutes=50))
    outside.wait(minutes=29)
    assert not await outside.alarms()
    outside.wait(minutes=1)
    found = await outside.patrol(patrol.name)
    assert (found.state, found.HasField("pause_until_time")) == (UNDERWAY, False)
    # It went on sooner than it had said, which is heard of later.
    outside.wait(minutes=21)
    assert [each.checkpoint for each in await outside.alarms()] == ["ice-gauge"]


async def test_a_patrol_is_handed_over_with_its_telephone_and_what_that_has_not_sent(outside: Outside) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    outside.check_in(phone, patrol.name, "pier")
    outside.record(phone, patrol.name, "hand_over", "pier", leader="users/nextleader")
    await outside.send(phone, caller=STREET_DESK)
    found = await outside.patrol(patrol.name)
    assert (found.leader, states(found)[0]) == ("users/nextleader", REACHED)
    entries = (await outside.api.call(COMMANDER, "ListEntries", patrol=patrol.name)).entries
    assert [each.record.WhichOneof("record") for each in entries] == ["start", "check_in", "hand_over"]
    # Whoever was planned to lead it still reads it.
    assert (await outside.patrol(patrol.name, WORKER)).name == patrol.name


async def test_what_is_odd_is_marked_and_kept(outside: Outside) -> None:
    patrol = await outside.plan()
    phone = outside.device(skew=timedelta(hours=1))
    outside.record(phone, patrol.name, "start", "pier")
    outside.record(phone, patrol.name, "check_in", "gate-3", checkpoint="pier")
    outside.wait(seconds=30)
    outside.check_in(phone, patrol.name, "gate-3")
    outside.wait(seconds=30)
    outside.check_in(phone, patrol.name, "ice-gauge")
    await outside.send(phone)
    entries = (await outside.api.call(COMMANDER, "ListEntries", patrol=patrol.name)).entries
    marks = [set(each.marks) for each in entries]
    assert all(Mark.MARK_CLOCK_SKEW in each for each in marks)
    assert Mark.MARK_OFF_POINT in marks[1]
    assert Mark.MARK_WRONG_ORDER in marks[3] | marks[2]
    found = await outside.patrol(patrol.name)
    assert states(found) == [PENDING, REACHED, REACHED]
    assert found.entries == 4
    assert set(found.marks) >= {Mark.MARK_CLOCK_SKEW, Mark.MARK_OFF_POINT, Mark.MARK_WRONG_ORDER}


async def test_what_a_lost_device_signs_moves_nothing(outside: Outside, engine: Engine) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    lost = outside.wait(minutes=1)
    outside.wait(minutes=1)
    outside.check_in(phone, patrol.name, "pier")
    await outside.send(phone)
    assert states(await outside.patrol(patrol.name)) == [REACHED, PENDING, PENDING]
    outside.announce(phone, version=2, lost_time=timestamp(lost))
    found = await outside.patrol(patrol.name)
    assert states(found) == [PENDING] * 3
    assert Mark.MARK_LOST_DEVICE in found.marks
    assert found.state == UNDERWAY
    # Others hear that the unit is where it was before.
    there, back = announced_as(engine, events_pb2.UnitMoved)
    assert back.position_time.seconds == there.position_time.seconds - 120
    assert there.version < back.version


async def test_a_patrol_of_a_device_that_was_lost_before_it_is_taken_back(outside: Outside, engine: Engine) -> None:
    patrol, phone = await outside.plan(), outside.device()
    lost = outside.clock.now()
    outside.wait(minutes=1)
    outside.record(phone, patrol.name, "start", "pier")
    await outside.send(phone)
    assert (await outside.patrol(patrol.name)).state == UNDERWAY
    outside.announce(phone, version=2, lost_time=timestamp(lost))
    found = await outside.patrol(patrol.name)
    assert found.state == PLANNED
    assert not found.HasField("position")
    # Whoever looks for the nearest unit must not be sent to whoever has the telephone.
    last = announced_as(engine, events_pb2.UnitMoved)[-1]
    assert (last.state, last.HasField("position")) == (PLANNED, False)


async def test_a_patrol_that_goes_on_after_all_is_announced_as_out_again(outside: Outside, engine: Engine) -> None:
    patrol, phone, other = await outside.plan(), outside.device(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    outside.record(phone, patrol.name, "finish", "pier")
    outside.wait(minutes=1)
    outside.record(other, patrol.name, "check_in", checkpoint="ice-gauge")
    await outside.send(phone)
    await outside.send(other)
    over, out = announced_as(engine, events_pb2.UnitMoved)
    assert (over.state, out.state, over.position) == (FINISHED, UNDERWAY, out.position)
    assert over.version < out.version


async def test_bad_entries_are_refused_one_by_one_with_what_is_wrong(outside: Outside) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    outside.record(phone, patrol.name, "call_for_help", text="请找 138 0013 8000")
    outside.record(phone, f"patrols/{DISTRICT}-{'0' * 20}", "track", "pier")
    outside.record(phone, f"patrols/210603-{'0' * 20}", "track", "pier")
    outside.record(phone, "patrols/none", "track", "pier")
    phone.record(Unit(name=UNIT), outside.clock.now())
    outside.check_in(phone, patrol.name, "pier")
    result = await outside.send(phone)
    refused = Outcome.OUTCOME_REFUSED
    assert [each.outcome for each in result.results] == [1, refused, refused, refused, refused, refused, 1]
    assert [each.reason for each in result.results][1:6] == [RefusalReason.REFUSAL_REASON_CONTENT_REFUSED] * 4 + [
        RefusalReason.REFUSAL_REASON_UNKNOWN_CONTENT
    ]
    assert [[v.field for v in each.violations] for each in result.results] == [
        [],
        ["content.call_for_help.text"],
        ["content.patrol"],
        ["content.patrol"],
        ["content.patrol"],
        [],
        [],
    ]
    assert result.results[1].violations[0].description.startswith("characters 4 to 16 are a telephone number")
    assert states(await outside.patrol(patrol.name))[0] == REACHED
    assert not await outside.alarms()


async def test_only_devices_that_are_known_are_believed(outside: Outside) -> None:
    patrol, phone, stranger = await outside.plan(), outside.device(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    outside.record(stranger, patrol.name, "start", "pier")
    batch = stranger.batch(outside.clock.now())
    batch.device_key = phone.name
    with pytest.raises(Refused) as refused:
        await outside.api.call(WORKER, "AppendEntries", batch=batch)
    assert refused.value.reason == "SIGNATURE_INVALID"
    batch = phone.batch(outside.clock.now())
    batch.device_key = "deviceKeys/00000000-0000-4000-8000-000000000000"
    with pytest.raises(Refused) as refused:
        await outside.api.call(WORKER, "AppendEntries", batch=batch)
    assert refused.value.reason == "DEVICE_KEY_UNKNOWN"


async def test_a_patrol_is_cancelled_before_it_starts_and_not_after(outside: Outside, engine: Engine) -> None:
    patrol, other, phone = await outside.plan(), await outside.plan(), outside.device()
    outside.wait(minutes=20)
    assert len(await outside.alarms()) == 2
    done = (await outside.api.call(STREET_DESK, "CancelPatrol", name=patrol.name, reason="大雾")).patrol
    assert (done.state, done.cancel_reason) == (PatrolState.PATROL_STATE_CANCELLED, "大雾")
    assert (await outside.api.call(STREET_DESK, "CancelPatrol", name=patrol.name, reason="大雾")).patrol == done
    assert [each.name for each in await outside.alarms()] == [f"{other.name}/alarms/start"]
    # An entry that comes all the same is kept, and changes nothing.
    outside.record(phone, patrol.name, "start", "pier")
    outside.record(phone, other.name, "start", "pier")
    await outside.send(phone)
    found = await outside.patrol(patrol.name)
    assert (found.state, found.entries) == (PatrolState.PATROL_STATE_CANCELLED, 1)
    with pytest.raises(Refused) as refused:
        await outside.api.call(STREET_DESK, "CancelPatrol", name=other.name, reason="大雾")
    assert (refused.value.reason, refused.value.metadata["state"]) == ("PATROL_WRONG_STATE", "UNDERWAY")
    (cancelled,) = announced_as(engine, events_pb2.PatrolCancelled)
    assert (cancelled.unit_display_name, cancelled.route_display_name) == ("江桥分队", "东段")


async def test_what_cannot_be_planned_is_refused(outside: Outside) -> None:
    now = outside.clock.now()
    good = {"unit": UNIT, "route": ROUTE, "leader": WORKER.user, "start_time": timestamp(now)}
    for fields, reason in (
        ({"start_time": timestamp(now - timedelta(minutes=6))}, "INVALID_REQUEST"),
        ({"start_time": timestamp(now + timedelta(days=61))}, "INVALID_REQUEST"),
        ({"unit": f"units/{STREET}-none"}, "NOT_FOUND"),
        ({"route": f"routes/{STREET}-none"}, "NOT_FOUND"),
    ):
        with pytest.raises(Refused) as refused:
            await outside.api.call(COMMANDER, "PlanPatrol", **{**good, **fields})
        assert refused.value.reason == reason
    await outside.api.call(COMMANDER, "RetireRoute", name=ROUTE)
    with pytest.raises(Refused) as refused:
        await outside.api.call(COMMANDER, "PlanPatrol", **good)
    assert refused.value.reason == "ROUTE_RETIRED"
    await outside.api.call(COMMANDER, "RetireUnit", name=UNIT)
    with pytest.raises(Refused) as refused:
        await outside.api.call(COMMANDER, "PlanPatrol", **good)
    assert refused.value.reason == "UNIT_RETIRED"


async def test_a_patrol_is_judged_anew_when_an_entry_of_another_one_contradicts_its_own(outside: Outside) -> None:
    patrol, other, phone = await outside.plan(), await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    await outside.send(phone)
    assert not (await outside.patrol(patrol.name)).marks
    # A backup of before is restored, and the counter is used again.
    phone.entries.clear()
    outside.record(phone, other.name, "start", "pier")
    await outside.send(phone)
    for each in (patrol, other):
        assert list((await outside.patrol(each.name)).marks) == [Mark.MARK_CONFLICTED]


async def test_a_patrol_is_judged_anew_when_the_clock_of_its_device_is_known_better(outside: Outside) -> None:
    patrol, other, phone = await outside.plan(), await outside.plan(), outside.device()
    started = outside.clock.now()
    outside.record(phone, patrol.name, "start", "pier")
    held_up = phone.batch(started)
    outside.wait(seconds=50)
    await outside.api.call(WORKER, "AppendEntries", batch=held_up)
    outside.look()
    assert (await outside.patrol(patrol.name)).start_time.ToDatetime(UTC) == started + timedelta(seconds=50)
    # What comes at once says that the batch before was on its way for so long.
    outside.record(phone, other.name, "start", "pier")
    await outside.send(phone, phone.entries[-1])
    assert (await outside.patrol(patrol.name)).start_time.ToDatetime(UTC) == started


@pytest.mark.parametrize("seed", range(8))
async def test_any_order_of_arrival_comes_to_the_same(outside: Outside, engine: Engine, seed: int) -> None:
    rng = random.Random(seed)
    patrol, twin = await outside.plan(), await outside.plan()
    skews = [timedelta(minutes=rng.choice((0, 0, 60))) for _ in range(2)]
    phones = [outside.device(skew=skew) for skew in skews * 2]
    steps = [("start", "pier", {}), ("check_in", "pier", {"checkpoint": "pier"})]
    steps += [("track", rng.choice(["pier", "ice-gauge"]), {}) for _ in range(3)]
    steps += [("check_in", "ice-gauge", {"checkpoint": "ice-gauge"}), ("pause", "", {"reason": "x"})]
    steps += [("hand_over", "", {"leader": "users/nextleader"}), ("check_in", "gate-3", {"checkpoint": "gate-3"})]
    steps += [("finish", "gate-3", {})]
    rng.shuffle(steps)
    for kind, at, fields in steps:
        which = rng.randrange(2)
        now = outside.wait(minutes=rng.randrange(12), seconds=rng.randrange(60))
        given = fields | ({"until_time": timestamp(now + timedelta(minutes=8))} if kind == "pause" else {})
        # The twin is walked alike, and sent in another order.
        outside.record(phones[which], patrol.name, kind, at, **given)
        outside.record(phones[which + 2], twin.name, kind, at, **given)
    outside.wait(hours=2)
    for phone in phones[:2]:
        if phone.entries:
            await outside.send(phone)
    pieces = [(phone, each) for phone in phones[2:] for each in phone.entries]
    rng.shuffle(pieces)
    for phone, piece in [*pieces, *rng.choices(pieces, k=3)]:
        await outside.send(phone, piece)
    one, other = await outside.patrol(patrol.name), await outside.patrol(twin.name)
    for found in (one, other):
        for name in ("name", "etag", "create_time", "update_time"):
            found.ClearField(name)
        for point in found.checkpoints:
            point.ClearField("entry_id")
    assert one == other
    # What was raised meanwhile depends on what was known then; what became of it does not.
    alarms: dict[str, dict[str, int]] = {patrol.name: {}, twin.name: {}}
    for each in await outside.alarms(ended=True):
        of, _, id_ = each.name.partition("/alarms/")
        alarms[of][id_] = each.state
    both = alarms[patrol.name].keys() & alarms[twin.name].keys()
    assert {id_: alarms[patrol.name][id_] for id_ in both} == {id_: alarms[twin.name][id_] for id_ in both}
    standing = [
        {id_ for id_, state in each.items() if state == AlarmState.ALARM_STATE_OPEN} for each in alarms.values()
    ]
    assert standing[0] == standing[1]


async def test_positions_are_deleted_after_a_time_and_what_was_judged_stays(outside: Outside, engine: Engine) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    for checkpoint in PLACES:
        outside.check_in(phone, patrol.name, checkpoint)
        outside.wait(minutes=21)
    await outside.send(phone)
    before = await outside.patrol(patrol.name)
    job = job_of(SERVICE, "forget positions", position_days=7)
    for days, there in ((6, True), (2, False)):
        outside.wait(days=days)
        with engine.begin() as conn:
            job.run(conn, outside.clock.now())
        found = await outside.patrol(patrol.name)
        assert found.HasField("position") == there
        listed = (await outside.api.call(COMMANDER, "ListEntries", patrol=patrol.name)).entries
        assert len(listed) == (4 if there else 0)
    # What comes now is kept, and does not undo what was judged by more.
    outside.record(phone, patrol.name, "finish", "pier")
    for entry, outcome in ((phone.entries[0], Outcome.OUTCOME_REPEATED), (phone.entries[-1], Outcome.OUTCOME_STORED)):
        assert [each.outcome for each in (await outside.send(phone, entry)).results] == [outcome]
    after = await outside.patrol(patrol.name)
    assert (states(after), after.entries) == (states(before), before.entries)
    assert after.coverage == before.coverage


async def test_who_watches_sees_units_move_and_never_back(outside: Outside) -> None:
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    await outside.send(phone)
    stream = outside.api.stream(COMMANDER, "WatchUnits", scope=DISTRICT)
    first = await anext(stream)
    assert (first.unit, first.patrol, round(first.position.longitude, 3)) == (UNIT, patrol.name, 124.39)
    assert await anext(stream) == WatchUnitsResponse()
    late = outside.record(phone, patrol.name, "track", "ice-gauge")
    outside.wait(minutes=1)
    newest = outside.record(phone, patrol.name, "track", "gate-3")
    await outside.send(phone, newest)
    await outside.send(phone, late)
    second = await anext(stream)
    assert round(second.position.longitude, 3) == 124.41
    outside.wait(minutes=1)
    outside.record(phone, patrol.name, "finish", "pier")
    await outside.send(phone)
    third = await anext(stream)
    assert (third.state, round(third.position.longitude, 3)) == (FINISHED, 124.39)
    await stream.aclose()


async def test_alarms_of_lone_units_go_first_and_climb_twice_as_fast(outside: Outside, engine: Engine) -> None:
    await outside.plan()
    lone = f"units/{STREET}-lone"
    await outside.api.call(COMMANDER, "DefineUnit", unit=Unit(name=lone, display_name="单人", lone=True))
    start = timestamp(outside.clock.now())
    fields = {"unit": lone, "route": ROUTE, "leader": WORKER.user, "start_time": start}
    await outside.api.call(COMMANDER, "PlanPatrol", **fields)
    outside.wait(minutes=15)
    assert [each.unit for each in await outside.alarms()] == [lone, UNIT]
    forget_announced(engine)
    outside.wait(minutes=2, seconds=30)
    assert [each.alarm.unit for each in announced_as(engine, events_pb2.AlarmEscalated)] == [lone]
