"""What alarms of border ask of duty: whoever is on duty is paged until somebody looks after the alarm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from onegrid.border.v1.patrols_pb2 import AlarmKind
from onegrid_duty.commands import pages
from onegrid_duty.errors import EscalationMissing
from onegrid_duty.escalation import Cause
from onegrid_duty.roster import ROSTER
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.logs import log

__all__ = ["end_for_alarm", "page_for_alarm", "title_of"]

_WORDS: Final[Mapping[int, str]] = {
    AlarmKind.ALARM_KIND_CALL_FOR_HELP: "求助",
    AlarmKind.ALARM_KIND_WELFARE_UNANSWERED: "平安确认无应答",
    AlarmKind.ALARM_KIND_CHECK_IN_OVERDUE: "逾期未打卡",
    AlarmKind.ALARM_KIND_NOT_STARTED: "逾期未出发",
}


def title_of(kind: AlarmKind, *names: str) -> str:
    """What a page of such an alarm is about. `names`: of the unit, and of the checkpoint if it is about one."""
    return " ".join(filter(None, (_WORDS.get(kind, "告警"), *names)))


def page_for_alarm(conn: Connection, cause: Cause, roster: str, title: str, call: Call) -> None:
    """Page whoever is on duty, once for an alarm. If nobody can be, the office has heard of it all the same."""
    try:
        pages.page_on_duty(conn, ROSTER.id(roster), title, call, cause)
    except (NotFound, EscalationMissing) as error:
        log.warning("alarm pages nobody", roster=roster, reason=error.reason.name)


def end_for_alarm(conn: Connection, cause: Cause, roster: str, title: str, call: Call) -> None:
    """Page nobody any more: somebody looks after the alarm, or it has ended."""
    pages.end_page(conn, ROSTER.id(roster), title, call, cause)
