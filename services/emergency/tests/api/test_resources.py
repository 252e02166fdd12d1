"""Resources over real gRPC and a real database: entered, changed, listed, located, retired."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1.relief_pb2 import Depot, ResourceKind, Shelter, Team, TeamKind
from onegrid_emergency.store.places import keep_place
from onegrid_kit.clock import SettableClock
from onegrid_kit.distance import RADIUS_M
from onegrid_kit.testing.api import Refused, Serving

from .people import (
    CELL,
    CITIZEN,
    COMMANDER,
    DISTRICT,
    OTHER_CELL,
    OTHER_STREET_DESK,
    STREET,
    STREET_DESK,
    WORKER,
)
from .relief import (
    DEPOT,
    EXPERT,
    HERE,
    OTHER_TEAM,
    SANDBAGS,
    SHELTER,
    TEAM,
    VEHICLE,
    define,
    get,
    incident,
    reserve,
    step,
    stock_of,
)

TEAMS = ResourceKind.RESOURCE_KIND_TEAM
EVERYWHERE_M = 20_100_000


@pytest.fixture(autouse=True)
def ground(engine: Engine) -> None:
    """Two cells side by side, which share an edge at 124.5 degrees east."""
    with engine.begin() as conn:
        for code, west in ((CELL, 124.4), (OTHER_CELL, 124.5)):
            corners = [(west, 40.1), (west + 0.1, 40.1), (west + 0.1, 40.2), (west, 40.2)]
            keep_place(conn, code, 1, "网格", boundary=corners)


async def located(api: Serving, at: Point = HERE, **fields: object) -> list[str]:
    asked = {"place": DISTRICT, "location": at, "kinds": [TEAMS], **fields}
    return [each.resource.name for each in (await api.call(COMMANDER, "LocateResources", **asked)).resources]


async def test_what_is_entered_can_be_read_changed_and_retired(api: Serving, clock: SettableClock) -> None:
    new = await define(api, TEAM, contact=STREET_DESK.user)
    assert (new.place, new.available, new.team.members) == (CELL, True, 12)
    assert await get(api, TEAM) == new
    clock.set(clock.now() + timedelta(hours=1))
    assert await define(api, TEAM, contact=STREET_DESK.user) == new
    changed = await define(api, TEAM, display_name="抢险队", team=Team(kind=TeamKind.TEAM_KIND_FIRE, members=3))
    assert (changed.display_name, changed.team.members, changed.contact) == ("抢险队", 3, "")
    assert (changed.create_time, changed.etag) != (changed.update_time, new.etag)
    with pytest.raises(Refused) as refused:
        await define(api, TEAM, etag=new.etag)
    assert refused.value.reason == "STALE_ETAG"
    retired = (await api.call(COMMANDER, "RetireResource", name=TEAM, etag=changed.etag)).resource
    assert (retired.retire_time, retired.available) == (retired.update_time, False)
    assert (await api.call(COMMANDER, "RetireResource", name=TEAM)).resource == retired
    assert (await define(api, TEAM)).available
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "RetireResource", name=OTHER_TEAM)
    assert refused.value.reason == "NOT_FOUND"


async def test_details_are_those_of_the_collection(api: Serving) -> None:
    for fields in ({"depot": Depot()}, {"team": Team(members=1)}, {"shelter": Shelter()}):
        with pytest.raises(Refused) as refused:
            await define(api, TEAM, **fields)
        assert refused.value.reason == "INVALID_REQUEST"


async def test_offices_manage_what_they_answer_for_and_see_what_stands_in_their_place(api: Serving) -> None:
    await define(api, TEAM)
    await define(api, OTHER_TEAM, STREET_DESK, home=None)
    await define(api, SHELTER, STREET_DESK, home=Point(longitude=124.55, latitude=40.15))
    for place, kinds, expected in (
        (DISTRICT, [], [SHELTER, OTHER_TEAM, TEAM]),
        (STREET, [], [SHELTER, OTHER_TEAM, TEAM]),
        (CELL, [], [TEAM]),
        (OTHER_CELL, [], [SHELTER]),
        (DISTRICT, [TEAMS], [OTHER_TEAM, TEAM]),
    ):
        listed = (await api.call(COMMANDER, "ListResources", place=place, kinds=kinds)).resources
        assert sorted(each.name for each in listed) == sorted(expected)
    await api.call(STREET_DESK, "RetireResource", name=OTHER_TEAM)
    found = (await api.call(COMMANDER, "ListResources", place=DISTRICT, kinds=[TEAMS])).resources
    assert [each.name for each in found] == [TEAM]
    every = (await api.call(COMMANDER, "ListResources", place=DISTRICT, kinds=[TEAMS], show_retired=True)).resources
    assert len(every) == 2
    for caller, name in ((STREET_DESK, TEAM), (OTHER_STREET_DESK, OTHER_TEAM), (WORKER, OTHER_TEAM)):
        with pytest.raises(Refused) as refused:
            await define(api, name, caller)
        assert refused.value.reason == "PERMISSION_DENIED"


async def test_only_the_latest_position_is_kept_whatever_the_order_of_reports(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await define(api, TEAM, contact=CITIZEN.user)
    now = clock.now()
    near, nearer = Point(longitude=124.46, latitude=40.15), Point(longitude=124.4501, latitude=40.15)
    await api.call(CITIZEN, "ReportPosition", name=TEAM, position=near)
    late = await api.call(
        COMMANDER, "ReportPosition", name=TEAM, position=nearer, position_time=now - timedelta(seconds=1)
    )
    found = await get(api, TEAM)
    assert (found.position, found.position_time) == (near, late.position_time)
    assert found.home == HERE
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM resource")).scalar_one() == 1
    for caller, name, reason in (
        (OTHER_STREET_DESK, TEAM, "PERMISSION_DENIED"),
        (CITIZEN, OTHER_TEAM, "PERMISSION_DENIED"),
        (COMMANDER, OTHER_TEAM, "NOT_FOUND"),
        (COMMANDER, EXPERT, "INVALID_REQUEST"),
    ):
        with pytest.raises(Refused) as refused:
            await api.call(caller, "ReportPosition", name=name, position=near)
        assert refused.value.reason == reason
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "ReportPosition", name=TEAM, position=near, position_time=now + timedelta(minutes=6))
    assert refused.value.fields == ["position_time"]


async def test_the_nearest_is_found_across_the_border_of_its_cell(api: Serving) -> None:
    at = Point(longitude=124.499, latitude=40.15)
    await define(api, TEAM, home=Point(longitude=124.41, latitude=40.15))
    await define(api, OTHER_TEAM, home=Point(longitude=124.501, latitude=40.15))
    assert await located(api, at) == [OTHER_TEAM, TEAM]
    assert await located(api, at, limit=1) == [OTHER_TEAM]
    assert await located(api, at, within_m=200) == [OTHER_TEAM]
    assert await located(api, at, place=CELL) == [TEAM]
    await api.call(COMMANDER, "ReportPosition", name=TEAM, position=at)
    assert await located(api, at) == [TEAM, OTHER_TEAM]


async def test_only_what_is_available_and_fits_is_located(api: Serving, clock: SettableClock) -> None:
    of = await incident(api)
    await define(api, TEAM)
    await define(api, OTHER_TEAM, team=Team(kind=TeamKind.TEAM_KIND_FIRE, members=3))
    await define(api, SHELTER)
    await define(api, DEPOT)
    await stock_of(api, 50)
    shelters, depots = [ResourceKind.RESOURCE_KIND_SHELTER], [ResourceKind.RESOURCE_KIND_DEPOT]
    assert await located(api, team_kinds=[TeamKind.TEAM_KIND_FIRE]) == [OTHER_TEAM]
    await reserve(api, TEAM, of, hold_minutes=10)
    await reserve(api, SHELTER, of, quantity=90)
    await reserve(api, SANDBAGS, of, quantity=45, hold_minutes=10)
    assert await located(api) == [OTHER_TEAM]
    assert await located(api, kinds=shelters, quantity=10) == [SHELTER]
    assert await located(api, kinds=shelters, quantity=11) == []
    assert await located(api, kinds=depots) == [DEPOT]
    assert await located(api, kinds=depots, stock="sandbags", quantity=5) == [DEPOT]
    assert await located(api, kinds=depots, stock="sandbags", quantity=6) == []
    assert await located(api, kinds=depots, stock="tents") == []
    clock.set(clock.now() + timedelta(minutes=10))
    assert await located(api) == [OTHER_TEAM, TEAM]
    assert await located(api, kinds=depots, stock="sandbags", quantity=50) == [DEPOT]
    with pytest.raises(Refused) as refused:
        await located(api, kinds=shelters, stock="sandbags")
    assert refused.value.reason == "INVALID_REQUEST"


def vector(at: Point) -> tuple[float, float, float]:
    longitude, latitude = math.radians(at.longitude), math.radians(at.latitude)
    across = math.cos(latitude)
    return across * math.cos(longitude), across * math.sin(longitude), math.sin(latitude)


def apart_m(a: Point, b: Point) -> float:
    """Another formula than the code's: the angle between the vectors, by their cross and dot products."""
    (ax, ay, az), (bx, by, bz) = vector(a), vector(b)
    cross = math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    return RADIUS_M * math.atan2(cross, ax * bx + ay * by + az * bz)


