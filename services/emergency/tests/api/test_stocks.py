"""Supplies over real gRPC and a real database: what is there is the sum of what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from onegrid.emergency.v1.events_pb2 import StockMoved, StockRunDown
from onegrid.emergency.v1.relief_pb2 import ReservationState, StockMovement, StockMovementKind
from onegrid_emergency.jobs import measure_resources
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced, announced_as, forget_announced
from onegrid_kit.timestamps import timestamp

from .people import COMMANDER, OTHER_STREET_DESK, STREET
from .relief import (
    DEPOT,
    SANDBAGS,
    TEAM,
    counted,
    define,
    expire,
    incident,
    move,
    reserve,
    step,
    stock_of,
)

IN, OUT, CORRECTION = (
    StockMovementKind.STOCK_MOVEMENT_KIND_IN,
    StockMovementKind.STOCK_MOVEMENT_KIND_OUT,
    StockMovementKind.STOCK_MOVEMENT_KIND_CORRECTION,
)


@pytest.fixture(autouse=True)
async def depot(api: Serving) -> None:
    await define(api, DEPOT, display_name="防汛物资库")


async def movements(api: Serving) -> Sequence[StockMovement]:
    found: Sequence[StockMovement] = (await api.call(COMMANDER, "ListStockMovements", parent=SANDBAGS)).movements
    return found


async def refused_move(api: Serving, kind: StockMovementKind, quantity: int, **fields: object) -> Refused:
    with pytest.raises(Refused) as refused:
        await move(api, kind, quantity, **fields)
    return refused.value


async def test_what_is_there_is_the_sum_of_what_was_recorded(api: Serving, engine: Engine) -> None:
    new = await stock_of(api, minimum=5)
    assert (new.quantity, new.free, new.minimum, new.unit) == (0, 0, 5, "袋")
    forget_announced(engine)
    await move(api, IN, 100, note="采购")
    await move(api, OUT, 30)
    counted_ = await move(api, CORRECTION, 68, note="盘点少两袋")
    assert counted_.stock.quantity == 68
    found = await movements(api)
    assert [(each.change, each.balance, each.note) for each in found] == [
        (-2, 68, "盘点少两袋"),
        (-30, 70, ""),
        (100, 100, "采购"),
    ]
    assert [each.name for each in found] == [f"{SANDBAGS}/movements/{number}" for number in (3, 2, 1)]
    assert announced(engine) == [StockMoved(movement=each) for each in reversed(found)]
    assert list((await api.call(COMMANDER, "ListStocks", parent=DEPOT)).stocks) == [counted_.stock]
    changed = await stock_of(api, display_name="防汛沙袋", etag=new.etag)
    assert (changed.quantity, changed.display_name) == (68, "防汛沙袋")
    with pytest.raises(Refused) as stale:
        await stock_of(api, etag=new.etag)
    assert stale.value.reason == "STALE_ETAG"


async def test_no_more_is_taken_out_than_nobody_has_reserved(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await stock_of(api, 100)
    await reserve(api, SANDBAGS, await incident(api), quantity=60, hold_minutes=10)
    refused = await refused_move(api, OUT, 41)
    assert (refused.reason, refused.metadata) == ("CAPACITY_EXCEEDED", {"resource": SANDBAGS, "left": "40"})
    await move(api, OUT, 40)
    assert (await refused_move(api, OUT, 1)).metadata["left"] == "0"
    clock.set(clock.now() + timedelta(minutes=10))
    assert (await move(api, OUT, 60)).stock.quantity == 0
    assert counted(engine, SANDBAGS) == (0, 0)


async def test_what_is_taken_out_for_a_reservation_ends_it_and_frees_the_rest(api: Serving, engine: Engine) -> None:
    of = await incident(api)
    await stock_of(api, 100)
    kept = await step(api, "ConfirmReservation", await reserve(api, SANDBAGS, of, quantity=60))
    other = await reserve(api, SANDBAGS, of, quantity=20)
    assert (await refused_move(api, OUT, 61, reservation=kept.name)).metadata == {"resource": kept.name, "left": "60"}
    moved = await move(api, OUT, 50, reservation=kept.name)
    assert (moved.movement.reservation, moved.stock.quantity, moved.stock.free) == (kept.name, 50, 30)
    issued = (await api.call(COMMANDER, "GetReservation", name=kept.name)).reservation
    assert (issued.state, issued.HasField("end_time")) == (ReservationState.RESERVATION_STATE_ISSUED, True)
    assert (await refused_move(api, OUT, 1, reservation=kept.name)).reason == "RESERVATION_ENDED"
    assert counted(engine, SANDBAGS) == (50, 20)
    # A count that finds less than is reserved is recorded all the same, and only what is there is taken out.
    await move(api, CORRECTION, 5)
    assert (await refused_move(api, OUT, 6, reservation=other.name)).metadata["left"] == "5"
    assert (await move(api, OUT, 5, reservation=other.name)).stock.quantity == 0
    assert counted(engine, SANDBAGS) == (0, 0)


async def test_what_makes_no_sense_is_refused(api: Serving) -> None:
    await stock_of(api, 10)
    await define(api, TEAM)
    team = await reserve(api, TEAM, await incident(api))
    for kind, quantity, fields, field in (
        (IN, 0, {}, "quantity"),
        (OUT, 0, {}, "quantity"),
        (IN, 1, {"reservation": team.name}, "reservation"),
        (OUT, 1, {"reservation": team.name}, "reservation"),
        (OUT, 1, {"reservation": f"reservations/{STREET}-00000000000000000000"}, "reservation"),
    ):
        assert (await refused_move(api, kind, quantity, **fields)).fields == [field]
    assert (await refused_move(api, IN, 1, name=f"{DEPOT}/stocks/none")).reason == "NOT_FOUND"
    with pytest.raises(Refused) as refused:
        await stock_of(api, name=f"depots/{STREET}-none/stocks/sandbags")
    assert refused.value.reason == "NOT_FOUND"
    with pytest.raises(Refused) as refused:
        await api.call(OTHER_STREET_DESK, "MoveStock", name=SANDBAGS, kind=IN, quantity=1)
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_a_shortage_is_announced_once_each_time_that_it_begins(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await stock_of(api, 20)
    await stock_of(api, minimum=10)
    forget_announced(engine)
    await move(api, OUT, 10)
    assert announced_as(engine, StockRunDown) == []
    await move(api, OUT, 1)
    await move(api, OUT, 1)
    short = StockRunDown(
        stock=SANDBAGS,
        office=STREET,
        display_name="沙袋",
        depot_display_name="防汛物资库",
        unit="袋",
        quantity=9,
        minimum=10,
        time=timestamp(clock.now()),
    )
    assert announced_as(engine, StockRunDown) == [short]
    with engine.begin() as conn:
        measure_resources(conn, clock.now())
    assert REGISTRY.get_sample_value("onegrid_emergency_short_stocks", {"service": "emergency"}) == 1
    await move(api, IN, 2)
    forget_announced(engine)
    await stock_of(api, minimum=20)
    assert [each.minimum for each in announced_as(engine, StockRunDown)] == [20]


async def test_whatever_happens_at_once_the_ledger_sums_to_the_stock(api: Serving, engine: Engine) -> None:
    of = await incident(api)
    await stock_of(api, 50)
    kept = [await reserve(api, SANDBAGS, of, quantity=5) for _ in range(4)]

    def attempt(number: int) -> Coroutine[Any, Any, object]:
        match number % 5:
            case 0:
                return move(api, IN, number)
            case 1:
                return move(api, OUT, number)
            case 2:
                return move(api, CORRECTION, number)
            case 3:
                return reserve(api, SANDBAGS, of, quantity=number)
            case _:
                return move(api, OUT, 3, reservation=kept[number % 4].name)

    outcomes = await asyncio.gather(*map(attempt, range(1, 60)), return_exceptions=True)
    refused = {each.reason for each in outcomes if isinstance(each, Refused)}
    assert refused <= {"CAPACITY_EXCEEDED", "RESERVATION_ENDED"}
    assert not [each for each in outcomes if isinstance(each, BaseException) and not isinstance(each, Refused)]
    found = (await api.call(COMMANDER, "ListStockMovements", parent=SANDBAGS, page_size=500)).movements
    assert [int(each.name.rpartition("/")[2]) for each in found] == list(range(len(found), 0, -1))
    balance = 0
    for each in reversed(found):
        balance += each.change
        assert each.balance == balance >= 0
    open_ = (await api.call(COMMANDER, "ListReservations", office=STREET, page_size=500)).reservations
    assert counted(engine, SANDBAGS) == (balance, sum(each.quantity for each in open_))


async def test_what_is_reserved_and_short_is_measured(api: Serving, engine: Engine, clock: SettableClock) -> None:
    await define(api, TEAM)
    await stock_of(api, 5)
    of = await incident(api)
    await step(api, "ConfirmReservation", await reserve(api, TEAM, of))
    for hold_minutes in (1, 2, 3):
        await reserve(api, SANDBAGS, of, hold_minutes=hold_minutes)
    clock.set(clock.now() + timedelta(minutes=1))
    with engine.begin() as conn:
        measure_resources(conn, clock.now())
    for state, expected in (("HELD", 2), ("CONFIRMED", 1)):
        labels = {"service": "emergency", "state": state}
        assert REGISTRY.get_sample_value("onegrid_emergency_reservations", labels) == expected
    expire(engine, clock.now())
    assert counted(engine, SANDBAGS) == (5, 2)
