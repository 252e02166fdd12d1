"""What patrols came to, month by month, over real gRPC and a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import Engine, text

from onegrid.border.v1.border_service_pb2 import ListPatrolStatisticsResponse
from onegrid.border.v1.resources_pb2 import Route, Unit
from onegrid.border.v1.statistics_pb2 import PatrolGrouping, PatrolStatistics
from onegrid_border.statistics import months
from onegrid_border.store import statistics as store
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.explaining import Explained
from onegrid_kit.timestamps import timestamp

from .fieldwork import PLACES, ROUTE, UNIT, Outside, checkpoint
from .people import COMMANDER, DISTRICT, OTHER_STREET, OTHER_STREET_DESK, STREET, STREET_DESK, WORKER

BY_UNIT, BY_ROUTE = PatrolGrouping.PATROL_GROUPING_UNIT, PatrolGrouping.PATROL_GROUPING_ROUTE
NOVEMBER = datetime(2020, 11, 11, 8, tzinfo=CHINA)


@pytest.fixture
async def november(api: Serving, engine: Engine, clock: SettableClock, events: Events) -> Outside:
    """The world outside, on a morning of November."""
    clock.set(NOVEMBER)
    outside = Outside(api, engine, clock, events)
    await outside.prepare()
    return outside


async def figures(
    outside: Outside, first: str = "2020-11", last: str = "2020-11", caller: Any = COMMANDER, **fields: Any
) -> list[PatrolStatistics]:
    """The figures of the district, or of what is asked for."""
    given = {"scope": DISTRICT, "first_month": first, "last_month": last, **fields}
    answer: ListPatrolStatisticsResponse = await outside.api.call(caller, "ListPatrolStatistics", **given)
    assert answer.as_of_time == timestamp(outside.clock.now())
    return list(answer.statistics)


async def figure(outside: Outside, **fields: Any) -> PatrolStatistics:
    """The only figures that there are."""
    (found,) = await figures(outside, **fields)
    return found


async def walked(outside: Outside, *, send: bool = True) -> Any:
    """A patrol that is walked all the way, in time; its telephone."""
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    for place, minutes in (("pier", 20), ("ice-gauge", 25), ("gate-3", 1)):
        outside.check_in(phone, patrol.name, place)
        outside.wait(minutes=minutes)
    outside.record(phone, patrol.name, "finish", "gate-3")
    if send:
        await outside.send(phone)
    return phone


async def test_a_month_says_what_its_patrols_came_to(november: Outside) -> None:
    await walked(november)
    cancelled = await november.plan()
    await november.api.call(COMMANDER, "CancelPatrol", name=cancelled.name, reason="大雾")
    await november.plan()
    november.wait(hours=2)
    await november.plan(minutes=60)
    found = await figure(november)
    assert (found.month, found.unit, found.route) == ("2020-11", "", "")
    assert (found.planned, found.cancelled, found.started, found.finished, found.not_started) == (4, 1, 1, 1, 1)
    assert (found.checkpoints_due, found.checkpoints_reached, found.checkpoints_in_time) == (6, 3, 3)
    assert (found.checkpoints_missed, found.checkpoints_outstanding) == (0, 3)
    assert found.route_m == 2 * found.covered_m > 3400
    assert found.track_m == found.covered_m
    assert found.duration.ToTimedelta() == timedelta(minutes=46)
    # The telephone had no network on its way; and one patrol was not started.
    assert (found.alarms_raised, found.alarms_retracted) == (2, 1)


async def test_late_evidence_moves_the_figures_of_a_month_that_is_over(november: Outside) -> None:
    phone = await walked(november, send=False)
    november.wait(days=25)
    before = await figure(november)
    assert (before.started, before.not_started, before.covered_m) == (0, 1, 0)
    assert (before.checkpoints_reached, before.checkpoints_outstanding) == (0, 3)
    assert (before.alarms_raised, before.alarms_retracted) == (1, 0)
    await november.send(phone)
    after = await figure(november)
    assert (after.started, after.finished, after.not_started, after.covered_m) == (1, 1, 0, before.route_m)
    assert (after.checkpoints_reached, after.checkpoints_in_time, after.checkpoints_outstanding) == (3, 3, 0)
    assert (after.alarms_raised, after.alarms_retracted) == (1, 1)
    assert not await figures(november, "2020-12", "2020-12")


async def test_what_was_reached_early_late_or_never_is_told_apart_also_after_an_upgrade(
    november: Outside, engine: Engine
) -> None:
    patrol, phone = await november.plan(), november.device()
    november.record(phone, patrol.name, "start", "pier")
    november.wait(minutes=11)
    november.check_in(phone, patrol.name, "pier")
    november.wait(minutes=20)
    november.check_in(phone, patrol.name, "gate-3")
    november.record(phone, patrol.name, "finish", "gate-3")
    await november.send(phone)
    found = await figure(november)
    assert (found.checkpoints_due, found.checkpoints_reached, found.checkpoints_in_time) == (3, 2, 0)
    assert (found.checkpoints_early, found.checkpoints_late, found.checkpoints_missed) == (1, 1, 1)
    await walked(november)
    await november.plan()
    november.wait(hours=2)
    found = await figure(november)
    with engine.begin() as conn:
        # As the release before left it.
        conn.execute(text(_UNCOUNTED))
        conn.execute(text(import_module("onegrid_border.migrations.versions.0004_statistics").COUNT))
    assert await figure(november) == found


async def test_a_patrol_belongs_to_the_month_of_its_planned_start_in_china(november: Outside) -> None:
    midnight = datetime(2020, 12, 1, tzinfo=CHINA)
    for moment in (midnight - timedelta(seconds=1), midnight):
        await planned_at(november, moment)
    found = await figures(november, "2020-10", "2020-12")
    assert [(each.month, each.planned) for each in found] == [("2020-11", 1), ("2020-12", 1)]


async def planned_at(outside: Outside, moment: datetime, unit: str = UNIT, route: str = ROUTE) -> None:
    """Plan a patrol that starts at that moment."""
    given = {"unit": unit, "route": route, "leader": WORKER.user, "start_time": timestamp(moment)}
    await outside.api.call(COMMANDER, "PlanPatrol", **given)


async def elsewhere(outside: Outside) -> tuple[str, str]:
    """A unit and a route of another street, and a patrol there."""
    unit, route = f"units/{OTHER_STREET}-hill-1", f"routes/{OTHER_STREET}-hill"
    await outside.api.call(COMMANDER, "DefineUnit", unit=Unit(name=unit, display_name="山坡分队"))
    points = map(checkpoint, PLACES)
    await outside.api.call(COMMANDER, "DefineRoute", route=Route(name=route, display_name="山坡", checkpoints=points))
    await planned_at(outside, outside.clock.now(), unit, route)
    return unit, route


async def test_figures_are_divided_by_unit_or_by_route_and_end_where_a_place_ends(november: Outside) -> None:
    unit, route = await elsewhere(november)
    await november.plan()
    await planned_at(november, november.clock.now(), UNIT, route)
    by_unit = await figures(november, grouping=BY_UNIT)
    assert [(each.unit, each.route, each.planned) for each in by_unit] == [(UNIT, "", 2), (unit, "", 1)]
    by_route = await figures(november, grouping=BY_ROUTE)
    assert [(each.unit, each.route, each.planned) for each in by_route] == [("", ROUTE, 1), ("", route, 2)]
    assert (await figure(november)).planned == 3
    assert (await figure(november, caller=STREET_DESK, scope=STREET)).planned == 2
    mine = await figure(november, caller=OTHER_STREET_DESK, scope=OTHER_STREET, grouping=BY_ROUTE)
    assert (mine.route, mine.planned) == (route, 1)
    for scope in (DISTRICT, OTHER_STREET):
        with pytest.raises(Refused) as refused:
            await figures(november, caller=STREET_DESK, scope=scope)
        assert refused.value.reason == "PERMISSION_DENIED"


async def test_figures_come_page_by_page(november: Outside) -> None:
    await elsewhere(november)
    for moment in (NOVEMBER, NOVEMBER + timedelta(days=25)):
        await planned_at(november, moment)
    given = {"scope": DISTRICT, "first_month": "2020-10", "last_month": "2021-09", "grouping": BY_UNIT, "page_size": 1}
    found, token = [], ""
    for _ in range(3):
        answer = await november.api.call(COMMANDER, "ListPatrolStatistics", page_token=token, **given)
        found += [(each.month, each.unit) for each in answer.statistics]
        token = answer.next_page_token
    assert found == [("2020-11", UNIT), ("2020-11", f"units/{OTHER_STREET}-hill-1"), ("2020-12", UNIT)]
    assert token == ""


@pytest.mark.parametrize(("first", "last"), [("2020-11", "2020-10"), ("2020-01", "2021-01")])
async def test_a_range_without_months_or_with_too_many_is_refused(november: Outside, first: str, last: str) -> None:
    with pytest.raises(Refused) as refused:
        await figures(november, first, last)
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", ["last_month"])


_UNCOUNTED = """
    UPDATE patrol SET points_reached = 0, points_in_time = 0, points_early = 0, points_late = 0, points_missed = 0,
      points_outstanding = 0
