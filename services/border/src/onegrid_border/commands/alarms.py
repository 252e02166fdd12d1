"""Alarms: raised, escalated rung by rung, acknowledged, closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from onegrid.border.v1 import events_pb2
from onegrid.border.v1.patrols_pb2 import AlarmState
from onegrid_border import messages
from onegrid_border.alarm import ALARM, Alarm, pause_after, recipients_of
from onegrid_border.commands.announcing import News, announce
from onegrid_border.errors import AlarmEnded
from onegrid_border.store import alarms as store
from onegrid_border.store import patrols, units
from onegrid_border.store.cells import known_cells
from onegrid_kit import ladder, outbox
from onegrid_kit.callers import Call
from onegrid_kit.ladder import Climb, Next
from onegrid_kit.persons import require_nobody

__all__ = ["CLIMB", "acknowledge_alarm", "close_alarm", "escalate_alarms", "keep", "news_of", "take_alarm"]

CLIMB: Final = "alarm"


def keep(conn: Connection, changed: Sequence[Alarm], now: datetime) -> None:
    """Store alarms that were raised or have ended; those that are open begin to climb. Their `news_of` is to be
    announced.
    """
    store.save_alarms(conn, changed)
    ladder.restart(conn, CLIMB, [alarm.name for alarm in changed if alarm.open], now)
    for alarm in changed:
        if not alarm.open:
            ladder.stop(conn, CLIMB, alarm.name)


def news_of(alarm: Alarm) -> News:
    """What is to be announced of an alarm that was raised or has ended, and its name."""
    event = events_pb2.AlarmRaised if alarm.open else events_pb2.AlarmEnded
    return alarm.name, event(alarm=messages.alarm(alarm))


def escalate_alarms(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
    """Have the next one hear of each of these alarms, if nobody looks after it."""
    alarms = store.lock_alarms(conn, [climb.subject for climb in climbs])
    led = patrols.find_patrols(conn, sorted({alarm.patrol for alarm in alarms.values()}))
    out = units.find_units(conn, sorted({alarm.unit for alarm in alarms.values()}))
    changed: list[Alarm] = []
    news: list[tuple[Climb, News]] = []
    answers: list[Next | None] = []
    for climb in climbs:
        alarm = alarms.get(climb.subject)
        patrol = None if alarm is None else led.get(alarm.patrol)
        if patrol is None or alarm is None or not alarm.open:
            answers.append(None)
            continue
        recipients = recipients_of(alarm, patrol.leader)
        recipient, last = recipients[climb.rung - 1], climb.rung >= len(recipients)
        if recipient in recipients[: climb.rung - 1]:
            answers.append(None if last else Next(now))
            continue
        unit = out.get(alarm.unit)
        after = alarm.heard_by(recipient, unit.alarm_roster if unit else "")
        event = events_pb2.AlarmEscalated(
            alarm=messages.alarm(after),
            recipient=recipient,
            rung=climb.rung,
            unit_display_name=unit.display_name if unit else "",
            checkpoint_display_name=next((at.display_name for at in patrol.points if at.id == alarm.checkpoint), ""),
        )
        changed.append(after)
        news.append((climb, (after.name, event)))
        answers.append(None if last else Next(climb.due_time + pause_after(alarm)))
    store.save_alarms(conn, changed)
    announce(conn, now, news)
    return answers


def acknowledge_alarm(conn: Connection, name: str, call: Call) -> Alarm:
    """Look after an alarm. Raises PermissionDenied, NotFound or AlarmEnded."""
    alarm = _current(conn, name, call)
    if not alarm.standing:
        raise AlarmEnded(alarm.name, alarm.state_name)
    return _acknowledged(conn, alarm, call.caller.user, call) if alarm.open else alarm


def take_alarm(conn: Connection, name: str, raise_time: datetime, user: str, call: Call) -> None:
    """Have whoever took the page of an alarm look after it, unless somebody does, or it has ended; one that was raised
    again since then is another alarm.
    """
    alarm = store.lock_alarms(conn, [name]).get(name)
    if alarm is not None and alarm.open and alarm.raise_time == raise_time:
        _acknowledged(conn, alarm, user, call)


def close_alarm(conn: Connection, name: str, note: str, call: Call) -> Alarm:
    """Say what came of an alarm. Raises PermissionDenied, NotFound or PersonInText."""
    require_nobody(partial(known_cells, conn), note=note)
    alarm = _current(conn, name, call)
    if alarm.state == AlarmState.ALARM_STATE_CLOSED:
        return alarm
    after = replace(alarm, state=AlarmState.ALARM_STATE_CLOSED, note=note, end_time=call.now, version=alarm.version + 1)
    keep(conn, [after], call.now)
    outbox.append(conn, call, [news_of(after)])
    return after


def _acknowledged(conn: Connection, alarm: Alarm, user: str, call: Call) -> Alarm:
    after = replace(
        alarm,
        state=AlarmState.ALARM_STATE_ACKNOWLEDGED,
        acknowledger=user,
        acknowledge_time=call.now,
        version=alarm.version + 1,
    )
    store.save_alarms(conn, [after])
    ladder.stop(conn, CLIMB, after.name)
    outbox.append(conn, call, [(after.name, events_pb2.AlarmAcknowledged(alarm=messages.alarm(after)))])
    return after


def _current(conn: Connection, name: str, call: Call) -> Alarm:
    alarm = call.existing(store.lock_alarms(conn, [name]).get(name), ALARM, *ALARM.ids(name))
    call.caller.require(call.permission, alarm.office)
    return alarm
