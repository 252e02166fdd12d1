"""Border and duty together: an alarm pages the officer on duty, and one tap looks after both."""

from __future__ import annotations

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1.patrols_pb2 import Alarm, AlarmState
from onegrid.duty.v1 import duty_service_pb2 as duty_pb
from onegrid.duty.v1.resources_pb2 import Page, Rung
from onegrid_demo.loading import STREET
from onegrid_kit.testing.waiting import eventually

from .border import underway
from .calling import District
from .rosters import defined

ROSTER = f"rosters/{STREET}-duty-room"


def alarm_of(district: District, patrol: str) -> Alarm:
    request = pb.ListAlarmsRequest(scope=STREET, show_ended=True)
    alarms = district.do(request, "admin", pb.ListAlarmsResponse).alarms
    return next(each for each in alarms if each.name.startswith(f"{patrol}/"))


def pages_of(district: District, alarm: str) -> list[Page]:
    pages = district.do(duty_pb.ListPagesRequest(roster=ROSTER), "admin", duty_pb.ListPagesResponse).pages
    return [each for each in pages if each.alarm == alarm]


def on_duty(district: District) -> str:
    """Who has the shift: their login."""
    shift = district.do(duty_pb.GetOnDutyRequest(roster=ROSTER), "admin", duty_pb.GetOnDutyResponse).shift
    return next(login for login, account in district.accounts.items() if account.get("user") == shift.user)


def prepare(district: District) -> None:
    rungs = [Rung(target=target, wait_minutes=1440) for target in (1, 3)]
    defined(district, ROSTER, escalation=rungs, supervisors=[district.accounts["commander"]["user"]])


def test_whoever_takes_the_page_of_a_call_for_help_looks_after_the_alarm(district: District) -> None:
    prepare(district)
    alarm = alarm_of(district, underway(district, STREET, alarm_roster=ROSTER).name).name
    eventually(lambda: any(each.paged for each in pages_of(district, alarm)))
    (page,) = pages_of(district, alarm)
    who = on_duty(district)
    assert list(page.paged) == [district.accounts[who]["user"]]
    take = duty_pb.AcknowledgePageRequest(name=page.name)
    district.do(take, who, duty_pb.AcknowledgePageResponse)
    patrol = alarm.partition("/alarms/")[0]
    eventually(lambda: alarm_of(district, patrol).state == AlarmState.ALARM_STATE_ACKNOWLEDGED)
    assert alarm_of(district, patrol).acknowledger == page.paged[0]


def test_nobody_is_paged_any_more_once_somebody_looks_after_the_alarm(district: District) -> None:
    prepare(district)
    alarm = alarm_of(district, underway(district, STREET, alarm_roster=ROSTER).name).name
    eventually(lambda: bool(pages_of(district, alarm)))
    district.do(pb.AcknowledgeAlarmRequest(name=alarm), "commander", pb.AcknowledgeAlarmResponse)
    eventually(lambda: pages_of(district, alarm)[0].HasField("end_time"))
    (page,) = pages_of(district, alarm)
    assert not page.acknowledger
