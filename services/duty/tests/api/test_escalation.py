"""Pages and the handover book: each rung once, an empty one skipped, until somebody acknowledges."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.duty.v1 import events_pb2, resources_pb2
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import staff
from onegrid_kit.testing.events import announced_as
from onegrid_kit.testing.ladders import climb_due

from .rostering import (
    A_DAY,
    BOSS,
    COMMANDER,
    DISTRICT,
    HANDOFF,
    LI,
    READER,
    ROSTER,
    START,
    WANG,
    ZHANG,
    define,
    rotation,
)

TARGETS = (
    resources_pb2.RUNG_TARGET_ON_DUTY,
    resources_pb2.RUNG_TARGET_NEXT,
    resources_pb2.RUNG_TARGET_SUPERVISORS,
)
RUNGS = [resources_pb2.Rung(target=target, wait_minutes=5) for target in TARGETS]
A_QUARTER = timedelta(minutes=15)


def who(name: str) -> Caller:
    return staff(name, BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)


async def refused(call: Any) -> str:
    with pytest.raises(Refused) as error:
        await call
    return error.value.reason


async def page(api: Serving) -> resources_pb2.Page:
    raised: resources_pb2.Page = (await api.call(COMMANDER, "PageOnDuty", roster=ROSTER, title="堤坝渗水")).page
    return raised


def reached(engine: Engine) -> list[tuple[int, list[str]]]:
    return [(each.rung, list(each.users)) for each in announced_as(engine, events_pb2.RungReached)]


def forgotten(engine: Engine) -> list[list[str]]:
    return [list(each.users) for each in announced_as(engine, events_pb2.HandoverForgotten)]


async def test_a_page_climbs_rung_by_rung_each_once(
    api: Serving, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api, escalation=RUNGS, supervisors=[BOSS])
    await page(api)
    expected = [(1, [LI]), (2, [WANG]), (3, [BOSS])]
    for minutes, count in ((0, 1), (4, 1), (5, 2), (9, 2), (10, 3), (60, 3)):
        clock.set(START + timedelta(minutes=minutes))
        climb_due(service, engine, clock)
        assert reached(engine) == expected[:count], f"after {minutes} minutes"


async def test_a_rung_that_finds_nobody_is_skipped_at_once(
    api: Serving, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api, rotations=[rotation(WANG, first_date="2020-11-12")], escalation=RUNGS, supervisors=[BOSS])
    await page(api)
    climb_due(service, engine, clock)
    # Nobody is on duty until tomorrow: Wang, who is next, is asked at once.
    assert reached(engine) == [(2, [WANG])]
    await define(api, rotations=[], escalation=RUNGS, supervisors=[BOSS])
    await page(api)
    climb_due(service, engine, clock)
    assert reached(engine)[1:] == [(3, [BOSS])]


async def test_whoever_was_paged_takes_it_and_nobody_else_is_called(
    api: Serving, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api, escalation=RUNGS, supervisors=[BOSS])
    raised = await page(api)
    assert await refused(api.call(who("li"), "AcknowledgePage", name=raised.name)) == "PERMISSION_DENIED"
    climb_due(service, engine, clock)
    # Wang is on the next rung, which was not reached.
    assert await refused(api.call(who("wang"), "AcknowledgePage", name=raised.name)) == "PERMISSION_DENIED"
    taken = (await api.call(who("li"), "AcknowledgePage", name=raised.name)).page
    assert (taken.acknowledger, list(taken.paged)) == (LI, [LI])
    assert (await api.call(who("li"), "AcknowledgePage", name=raised.name)).page == taken
    clock.set(START + timedelta(hours=1))
    climb_due(service, engine, clock)
    assert reached(engine) == [(1, [LI])]
    assert len(announced_as(engine, events_pb2.PageTaken)) == 1
    assert list((await api.call(READER, "ListPages", roster=ROSTER)).pages) == [taken]


async def test_a_change_of_the_roster_leaves_the_last_rung_of_a_page_somebody(
    api: Serving, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api, escalation=RUNGS, supervisors=[BOSS])
    await page(api)
    await define(api, rotations=[])
    climb_due(service, engine, clock)
    assert reached(engine) == [(3, [BOSS])]


async def test_a_roster_without_an_escalation_can_not_be_paged(api: Serving) -> None:
    await define(api)
    assert await refused(page(api)) == "ESCALATION_MISSING"


async def test_a_handover_is_acknowledged_by_whose_shift_follows(api: Serving, engine: Engine) -> None:
    await define(api, supervisors=[BOSS])
    shift = (await api.call(READER, "GetOnDuty", roster=ROSTER)).shift.name
    for by in (who("wang"), who("zhang")):
        assert await refused(api.call(by, "WriteHandover", shift=shift, text="x")) == "PERMISSION_DENIED"
    written = (await api.call(who("li"), "WriteHandover", shift=shift, text="水位已降\n三号泵待修")).handover
    assert (written.author, written.text, written.acknowledger) == (LI, "水位已降\n三号泵待修", "")
    assert await refused(api.call(who("li"), "WriteHandover", shift=shift, text="又")) == "RESOURCE_EXISTS"
    (event,) = announced_as(engine, events_pb2.HandoverWritten)
    assert (event.receiver, event.handover.text) == (WANG, "")
    assert await refused(api.call(who("li"), "AcknowledgeHandover", name=written.name)) == "PERMISSION_DENIED"
    taken = (await api.call(who("wang"), "AcknowledgeHandover", name=written.name)).handover
    assert (taken.acknowledger, taken.text) == (WANG, written.text)
    assert list((await api.call(READER, "ListHandovers", roster=ROSTER)).handovers) == [taken]


async def test_a_handover_that_nobody_acknowledges_is_brought_to_mind_and_then_to_the_supervisors(
    api: Serving, service: Service, engine: Engine, clock: SettableClock
) -> None:
    await define(api, supervisors=[BOSS])
    shift = (await api.call(READER, "GetOnDuty", roster=ROSTER)).shift.name
    await api.call(who("li"), "WriteHandover", shift=shift, text="水位已降")
    begins = HANDOFF + A_DAY
    for moment, expected in (
        (begins, []),
        (begins + A_QUARTER, [[WANG]]),
        (begins + A_QUARTER * 2, [[WANG], [BOSS]]),
        (begins + A_DAY, [[WANG], [BOSS]]),
    ):
        clock.set(moment)
        climb_due(service, engine, clock)
        assert forgotten(engine) == expected, moment


async def test_a_handover_of_a_shift_that_has_not_begun_or_that_none_follows_is_not_written(api: Serving) -> None:
    await define(api, rotations=[rotation(LI, ZHANG, end_date="2020-11-12")])
    listed = (await api.call(READER, "ListShifts", roster=ROSTER)).shifts
    only = listed[0].name
    assert await refused(api.call(who("zhang"), "WriteHandover", shift=only, text="x")) == "HANDOVER_IMPOSSIBLE"
    await define(api)
    later = (await api.call(READER, "ListShifts", roster=ROSTER)).shifts[1].name
    assert await refused(api.call(who("wang"), "WriteHandover", shift=later, text="x")) == "HANDOVER_IMPOSSIBLE"
