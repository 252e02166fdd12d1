"""Alarms (告警): what is wrong with a patrol, who hears of it, and when it is wrong no more. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid.border.v1.patrols_pb2 import AlarmKind, AlarmState
from onegrid_border.patrol import Patrol
from onegrid_kit import codes
from onegrid_kit.lifecycle import short_name
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName

__all__ = ["ALARM", "Alarm", "WelfareCheck", "changed_alarms", "pause_after", "recipients_of"]

ALARM: Final = ResourceName("patrols/{patrol}/alarms/{alarm}")
_HELP: Final = AlarmKind.ALARM_KIND_CALL_FOR_HELP
_WELFARE: Final = AlarmKind.ALARM_KIND_WELFARE_UNANSWERED
_CHECK_IN: Final = AlarmKind.ALARM_KIND_CHECK_IN_OVERDUE
_START: Final = AlarmKind.ALARM_KIND_NOT_STARTED
_OPEN: Final = AlarmState.ALARM_STATE_OPEN
_PAUSES: Final[Mapping[AlarmKind, timedelta]] = {
    _HELP: timedelta(minutes=1),
    _WELFARE: timedelta(minutes=2),
    _CHECK_IN: timedelta(minutes=5),
    _START: timedelta(minutes=5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WelfareCheck:
    """That somebody asked whether all is well."""

    number: int
    """Counted from 1."""
    ask_time: datetime
    due_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that is wrong with a patrol."""

    patrol: str
    """The patrol's id."""
    id: str
    """`start`, `check-in-ice-gauge`, `welfare-1`, or `help-` and the id of the entry: of each there is one at most."""
    version: int = 1
    kind: AlarmKind
    state: AlarmState = _OPEN
    unit: str
    """The unit's id."""
    lone: bool
    checkpoint: str = ""
    text: str = ""
    since_time: datetime
    raise_time: datetime
    recipients: tuple[str, ...] = ()
    """Who has heard of it, in order."""
    acknowledger: str = ""
    acknowledge_time: datetime | None = None
    note: str = ""
    end_time: datetime | None = None
    position: Location | None = None
    roster: str = ""
    """``rosters/{roster}`` that was paged; empty: none yet."""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.patrol)

    @property
    def office(self) -> str:
        """The code of the place or department that answers for the unit."""
        return codes.office_of(self.unit)

    @property
    def name(self) -> str:
        """``patrols/{patrol}/alarms/{alarm}``."""
        return ALARM.name(self.patrol, self.id)

    @property
    def state_name(self) -> str:
        """The state in short: ``RETRACTED``."""
        return short_name(AlarmState, self.state)

    @property
    def open(self) -> bool:
        """Whether it climbs."""
        return self.state == _OPEN

    @property
    def standing(self) -> bool:
        """Whether it has not ended."""
        return self.state in (_OPEN, AlarmState.ALARM_STATE_ACKNOWLEDGED)

    def heard_by(self, recipient: str, alarm_roster: str) -> Alarm:
        """The alarm once this one has heard of it as well. `alarm_roster`: the unit's, paged with its office's rung."""
        return replace(
            self,
            recipients=(*self.recipients, recipient),
            roster=alarm_roster if recipient == self.office else self.roster,
            version=self.version + 1,
        )


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What is to be looked at: whether it is wrong now, and if not, whether it ever was."""

    id: str
    kind: AlarmKind
    since_time: datetime
    wrong: bool
    was_late: bool = False
    checkpoint: str = ""


def changed_alarms(
    patrol: Patrol,
    checks: Sequence[WelfareCheck],
    answers: Sequence[datetime],
    alarms: Mapping[str, Alarm],
    now: datetime,
) -> list[Alarm]:
    """The alarms of a patrol that are to be raised, raised again, or ended, as they are then. `answers`: when welfare
    checks were answered.
    """
    changed = []
    for each in (_start_of(patrol, now), *_check_ins_of(patrol, now), *_welfare_of(patrol, checks, answers, now)):
        before = alarms.get(each.id)
        if each.wrong and (before is None or before.state in _ENDED_BY_EVIDENCE):
            changed.append(_raised(patrol, each, before, now))
        elif not each.wrong and before is not None and before.state != AlarmState.ALARM_STATE_CLOSED:
            ended = AlarmState.ALARM_STATE_RESOLVED if each.was_late else AlarmState.ALARM_STATE_RETRACTED
            if before.state != ended:
                changed.append(replace(before, state=ended, end_time=now, version=before.version + 1))
    return changed


def recipients_of(alarm: Alarm, leader: str) -> tuple[str, ...]:
    """Who hears of an alarm, rung by rung. Where nobody can help by waiting, the leader is not asked first."""
    offices = (alarm.office, alarm.district)
    return offices if alarm.kind in (_HELP, _WELFARE) else (leader, *offices)


def pause_after(alarm: Alarm) -> timedelta:
    """How long the one who heard of it has before the next one does; of a lone unit half as long."""
    pause = _PAUSES[alarm.kind]
    return pause / 2 if alarm.lone else pause


_ENDED_BY_EVIDENCE: Final = (AlarmState.ALARM_STATE_RETRACTED, AlarmState.ALARM_STATE_RESOLVED)


def _start_of(patrol: Patrol, now: datetime) -> _Wrong:
    late_time, started = patrol.start_late_time, patrol.start_time
    return _Wrong(
        "start",
        _START,
        late_time,
        wrong=started is None and patrol.cancel_time is None and now >= late_time,
        was_late=started is not None and started > late_time,
    )


def _check_ins_of(patrol: Patrol, now: datetime) -> Iterator[_Wrong]:
    expected = patrol.start_time is not None and patrol.cancel_time is None
    for point in patrol.points:
        yield _Wrong(
            f"check-in-{point.id}",
            _CHECK_IN,
            point.late_time,
            wrong=expected and point.reach_time is None and now > point.late_time,
            was_late=point.reach_time is not None and point.reach_time > point.late_time,
            checkpoint=point.id,
        )


def _welfare_of(
    patrol: Patrol, checks: Sequence[WelfareCheck], answers: Sequence[datetime], now: datetime
) -> Iterator[_Wrong]:
    for check in checks:
        answered = min((time for time in answers if time >= check.ask_time), default=None)
        yield _Wrong(
            f"welfare-{check.number}",
            _WELFARE,
            check.due_time,
            wrong=answered is None and patrol.cancel_time is None and now >= check.due_time,
            was_late=answered is not None and answered > check.due_time,
        )


def _raised(patrol: Patrol, wrong: _Wrong, before: Alarm | None, now: datetime) -> Alarm:
    return Alarm(
        patrol=patrol.id,
        id=wrong.id,
        version=1 if before is None else before.version + 1,
        kind=wrong.kind,
        unit=patrol.unit,
        lone=patrol.lone,
        checkpoint=wrong.checkpoint,
        since_time=wrong.since_time,
        raise_time=now,
        position=patrol.position,
    )
