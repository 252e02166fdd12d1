"""Branches that should have met are reminded, each once a month as long as they have not."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text

from onegrid.partyedu.v1.events_pb2 import MeetingDeadlineMissed
from onegrid.partyedu.v1.meetings_pb2 import MeetingKind
from onegrid_kit.clock import CHINA
from onegrid_kit.jobs import run_job
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.events import announced_as, forget_announced
from onegrid_kit.testing.jobs import job_of
from onegrid_partyedu.main import SERVICE

from .line import Line
from .meeting import ASSEMBLY, closed, opened, planned, schedule
from .people import COMMUNITY

BRANCH = f"organizations/{COMMUNITY}-new"
THEMED_DAY = MeetingKind.MEETING_KIND_THEMED_DAY


@pytest.fixture
async def branch(line: Line) -> str:
    """A branch that was entered in January 2026."""
    line.clock.set(datetime(2026, 1, 15, tzinfo=CHINA))
    await line.define(BRANCH)
    return BRANCH


def reminded(line: Line, *date: int) -> list[list[MeetingKind]]:
    """What the branch is reminded of at that moment."""
    line.clock.set(datetime(*date, tzinfo=CHINA))  # type: ignore[arg-type, misc]
    run_job("partyedu", line.engine, job_of(SERVICE, "remind branches"), line.clock.now())
    runner = StepRunner("partyedu", line.engine, SERVICE.load_steps(), line.clock)
    while runner.step():
        pass
    found = [
        list(each.kinds) for each in announced_as(line.engine, MeetingDeadlineMissed) if each.organization == BRANCH
    ]
    forget_announced(line.engine)
    return found


async def test_a_branch_is_reminded_once_a_month_of_all_that_is_overdue(line: Line, branch: str) -> None:
    assert reminded(line, 2026, 2, 1, 9) == []
    assert reminded(line, 2026, 3, 1, 8, 59) == []
    assert reminded(line, 2026, 3, 1, 9) == [[THEMED_DAY]]
    assert reminded(line, 2026, 3, 1, 10) == [], "once"
    assert reminded(line, 2026, 4, 1, 9) == [[THEMED_DAY]]
    assert reminded(line, 2026, 7, 1, 9) == [[ASSEMBLY, THEMED_DAY]]


async def test_a_branch_that_met_is_not_reminded(line: Line, branch: str) -> None:
    begin = datetime(2026, 2, 20, 19, tzinfo=CHINA)
    await closed(line, await opened(line, await schedule(line, branch, THEMED_DAY, planned(begin))))
    assert reminded(line, 2026, 3, 1, 9) == []


async def test_a_month_is_not_made_up_for_late_nor_again_when_its_work_is_forgotten(line: Line, branch: str) -> None:
    assert reminded(line, 2026, 3, 20) == []
    assert reminded(line, 2026, 5, 1, 9) == [[THEMED_DAY]]
    with line.engine.begin() as conn:
        conn.execute(text("DELETE FROM stepped_work"))
    assert reminded(line, 2026, 5, 31, 12) == []