async def test_the_nearest_are_those_of_an_oracle_anywhere_on_earth(api: Serving, engine: Engine) -> None:
    rng = random.Random(20201111)
    await define(api, TEAM)
    homes = {f"teams/{DISTRICT}-t{n}": scattered(rng, n) for n in range(400)}
    copies = text(
        """
        INSERT INTO resource SELECT district, :name, 1, kind, team_kind, display_name, contact, details, place,
          :longitude, :latitude, :longitude, :latitude, NULL, NULL, create_time, update_time
        FROM resource WHERE name = :team
        """
    )
    with engine.begin() as conn:
        values = [
            {"name": name, "longitude": at.longitude, "latitude": at.latitude, "team": TEAM}
            for name, at in homes.items()
        ]
        conn.execute(copies, values)
        conn.execute(text("DELETE FROM resource WHERE name = :team"), {"team": TEAM})
    for n in range(60):
        centre = scattered(rng, n)
        within_m = rng.choice([50, 2_000, 30_000, 800_000, 9_000_000, EVERYWHERE_M])
        answer = await api.call(
            COMMANDER,
            "LocateResources",
            place=DISTRICT,
            location=centre,
            kinds=[TEAMS],
            within_m=within_m,
            limit=20,
        )
        away = {name: apart_m(centre, at) for name, at in homes.items()}
        near = sorted((name for name in homes if away[name] <= within_m), key=lambda name: (away[name], name))[:20]
        assert [each.resource.name for each in answer.resources] == near
        for each in answer.resources:
            assert each.distance_m == pytest.approx(away[each.resource.name], abs=0.01)


