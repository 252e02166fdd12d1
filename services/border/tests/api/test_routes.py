"""Routes over real gRPC and a real database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.border.v1.events_pb2 import RouteDefined
from onegrid.border.v1.resources_pb2 import Checkpoint, Route
from onegrid.common.v1.common_pb2 import Point
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced
from onegrid_kit.timestamps import timestamp

from .people import COMMANDER, DISTRICT, OTHER_STREET_DESK, STREET, STREET_DESK, WORKER

ROUTE, DISTRICT_ROUTE = f"routes/{STREET}-river-east", f"routes/{DISTRICT}-water"


def checkpoint(id_: str, due_minutes: int, **fields: Any) -> Checkpoint:
    at = Point(longitude=124.39 + due_minutes / 1000, latitude=40.12)
    given = {"display_name": "冰情观测点", "location": at, "tolerance_m": 50, "tolerance_minutes": 10, **fields}
    return Checkpoint(id=id_, due_minutes=due_minutes, **given)


COURSE = (checkpoint("pier", 0), checkpoint("ice-gauge", 20), checkpoint("gate-3", 45))


async def define(
    api: Serving,
    name: str = ROUTE,
    caller: Caller = COMMANDER,
    checkpoints: Sequence[Checkpoint] = COURSE,
    effective_time: datetime | None = None,
    **fields: Any,
) -> Route:
    given = {"name": name, "display_name": "鸭绿江东段", "checkpoints": checkpoints, **fields}
    route = Route(**given, effective_time=timestamp(effective_time))
    answer: Route = (await api.call(caller, "DefineRoute", route=route)).route
    return answer


async def at(api: Serving, moment: datetime) -> int:
    """The revision that is in effect."""
    answer = await api.call(STREET_DESK, "GetRoute", name=ROUTE, time=timestamp(moment))
    return int(answer.route.revision)


async def test_a_route_has_revisions_and_the_one_of_the_moment_counts(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    now = clock.now()
    first = await define(api)
    assert (first.revision, first.effective_time.ToDatetime(now.tzinfo)) == (1, now)
    assert await define(api) == first
    winter = await define(api, corridor_m=100, effective_time=now + timedelta(days=10))
    later = await define(api, corridor_m=200, effective_time=now + timedelta(days=20))
    # It replaces the winter's from its own beginning on, and so what was to follow.
    sooner = await define(api, max_speed_kmh=12, effective_time=now + timedelta(days=15), etag=later.etag)
    assert [await at(api, now + timedelta(days=day)) for day in (0, 9, 10, 14, 15, 19, 20, 30)] == [
        1, 1, 2, 2, 4, 4, 4, 4,
    ]  # fmt: skip
    with pytest.raises(Refused) as refused:
        await at(api, now - timedelta(minutes=1))
    assert refused.value.reason == "NOT_FOUND"
    listed = (await api.call(STREET_DESK, "ListRouteRevisions", name=ROUTE)).routes
    assert [each.revision for each in listed] == [4, 3, 2, 1]
    assert (await api.call(COMMANDER, "ListRoutes", scope=DISTRICT)).routes == [sooner]
    assert announced(engine) == [
        RouteDefined(route=each, version=version)
        for version, each in enumerate((first, winter, later, sooner), start=1)
    ]


async def test_a_retired_route_is_read_and_not_listed_until_it_is_defined_again(api: Serving) -> None:
    new = await define(api)
    retired = (await api.call(STREET_DESK, "RetireRoute", name=ROUTE, etag=new.etag)).route
    assert retired.HasField("retire_time")
    assert (await api.call(STREET_DESK, "RetireRoute", name=ROUTE)).route == retired
    assert (await api.call(STREET_DESK, "GetRoute", name=ROUTE)).route == retired
    assert not (await api.call(COMMANDER, "ListRoutes", scope=STREET)).routes
    with pytest.raises(Refused) as refused:
        await define(api, etag=new.etag)
    assert refused.value.reason == "STALE_ETAG"
    again = await define(api)
    assert (again.revision, again.HasField("retire_time")) == (2, False)


@pytest.mark.parametrize(
    ("checkpoints", "fields"),
    [
        ((checkpoint("pier", 0), checkpoint("pier", 20)), ["route.checkpoints[1].id"]),
        ((checkpoint("pier", 20), checkpoint("gate-3", 19)), ["route.checkpoints[1].due_minutes"]),
        (
            (checkpoint("a", 2), checkpoint("b", 1), checkpoint("b", 0)),
            ["route.checkpoints[2].id", "route.checkpoints[1].due_minutes", "route.checkpoints[2].due_minutes"],
        ),
    ],
)
async def test_checkpoints_without_an_order_are_refused(
    api: Serving, checkpoints: Sequence[Checkpoint], fields: Sequence[str]
) -> None:
    with pytest.raises(Refused) as refused:
        await define(api, checkpoints=checkpoints)
    assert (refused.value.reason, refused.value.metadata) == ("COURSE_INVALID", {"route": ROUTE})
    assert refused.value.fields == fields


async def test_a_revision_takes_effect_from_now_on_and_within_a_year(api: Serving, clock: SettableClock) -> None:
    for away in (timedelta(minutes=-6), timedelta(days=367)):
        with pytest.raises(Refused) as refused:
            await define(api, effective_time=clock.now() + away)
        assert refused.value.fields == ["route.effective_time"]


async def test_offices_manage_their_own_routes_alone(api: Serving) -> None:
    await define(api, ROUTE, STREET_DESK)
    for caller, name in ((OTHER_STREET_DESK, ROUTE), (STREET_DESK, DISTRICT_ROUTE), (WORKER, ROUTE)):
        with pytest.raises(Refused) as refused:
            await define(api, name, caller)
        assert refused.value.reason == "PERMISSION_DENIED"
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "RetireRoute", name=DISTRICT_ROUTE)
    assert refused.value.reason == "NOT_FOUND"
