"""Reservations over real gRPC and a real database: nothing is booked twice, and nothing blocks once it has expired."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from onegrid.emergency.v1.events_pb2 import (
    ReservationConfirmed,
    ReservationExpired,
    ReservationProlonged,
    ReservationReleased,
    ResourceReserved,
)
from onegrid.emergency.v1.relief_pb2 import Reservation, ReservationState, Shelter
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced, announced_as, forget_announced
from onegrid_kit.timestamps import timestamp

from .people import COMMANDER, DISTRICT, OTHER_STREET_DESK, STREET, STREET_DESK
from .relief import (
    DEPOT,
    EXPERT,
    OTHER_TEAM,
    SANDBAGS,
    SHELTER,
    TEAM,
    VEHICLE,
    counted,
    define,
    expire,
    get,
    incident,
    reserve,
    step,
    stock_of,
)

HELD, CONFIRMED, RELEASED, EXPIRED = (
    ReservationState.RESERVATION_STATE_HELD,
    ReservationState.RESERVATION_STATE_CONFIRMED,
    ReservationState.RESERVATION_STATE_RELEASED,
    ReservationState.RESERVATION_STATE_EXPIRED,
)
RESERVATIONS = int(os.environ.get("ONEGRID_RESERVATIONS", "600"))
"""How many are made at once; the whole test makes 10,000."""


async def refusal(api: Serving, resource: str, of: str, **fields: object) -> Refused:
    with pytest.raises(Refused) as refused:
        await reserve(api, resource, of, **fields)
    return refused.value


async def listed(api: Serving, **fields: object) -> Sequence[Reservation]:
    found: Sequence[Reservation] = (await api.call(COMMANDER, "ListReservations", **fields)).reservations
    return found


async def prepared(api: Serving, name: str) -> str:
    """What is reserved of the resource, which is entered first: itself, or of a depot its only sandbags."""
    await define(api, name, **({"shelter": Shelter(capacity=1)} if name == SHELTER else {}))
    if name != DEPOT:
        return name
    await stock_of(api, 1)
    return SANDBAGS


async def test_the_end_of_an_incident_releases_what_is_kept_for_it_and_nothing_more_is_reserved(
    api: Serving, engine: Engine, events: Events, clock: SettableClock
) -> None:
    of, other, dismissed = await incident(api), await incident(api), await incident(api)
    await define(api, TEAM)
    await define(api, SHELTER)
    await reserve(api, SHELTER, of, quantity=7, hold_minutes=1)
    clock.set(clock.now() + timedelta(minutes=1))
    kept = [await reserve(api, TEAM, of), await reserve(api, SHELTER, of, quantity=9)]
    others = await reserve(api, SHELTER, other, quantity=2)
    false = await reserve(api, SHELTER, dismissed)
    await step(api, "ConfirmReservation", kept[0])
    await api.call(COMMANDER, "RespondToIncident", name=of)
    await api.call(COMMANDER, "DeclareAllClear", name=of)
    await api.call(COMMANDER, "DismissIncident", name=dismissed, reason="误报")
    events.deliver_announced()
    assert [each.reservation.name for each in announced_as(engine, ReservationReleased)] == [
        kept[1].name,
        kept[0].name,
        false.name,
    ]
    assert list(await listed(api, office=DISTRICT)) == [others]
    for resource in (TEAM, SHELTER):
        refused = await refusal(api, resource, of)
        assert (refused.reason, refused.metadata) == ("INCIDENT_ENDED", {"incident": of})
    await reserve(api, TEAM, other)
    expire(engine, clock.now())
    assert counted(engine, SHELTER) == (100, 2)


every_kind = pytest.mark.parametrize("name", [TEAM, EXPERT, VEHICLE, SHELTER, DEPOT])


@every_kind
async def test_what_is_reserved_is_held_confirmed_and_released(
    api: Serving, engine: Engine, clock: SettableClock, name: str
) -> None:
    resource, of = await prepared(api, name), await incident(api)
    forget_announced(engine)
    now = clock.now()
    held = await reserve(api, resource, of, hold_minutes=10)
    assert (held.state, held.incident, held.resource, held.quantity) == (HELD, of, resource, 1)
    assert (held.begin_time, held.expire_time) == (timestamp(now), timestamp(now + timedelta(minutes=10)))
    assert (await api.call(COMMANDER, "GetReservation", name=held.name)).reservation == held
    confirmed = await step(api, "ConfirmReservation", held, etag=held.etag)
    assert (confirmed.state, confirmed.HasField("expire_time")) == (CONFIRMED, False)
    assert await step(api, "ConfirmReservation", held) == confirmed
    clock.set(now + timedelta(days=2))
    assert (await refusal(api, resource, of)).reason in ("RESOURCE_BUSY", "CAPACITY_EXCEEDED")
    released = await step(api, "ReleaseReservation", confirmed)
    assert (released.state, released.end_time) == (RELEASED, timestamp(clock.now()))
    again = await reserve(api, resource, of)
    display_name = "抢险一队" if name in (TEAM, EXPERT, VEHICLE) else ""
    office = resource.split("/")[1].split("-")[0]
    assert announced(engine) == [
        ResourceReserved(reservation=held, office=office, display_name=display_name),
        ReservationConfirmed(reservation=confirmed),
        ReservationReleased(reservation=released),
        ResourceReserved(reservation=again, office=office, display_name=display_name),
    ]


@every_kind
async def test_a_reservation_that_is_not_confirmed_expires_to_the_instant_whether_the_job_has_run_or_not(
    api: Serving, engine: Engine, clock: SettableClock, name: str
) -> None:
    resource, of = await prepared(api, name), await incident(api)
    held = await reserve(api, resource, of, hold_minutes=10)
    until = clock.now() + timedelta(minutes=10)
    clock.set(until - timedelta(microseconds=1))
    expire(engine, clock.now())
    refused = await refusal(api, resource, of)
    assert refused.reason == ("CAPACITY_EXCEEDED" if name in (SHELTER, DEPOT) else "RESOURCE_BUSY")
    clock.set(until)
    expired = (await api.call(COMMANDER, "GetReservation", name=held.name)).reservation
    assert (expired.state, expired.end_time) == (EXPIRED, timestamp(until))
    for method in ("ConfirmReservation", "ProlongReservation", "ReleaseReservation"):
        with pytest.raises(Refused) as ended:
            await step(api, method, held)
        assert (ended.value.reason, ended.value.metadata["state"]) == ("RESERVATION_ENDED", "EXPIRED")
    forget_announced(engine)
    again = await reserve(api, resource, of)
    expire(engine, until)
    expire(engine, until)
    assert [each for each in announced(engine) if isinstance(each, ReservationExpired)] == [
        ReservationExpired(reservation=expired)
    ]
    assert (await api.call(COMMANDER, "GetReservation", name=held.name)).reservation == expired
    assert list(await listed(api, office=DISTRICT)) == [again]


async def test_who_is_refused_learns_until_when_or_how_much_is_left(api: Serving, clock: SettableClock) -> None:
    of = await incident(api)
    await define(api, TEAM)
    await define(api, SHELTER)
    held = await reserve(api, TEAM, of)
    busy = await refusal(api, TEAM, of)
    until = held.expire_time.ToJsonString()
    assert (busy.reason, busy.metadata) == ("RESOURCE_BUSY", {"resource": TEAM, "until": until})
    assert "RetryInfo" in busy.details
    await step(api, "ConfirmReservation", held)
    busy = await refusal(api, TEAM, of)
    assert (busy.metadata, "RetryInfo" in busy.details) == ({"resource": TEAM}, False)
    await reserve(api, SHELTER, of, quantity=88)
    full = await refusal(api, SHELTER, of, quantity=13)
    assert (full.reason, full.metadata) == ("CAPACITY_EXCEEDED", {"resource": SHELTER, "left": "12"})
    await reserve(api, SHELTER, of, quantity=12)
    assert (await get(api, SHELTER)).shelter.free == 0


async def test_a_reservation_is_for_an_incident_of_the_district_and_of_what_there_is(api: Serving) -> None:
    of = await incident(api)
    await define(api, TEAM)
    await define(api, SHELTER)
    for resource in (TEAM, SHELTER):
        for unknown in (f"incidents/{DISTRICT}-20201111-00000000", of.replace(DISTRICT, "210603", 1)):
            refused = await refusal(api, resource, unknown)
            assert (refused.reason, refused.fields) == ("INCIDENT_UNKNOWN", ["incident"])
    for resource in (OTHER_TEAM, f"shelters/{DISTRICT}-none", SANDBAGS):
        assert (await refusal(api, resource, of)).reason == "NOT_FOUND"
    assert (await refusal(api, TEAM, of, quantity=2)).fields == ["quantity"]
    for caller, resource in ((OTHER_STREET_DESK, SHELTER), (STREET_DESK, TEAM)):
        with pytest.raises(Refused) as denied:
            await reserve(api, resource, of, caller)
        assert denied.value.reason == "PERMISSION_DENIED"


@every_kind
async def test_a_request_that_is_repeated_is_answered_as_before_also_when_nothing_is_left(
    api: Serving, clock: SettableClock, name: str
) -> None:
    resource, of = await prepared(api, name), await incident(api)
    request_id = str(uuid.uuid4())
    first, second = await asyncio.gather(*(reserve(api, resource, of, request_id=request_id) for _ in range(2)))
    assert first == second
    assert await reserve(api, resource, of, request_id=request_id) == first
    with pytest.raises(Refused) as reused:
        await reserve(api, resource, of, hold_minutes=7, request_id=request_id)
    assert reused.value.reason == "REQUEST_ID_REUSED"


async def test_a_hold_can_be_prolonged_and_not_shortened(api: Serving, engine: Engine, clock: SettableClock) -> None:
    of = await incident(api)
    await define(api, TEAM)
    held = await reserve(api, TEAM, of, hold_minutes=30)
    assert await step(api, "ProlongReservation", held, hold_minutes=20) == held
    forget_announced(engine)
    longer = await step(api, "ProlongReservation", held, hold_minutes=60)
    assert longer.expire_time == timestamp(clock.now() + timedelta(minutes=60))
    assert announced(engine) == [ReservationProlonged(reservation=longer)]
    with pytest.raises(Refused) as stale:
        await step(api, "ReleaseReservation", held, etag=held.etag)
    assert stale.value.reason == "STALE_ETAG"
    clock.set(clock.now() + timedelta(minutes=59))
    assert (await refusal(api, TEAM, of)).reason == "RESOURCE_BUSY"
    confirmed = await step(api, "ConfirmReservation", longer)
    assert await step(api, "ProlongReservation", longer) == confirmed


async def test_reservations_are_listed_by_office_incident_and_resource_newest_first(
    api: Serving, clock: SettableClock
) -> None:
    of, other = await incident(api), await incident(api)
    for name in (TEAM, OTHER_TEAM, SHELTER):
        await define(api, name)
    made = []
    for resource, incident_ in ((TEAM, of), (OTHER_TEAM, other), (SHELTER, of), (SHELTER, other)):
        made.append(await reserve(api, resource, incident_))
        clock.set(clock.now() + timedelta(seconds=1))
    ended = await step(api, "ReleaseReservation", made[0])
    for fields, expected in (
        ({"office": DISTRICT}, [made[3], made[2], made[1]]),
        ({"office": DISTRICT, "show_ended": True}, [made[3], made[2], made[1], ended]),
        ({"office": STREET, "show_ended": True}, [made[3], made[2], made[1]]),
        ({"office": DISTRICT, "incident": of}, [made[2]]),
        ({"office": DISTRICT, "resource": SHELTER}, [made[3], made[2]]),
        ({"office": f"{DISTRICT}D07"}, []),
    ):
        assert list(await listed(api, **fields)) == expected


async def test_the_database_itself_refuses_two_reservations_of_a_team_that_overlap(
    api: Serving, engine: Engine
) -> None:
    await define(api, TEAM)
    await reserve(api, TEAM, await incident(api), hold_minutes=10)
    again = text(
        """
        INSERT INTO reservation
        SELECT district, 'x', 1, incident, resource, exclusive, quantity, state,
               begin_time + make_interval(mins => :mins), NULL
        FROM reservation
        """
    )
    with pytest.raises(IntegrityError, match="reservation_exclusive"), engine.begin() as conn:
        conn.execute(again, {"mins": 9})
    with engine.begin() as conn:
        conn.execute(again, {"mins": 10})


async def test_of_many_who_want_the_same_team_at_once_one_gets_it(api: Serving) -> None:
    of = await incident(api)
    await define(api, TEAM)
    outcomes = await asyncio.gather(*(attempt(api, TEAM, of, 1) for _ in range(50)))
    assert Counter(outcomes) == {"": 1, "RESOURCE_BUSY": 49}


async def attempt(api: Serving, resource: str, of: str, quantity: int) -> str:
    """Why it was refused; empty if it was reserved. As clients do, it asks again where the machine is too busy."""
    request_id = str(uuid.uuid4())
    while True:
        try:
            await reserve(api, resource, of, quantity=quantity, request_id=request_id)
        except Refused as refused:
            if refused.reason != "UNAVAILABLE":
                return refused.reason
        else:
            return ""


async def test_of_thousands_of_reservations_at_once_none_is_oversold_and_none_is_left(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    """Each wants one place or several; half of what is wanted is there, and most of that in holds that have expired."""
    of = await incident(api)
    wanted = [1 + number % 5 for number in range(RESERVATIONS)]
    capacity = sum(wanted) // 2
    await define(api, SHELTER, shelter=Shelter(capacity=capacity))
    for _ in range(10):
        await reserve(api, SHELTER, of, quantity=capacity // 10, hold_minutes=1)
    clock.set(clock.now() + timedelta(minutes=1))
    callers = asyncio.Semaphore(150)

    async def one(quantity: int) -> str:
        async with callers:
            return await attempt(api, SHELTER, of, quantity)

    outcomes = await asyncio.gather(*map(one, wanted))
    got = sum(quantity for quantity, refused in zip(wanted, outcomes, strict=True) if not refused)
    assert set(outcomes) == {"", "CAPACITY_EXCEEDED"}
    # The smallest were refused only when nothing was left.
    assert got == capacity
    expire(engine, clock.now())
    assert counted(engine, SHELTER) == (capacity, capacity)
    with engine.connect() as conn:
        kept = text("SELECT sum(quantity) FROM reservation WHERE state = 1")
        assert conn.execute(kept).scalar_one() == capacity
    assert (await get(api, SHELTER)).shelter.free == 0


async def test_a_shelter_that_takes_fewer_than_are_reserved_takes_nobody_else(api: Serving, engine: Engine) -> None:
    of = await incident(api)
    await define(api, SHELTER)
    kept = await reserve(api, SHELTER, of, quantity=90)
    assert (await define(api, SHELTER, shelter=Shelter(capacity=40))).shelter.free == 0
    assert (await refusal(api, SHELTER, of)).metadata["left"] == "0"
    await step(api, "ReleaseReservation", kept)
    assert counted(engine, SHELTER) == (40, 0)
    assert (await get(api, SHELTER)).shelter.free == 40
