"""Whom an event of a border patrol concerns, and what they are to hear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.border.v1 import events_pb2 as pb
from onegrid.border.v1.patrols_pb2 import AlarmKind
from onegrid_kit import codes
from onegrid_kit.names import code_in
from onegrid_notify.facts import PatrolAlarmFacts, PatrolFacts, Recipient
from onegrid_notify.notifications import Notification

__all__ = ["PatrolEvent", "is_call_to_act", "patrol_and_office", "patrol_notifications"]

PatrolEvent = pb.PatrolPlanned | pb.PatrolCancelled | pb.AlarmEscalated | pb.WelfareCheckRequested
_CALLS: Final = (AlarmKind.ALARM_KIND_CALL_FOR_HELP, AlarmKind.ALARM_KIND_WELFARE_UNANSWERED)


def patrol_and_office(event: PatrolEvent) -> tuple[str, str]:
    """What the event is about, a patrol or its alarm, and the code of the place or department that answers for it."""
    about = event.alarm if isinstance(event, pb.AlarmEscalated) else event.patrol
    return about.name, codes.office_of(code_in(about.unit))


def is_call_to_act(event: PatrolEvent) -> bool:
    """Whether somebody may be in danger: nobody can mute it."""
    match event:
        case pb.AlarmEscalated():
            return event.alarm.kind in _CALLS
        case pb.WelfareCheckRequested():
            return True
        case _:
            return False


def patrol_notifications(event: PatrolEvent, place: str, time: datetime) -> Iterator[Notification]:
    """Of an alarm hears whoever stands on its rung; of all else who leads the patrol, and of a plan that gives it to
    another who was to lead it until then. `place`: the name of what answers for the unit.
    """
    match event:
        case pb.AlarmEscalated():
            kind = Recipient.PERSON if event.recipient.startswith("users/") else Recipient.OFFICE
            yield Notification(kind, event.recipient, _alarm_facts(event, place, time))
        case pb.WelfareCheckRequested():
            facts = replace(_facts(event, place, time), due=_moment(event.answer_due_time))
            yield _to_person(event.patrol.leader, facts)
        case pb.PatrolCancelled():
            facts = replace(_planned_facts(event, place, time), reason=event.patrol.cancel_reason)
            yield _to_person(event.patrol.leader, facts)
        case pb.PatrolPlanned():
            yield from _of_plan(event, place, time)


def _of_plan(event: pb.PatrolPlanned, place: str, time: datetime) -> Iterator[Notification]:
    """Nothing of a patrol that starts at once: who leads it has planned it, or stands beside who did."""
    patrol = event.patrol
    if _moment(patrol.start_due_time) <= time:
        return
    facts = _planned_facts(event, place, time)
    changed = patrol.update_time != patrol.create_time and not event.former_leader
    yield _to_person(patrol.leader, replace(facts, changed=changed))
    if event.former_leader:
        yield _to_person(event.former_leader, replace(facts, relieved=True))


def _to_person(user: str, facts: PatrolFacts) -> Notification:
    return Notification(Recipient.PERSON, user, facts)


def _planned_facts(event: pb.PatrolPlanned | pb.PatrolCancelled, place: str, time: datetime) -> PatrolFacts:
    route = event.route_display_name or _word(event.patrol.route)
    return replace(_facts(event, place, time), route=route, start=_moment(event.patrol.start_due_time))


def _facts(
    event: pb.PatrolPlanned | pb.PatrolCancelled | pb.WelfareCheckRequested, place: str, time: datetime
) -> PatrolFacts:
    return PatrolFacts(time=time, unit=event.unit_display_name or _word(event.patrol.unit), place=place)


def _alarm_facts(event: pb.AlarmEscalated, place: str, time: datetime) -> PatrolAlarmFacts:
    alarm = event.alarm
    return PatrolAlarmFacts(
        time=time,
        unit=event.unit_display_name or _word(alarm.unit),
        place=place,
        lone=alarm.lone,
        checkpoint=event.checkpoint_display_name or alarm.checkpoint,
        since=_moment(alarm.since_time),
        said=alarm.text,
        help=alarm.kind == AlarmKind.ALARM_KIND_CALL_FOR_HELP,
        unanswered=alarm.kind == AlarmKind.ALARM_KIND_WELFARE_UNANSWERED,
        overdue=alarm.kind == AlarmKind.ALARM_KIND_CHECK_IN_OVERDUE,
        unstarted=alarm.kind == AlarmKind.ALARM_KIND_NOT_STARTED,
    )


def _word(name: str) -> str:
    """The word in the name of a unit or route, where nobody says what people call it."""
    return code_in(name).partition("-")[2]


def _moment(time: Timestamp) -> datetime:
    return time.ToDatetime(tzinfo=UTC)
