"""Trainings, and what members completed, over gRPC."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from onegrid.partyedu.v1.completions_pb2 import Completion, CompletionKind, Training
from onegrid.partyedu.v1.events_pb2 import StudyCompleted
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.events import announced, forget_announced
from onegrid_kit.timestamps import moment, timestamp

from .line import OTHER_COMMITTEE, STREET_COMMITTEE, Line
from .people import CITIZEN, COMMUNITY_DESK, KEEPER, OTHER_STREET_DESK, STREET, STREET_DESK, WORKER

SPRING = f"trainings/{STREET}-spring"
NEW_YEAR = datetime(2020, 1, 1, tzinfo=CHINA)


async def define(line: Line, name: str = SPRING, minutes: int = 480) -> Training:
    training = Training(name=name, display_name="春季班", minutes=minutes)
    defined: Training = (await line.api.call(KEEPER, "DefineTraining", training=training)).training
    return defined


async def record(line: Line, member: str, at: datetime, caller: Caller = KEEPER, **fields: Any) -> Completion:
    given = {"member": member, "training": SPRING, "complete_time": at, **fields}
    completed: Completion = (await line.api.call(caller, "RecordCompletion", **given)).completion
    return completed


async def listed(line: Line, member: str, caller: Caller = KEEPER, **fields: Any) -> list[Completion]:
    return list((await line.api.call(caller, "ListCompletions", member=member, **fields)).completions)


async def test_a_completed_training_counts_in_its_year_and_is_announced(line: Line) -> None:
    await define(line)
    member = await line.admit()
    forget_announced(line.engine)
    completed = await record(line, member.name, NEW_YEAR, COMMUNITY_DESK, percent=80)
    assert completed == Completion(
        member=member.name,
        subject=SPRING,
        kind=CompletionKind.COMPLETION_KIND_TRAINING,
        year=2020,
        minutes=480,
        percent=80,
        complete_time=timestamp(NEW_YEAR),
    )
    assert announced(line.engine) == [StudyCompleted(completion=completed)]
    assert await listed(line, member.name) == [completed]


async def test_the_last_minute_of_a_year_in_china_is_of_that_year(line: Line) -> None:
    await define(line)
    member = await line.admit()
    await record(line, member.name, NEW_YEAR - timedelta(minutes=1))
    await record(line, member.name, NEW_YEAR)
    assert [each.year for each in await listed(line, member.name)] == [2020, 2019]
    assert [each.year for each in await listed(line, member.name, year=2019)] == [2019]


async def test_recorded_again_the_better_percent_and_the_first_time_stay(line: Line) -> None:
    await define(line)
    member = await line.admit()
    first = await record(line, member.name, NEW_YEAR)
    forget_announced(line.engine)
    later = NEW_YEAR + timedelta(days=1)
    assert await record(line, member.name, later) == first
    assert announced(line.engine) == []
    better = await record(line, member.name, later, percent=70)
    assert (better.percent, better.complete_time) == (70, first.complete_time)
    assert await record(line, member.name, later, percent=60) == better
    assert announced(line.engine) == [StudyCompleted(completion=better)]


async def test_what_was_completed_earlier_and_is_recorded_later_is_the_first_time(line: Line) -> None:
    """As paper that comes in late, study that was recorded offline, an attempt that is passed once it is regraded."""
    await define(line)
    member = await line.admit()
    june = await record(line, member.name, NEW_YEAR + timedelta(days=160), percent=90)
    forget_announced(line.engine)
    march = await record(line, member.name, NEW_YEAR + timedelta(days=70), percent=60)
    assert (moment(march.complete_time), march.percent) == (NEW_YEAR + timedelta(days=70), 90)
    assert await record(line, member.name, moment(june.complete_time), percent=90) == march
    assert await listed(line, member.name) == [march]
    assert announced(line.engine) == [StudyCompleted(completion=march)]


async def test_who_completed_it_before_it_was_changed_keeps_its_minutes(line: Line) -> None:
    await define(line)
    member = await line.admit()
    await record(line, member.name, NEW_YEAR)
    await define(line, minutes=60)
    assert [each.minutes for each in await listed(line, member.name)] == [480]


async def test_members_see_their_own_and_nobody_elses(line: Line) -> None:
    await define(line)
    line.know(CITIZEN.user)
    own, other = await line.admit(user=CITIZEN.user), await line.admit()
    completed = await record(line, own.name, NEW_YEAR)
    assert await listed(line, "members/me", CITIZEN) == [completed]
    assert await listed(line, own.name, CITIZEN) == [completed]
    for caller in (CITIZEN, WORKER, OTHER_STREET_DESK):
        assert (await line.refused(caller, "ListCompletions", member=other.name)).reason == "PERMISSION_DENIED"


async def test_who_looks_after_the_members_organization_records(line: Line) -> None:
    await define(line)
    member = await line.admit(OTHER_COMMITTEE)
    given = {"member": member.name, "training": SPRING, "complete_time": NEW_YEAR}
    for caller in (STREET_DESK, WORKER, CITIZEN):
        assert (await line.refused(caller, "RecordCompletion", **given)).reason == "PERMISSION_DENIED"
    await record(line, member.name, NEW_YEAR, OTHER_STREET_DESK)


async def test_what_can_not_have_been_completed_is_refused(line: Line) -> None:
    await define(line)
    member = await line.admit(STREET_COMMITTEE)
    given = {"member": member.name, "training": SPRING, "complete_time": NEW_YEAR}
    ahead = line.clock.now() + timedelta(days=1)
    foreign = "trainings/210603-spring"
    for field, value in (("complete_time", ahead), ("training", foreign)):
        refused = await line.refused(KEEPER, "RecordCompletion", **{**given, field: value})
        assert [each.field for each in refused.violations] == [field]
    unknown = {**given, "training": f"trainings/{STREET}-autumn"}
    assert (await line.refused(KEEPER, "RecordCompletion", **unknown)).reason == "NOT_FOUND"


async def test_a_training_names_nobody(line: Line) -> None:
    of = Training(name=SPRING, display_name="春季班13912345678", minutes=480)
    refused = await line.refused(KEEPER, "DefineTraining", training=of)
    assert (refused.reason, refused.fields) == ("PERSON_IN_TEXT", ["training.display_name"])


async def test_trainings_are_listed_by_place(line: Line) -> None:
    await define(line)
    await define(line, "trainings/210602-spring")
    inside = await line.api.call(WORKER, "ListTrainings", scope=WORKER.grants[0].scope)
    assert list(inside.trainings) == []
    listed = await line.api.call(STREET_DESK, "ListTrainings", scope=STREET)
    assert [each.name for each in listed.trainings] == [SPRING]
