"""What members hear of study plans that they have not done."""

from __future__ import annotations

from datetime import datetime

import pytest

from onegrid.identity.v1.events_pb2 import UserDefined
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid.partyedu.v1.events_pb2 import StudyReminderIssued
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .people import DISTRICT, LEAD_CLERK, STREET, STREET_DESK, WORKER

NOW, DUE = datetime(2020, 11, 11, 9, tzinfo=CHINA), datetime(2020, 12, 1, tzinfo=CHINA)
PLAN = f"studyPlans/{STREET}-year-2020"


@pytest.mark.parametrize(("overdue", "title"), [(False, "请按时完成学习计划"), (True, "您的学习计划已逾期")])
async def test_each_member_who_is_behind_hears_of_it(api: Serving, events: Events, overdue: bool, title: str) -> None:
    for who in (WORKER, LEAD_CLERK, STREET_DESK):
        known = UserDefined(
            user=who.user, kind=who.kind, district=DISTRICT, version=1, state=UserState.USER_STATE_ACTIVE
        )
        events.deliver(known, time=NOW)
    events.deliver(
        StudyReminderIssued(
            study_plan=PLAN,
            display_name="年度学习计划",
            due_time=timestamp(DUE),
            overdue=overdue,
            users=[WORKER.user, LEAD_CLERK.user],
        ),
        time=NOW,
    )
    for who in (WORKER, LEAD_CLERK):
        (item,) = (await api.call(who, "ListInboxItems")).items
        assert (item.title, item.subject) == (f"{title}：年度学习计划", PLAN)
        assert "2020年12月1日 00:00" in item.summary
    assert list((await api.call(STREET_DESK, "ListInboxItems")).items) == []
