"""Who has not done what a study plan asks is reminded, each once for each day."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from onegrid.partyedu.v1.events_pb2 import StudyReminderIssued
from onegrid_kit import steps
from onegrid_kit.clock import CHINA
from onegrid_kit.ladder import Climber
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.events import announced_as, forget_announced
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.commands import study_reminders
from onegrid_partyedu.main import SERVICE

from .line import Line
from .people import STREET_DESK
from .test_study_plans import COURSE, NAME, course, published, study

DUE = datetime(2020, 12, 1, tzinfo=CHINA)


def climb(line: Line) -> None:
    """Climb all that is due, and take the steps that follow."""
    climber = Climber("partyedu", line.engine, SERVICE.load_ladders(), line.clock)
    while climber.climb():
        pass
    runner = StepRunner("partyedu", line.engine, SERVICE.load_steps(), line.clock)
    while runner.step():
        pass


def reminded(line: Line) -> list[StudyReminderIssued]:
    """The reminders that were announced since this was asked last."""
    found = announced_as(line.engine, StudyReminderIssued)
    forget_announced(line.engine)
    return found


async def studying(line: Line, name: str, **fields: object) -> str:
    """A member with that account."""
    line.know(f"users/{name}")
    return (await line.admit(person_name=name, user=f"users/{name}", **fields)).name


async def test_who_has_not_done_it_is_reminded_before_and_after_it_is_due(line: Line) -> None:
    done, open_ = await studying(line, "00done000"), await studying(line, "00open000")
    await line.admit(person_name="没有账号")
    plan = await published(line, requirements=[course(DUE)], remind_days_before=[3], remind_days_after=[2])
    study(line, done, line.clock.now(), COURSE)
    climb(line)
    assert reminded(line) == []
    line.clock.set(datetime(2020, 11, 27, 9, tzinfo=CHINA))
    climb(line)
    reminder = StudyReminderIssued(
        study_plan=plan.name, display_name=plan.display_name, due_time=timestamp(DUE), users=["users/00open000"]
    )
    assert reminded(line) == [reminder]
    climb(line)
    assert reminded(line) == []
    line.clock.set(datetime(2020, 12, 2, 9, tzinfo=CHINA))
    climb(line)
    reminder.overdue = True
    assert reminded(line) == [reminder]
    study(line, open_, line.clock.now(), COURSE)
    line.later(days=200)
    climb(line)
    assert reminded(line) == []


async def test_nobody_is_reminded_of_days_before_the_plan_was_published_or_once_it_is_closed(line: Line) -> None:
    await studying(line, "00open000")
    await published(line, requirements=[course(DUE)], remind_days_before=[60, 5, 1])
    climb(line)
    assert reminded(line) == []
    line.clock.set(datetime(2020, 11, 25, 9, tzinfo=CHINA))
    climb(line)
    assert len(reminded(line)) == 1
    await line.api.call(STREET_DESK, "CloseStudyPlan", name=NAME)
    line.clock.set(DUE)
    climb(line)
    assert reminded(line) == []


async def test_days_that_passed_while_nobody_climbed_are_reminded_of_once(line: Line) -> None:
    await studying(line, "00open000")
    await published(line, requirements=[course(DUE)], remind_days_before=[9, 5, 1])
    line.clock.set(datetime(2020, 11, 26, 12, tzinfo=CHINA))
    climb(line)
    assert [list(each.users) for each in reminded(line)] == [["users/00open000"]]
    line.clock.set(datetime(2020, 11, 29, 9, tzinfo=CHINA))
    climb(line)
    assert len(reminded(line)) == 1


@pytest.mark.parametrize("fails", [1, 2, 3])
async def test_each_is_reminded_once_whatever_fails_in_between(
    line: Line, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    monkeypatch.setattr(study_reminders, "_LOOKED_AT", 2)
    names = [f"00open00{number}" for number in range(5)]
    for name in names:
        await studying(line, name)
    await published(line, requirements=[course(DUE)], remind_days_before=[1])
    line.clock.set(datetime(2020, 11, 29, 9, tzinfo=CHINA))
    climber = Climber("partyedu", line.engine, SERVICE.load_ladders(), line.clock)
    while climber.climb():
        pass
    announce, calls = study_reminders.outbox.append, Counter[str]()

    def failing(*given: object) -> None:
        announce(*given)  # type: ignore[arg-type]
        calls["calls"] += 1
        if calls["calls"] == fails:
            raise RuntimeError("killed after it was written")

    monkeypatch.setattr(study_reminders.outbox, "append", failing)
    runner = StepRunner("partyedu", line.engine, SERVICE.load_steps(), line.clock)
    runner.step()
    runner.step()
    runner.step()
    with line.engine.begin() as conn:
        for work in steps.unfinished(conn):
            assert work.attempts == 1
            steps.resume(conn, work.id)
    while runner.step():
        pass
    events = reminded(line)
    assert all(len(each.users) <= 2 for each in events)
    assert Counter(user for each in events for user in each.users) == {f"users/{name}": 1 for name in names}
    with line.engine.connect() as conn:
        assert conn.execute(text("SELECT state FROM stepped_work")).scalars().all() == ["DONE"]
    line.clock.set(line.clock.now() + timedelta(minutes=1))
    climb(line)
    assert reminded(line) == []