def scattered(rng: random.Random, number: int) -> Point:
    """In the district, beside the antimeridian, near to a pole, or anywhere."""
    if number % 4 == 0:
        return Point(longitude=124.3 + rng.random() / 2, latitude=40 + rng.random() / 2)
    if number % 4 == 1:
        return Point(longitude=rng.choice([-1, 1]) * (180 - rng.random()), latitude=rng.uniform(-70, 70))
    if number % 4 == 2:
        return Point(longitude=rng.uniform(-180, 180), latitude=rng.choice([-1, 1]) * (90 - rng.random()))
    return Point(longitude=rng.uniform(-180, 180), latitude=math.degrees(math.asin(rng.uniform(-1, 1))))


@pytest.mark.parametrize("name", [TEAM, EXPERT, VEHICLE, SHELTER, DEPOT])
async def test_what_is_reserved_is_not_retired_and_what_is_retired_is_not_reserved(api: Serving, name: str) -> None:
    of = await incident(api)
    await define(api, name)
    reserved = name
    if name == DEPOT:
        await stock_of(api, 10)
        reserved = SANDBAGS
    kept = await reserve(api, reserved, of)
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "RetireResource", name=name)
    assert (refused.value.reason, refused.value.metadata["resource"]) == ("RESOURCE_BUSY", name)
    await step(api, "ReleaseReservation", kept)
    await api.call(COMMANDER, "RetireResource", name=name)
    with pytest.raises(Refused) as refused:
        await reserve(api, reserved, of)
    assert (refused.value.reason, refused.value.metadata) == ("RESOURCE_RETIRED", {"resource": reserved})
    await define(api, name)
    await reserve(api, reserved, of)
