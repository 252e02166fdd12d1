"""What offices and people hear of emergencies, of their tasks, and of deadlines that have passed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.incident_steps_pb2 import IncidentDeadline
from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTask
from onegrid.identity.v1.events_pb2 import RoleGranted, UserDefined
from onegrid.identity.v1.resources_pb2 import Grant, UserState
from onegrid.notify.v1.resources_pb2 import InboxItem
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.sending import Lane
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .outside import Outside
from .people import DISTRICT, OTHER_STREET, OTHER_STREET_DESK, STREET, STREET_DESK

NOON = datetime(2020, 11, 11, 12, 0, tzinfo=CHINA)
INCIDENT = "incidents/210602-20201111-7KX3M9QF"


@pytest.fixture(autouse=True)
def desks(events: Events) -> None:
    """Who holds a role over which street."""
    before = NOON - timedelta(days=1)
    for who, office in ((STREET_DESK, STREET), (OTHER_STREET_DESK, OTHER_STREET)):
        known = UserDefined(user=who.user, kind=who.kind, district=DISTRICT, version=1)
        known.state = UserState.USER_STATE_ACTIVE
        known.update_time.CopyFrom(timestamp(before))
        grant = Grant(name=f"{who.user}/grants/1", role="roles/street-coordinator", scope=office)
        grant.create_time.CopyFrom(timestamp(before))
        granted = RoleGranted(user=who.user, role=grant.role, scope=office, grant=grant)
        granted.oa_level = OaLevel.OA_LEVEL_STREET
        events.deliver(known, granted, time=before)


@pytest.fixture
def outside(database_url: str, engine: Engine, clock: SettableClock) -> Outside:
    return Outside(database_url, engine, clock)


async def heard(api: Serving, reader: Caller) -> list[InboxItem]:
    items = (await api.call(reader, "ListInboxItems")).items
    return [each for each in items if each.subject == INCIDENT]


def step() -> events_pb2.IncidentStep:
    return events_pb2.IncidentStep(incident=INCIDENT, place=STREET, time=timestamp(NOON))


async def test_the_office_of_the_place_hears_of_a_new_incident_at_once_and_no_other_does(
    api: Serving, events: Events
) -> None:
    events.deliver(events_pb2.IncidentReported(incident=INCIDENT, place=STREET), time=NOON)
    (item,) = await heard(api, STREET_DESK)
    assert (item.title, item.urgent) == ("突发事件，请立即响应", True)
    assert await heard(api, OTHER_STREET_DESK) == []


@pytest.mark.parametrize("assignee", [STREET, STREET_DESK.user])
async def test_the_assignee_hears_of_a_task(api: Serving, events: Events, assignee: str) -> None:
    task = IncidentTask(assignee=assignee, instruction="加固堤坝", acknowledge_due_time=timestamp(NOON))
    events.deliver(events_pb2.TaskAssigned(step=step(), task=task), time=NOON)
    (item,) = await heard(api, STREET_DESK)
    assert "加固堤坝" in item.summary
    assert item.urgent
    assert await heard(api, OTHER_STREET_DESK) == []


@pytest.mark.parametrize(
    ("deadline", "title"),
    [
        (IncidentDeadline.INCIDENT_DEADLINE_RESPONSE, "突发事件无人响应"),
        (IncidentDeadline.INCIDENT_DEADLINE_ACKNOWLEDGEMENT, "任务逾期未签收"),
        (IncidentDeadline.INCIDENT_DEADLINE_COMPLETION, "任务逾期未完成"),
        (IncidentDeadline.INCIDENT_DEADLINE_SITUATION_REPORT, "信息报告逾期"),
    ],
)
@pytest.mark.parametrize("recipient", [STREET, STREET_DESK.user])
async def test_whoever_stands_on_the_rung_hears_of_a_deadline_that_has_passed(
    api: Serving, events: Events, deadline: IncidentDeadline, title: str, recipient: str
) -> None:
    missed = events_pb2.IncidentDeadlineMissed(step=step(), deadline=deadline, recipient=recipient, rung=1)
    events.deliver(missed, time=NOON)
    (item,) = await heard(api, STREET_DESK)
    assert (item.title, item.urgent) == (f"{title}，请立即处理", True)


async def test_what_is_sent_of_an_emergency_goes_before_everything_else(events: Events, outside: Outside) -> None:
    outside.address(STREET_DESK)
    events.deliver(events_pb2.IncidentReported(incident=INCIDENT, place=STREET), time=NOON)
    assert [each.lane for each in outside.planned()] == [Lane.URGENT]