"""
_MANY = """
    INSERT INTO patrol (
      district, id, version, unit, route, route_revision, planned_leader, lone, shift, start_due_time, grace,
      cancel_reason, create_time, update_time, state, leader, start_time, points, covered, entries, marks, devices,
      outstanding, points_reached, points_in_time)
    SELECT '210602', '210602-' || lpad(CAST(m * 10000 + n AS text), 20, '0'), 1, '210602003-u' || n % 20,
           '210602003-r' || n % 30, 1, 'users/00000000', false, '',
           CAST(:begin AS timestamptz) + m * interval '31 days' + n * interval '4 minutes', interval '15 minutes',
           '', now(), now(), 4, 'users/00000000', now(), repeated.points,
           '{"reached": 20, "covered_m": 9000, "route_m": 9000, "track_m": 9000, "duration": 3600.0}',
           30, '{}', '{}', false, 20, 20
    FROM generate_series(0, 3) AS m, generate_series(1, 10000) AS n,
      (SELECT jsonb_agg(jsonb_build_object('id', k, 'display_name', md5(CAST(k AS text)), 'entry_id', md5('x' || k)))
         AS points FROM generate_series(1, 20) AS k) AS repeated
"""
_ALARMS = """
    INSERT INTO alarm (
      district, patrol, id, version, kind, state, unit, lone, checkpoint, text, since_time, raise_time, recipients,
      acknowledger, note)
    SELECT district, id, 'start', 1, 4, 3, unit, false, '', '', now(), now(), '{}', '', ''
    FROM patrol WHERE right(id, 1) = '7'
"""


def test_a_month_of_ten_thousand_patrols_is_added_up_from_an_index_by_one_statement(engine: Engine) -> None:
    begin = datetime(2020, 10, 1, tzinfo=CHINA)
    with engine.begin() as conn:
        conn.execute(text(_MANY), {"begin": begin})
        conn.execute(text(_ALARMS))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE patrol, alarm"))
    explained = Explained(engine)
    try:
        now = datetime(2021, 3, 1, tzinfo=UTC)
        span = months("2020-11", "2020-11")
        work = explained.work(lambda conn: store.statistics_page(conn, "210602", span, BY_UNIT, now, (), 51))
        assert (work.statements, work.read_whole) == (1, frozenset())
        # The month's patrols, once, and the three other months' not at all.
        assert 9_000 < work.rows < 12_000
        with engine.connect() as conn:
            found = store.statistics_page(conn, "210602", span, BY_UNIT, now, (), 51)
    finally:
        explained.close()
    assert len(found) == 20
    assert sum(each.reached for each in found) == 20 * sum(each.planned for each in found)
    assert sum(each.alarms_retracted for each in found) > 900
