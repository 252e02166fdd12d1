"""What can be done with supplies. What is there is the sum of its movements: nothing else changes it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.relief_pb2 import ReservationState, StockMovementKind
from onegrid_emergency import relief_messages
from onegrid_emergency.commands.reservations import expire, require_open
from onegrid_emergency.errors import CapacityExceeded
from onegrid_emergency.relief import RESERVATION, Movement, Reservation, Stock, depot_of, office_of
from onegrid_emergency.store import reservations, resources
from onegrid_emergency.store import stocks as store
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.timestamps import timestamp

__all__ = ["DefineStock", "MoveStock", "define_stock", "move_stock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineStock:
    """A supply as it is to be."""

    name: str
    display_name: str
    unit: str
    minimum: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStock:
    """What happened to a supply."""

    name: str
    kind: StockMovementKind
    quantity: int
    reservation: str
    note: str


def define_stock(conn: Connection, command: DefineStock, call: Call) -> Stock:
    """Enter a supply, or make it what it is to be. Raises NotFound or StaleEtag."""
    # A depot is locked before its supplies, as by whoever retires it.
    depot = depot_of(command.name)
    retired = resources.is_retired(conn, depot)
    if retired is None:
        raise NotFound(depot)
    before = store.lock_stock(conn, command.name, call.now)
    require_fresh(command.name, "" if before is None else before.etag, command.etag)
    after = Stock(
        name=command.name,
        display_name=command.display_name,
        unit=command.unit,
        minimum=command.minimum,
        update_time=call.now,
    )
    if before is not None:
        after = replace(before, display_name=command.display_name, unit=command.unit, minimum=command.minimum)
        if after == before:
            return before
        after = replace(after, sequence=before.sequence + 1, update_time=call.now)
    store.save_stock(conn, after, is_open=not retired)
    _announce_shortage(conn, before, after, call)
    return after


def move_stock(conn: Connection, command: MoveStock, call: Call) -> tuple[Movement, Stock]:
    """Record what happened to a supply. Raises InvalidRequest, NotFound, CapacityExceeded or ReservationEnded."""
    correction = command.kind == StockMovementKind.STOCK_MOVEMENT_KIND_CORRECTION
    out = command.kind == StockMovementKind.STOCK_MOVEMENT_KIND_OUT
    if not correction and command.quantity < 1:
        raise InvalidRequest(FieldViolation("quantity", "is 1 at least, unless the stock was counted"))
    if command.reservation and not out:
        raise InvalidRequest(FieldViolation("reservation", "is for what is taken out"))
    # A reservation is locked before what it keeps, as by all who lock both; then what has expired is given back.
    issued = _issued(conn, command, call) if command.reservation else None
    expire(conn, call, command.name)
    before = store.lock_stock(conn, command.name, call.now)
    if before is None:
        raise NotFound(command.name)
    change = command.quantity - before.quantity if correction else -command.quantity if out else command.quantity
    left = before.quantity if issued else before.free
    if out and command.quantity > left:
        raise CapacityExceeded(command.name, left)
    if issued:
        store.give_back(conn, command.name, issued.quantity)
    movement = Movement(
        stock=command.name,
        number=before.movements + 1,
        kind=command.kind,
        change=change,
        balance=before.quantity + change,
        reservation=command.reservation,
        note=command.note,
        create_time=call.now,
    )
    store.add_movement(conn, movement)
    store.add_quantity(conn, command.name, change)
    after = store.lock_stock(conn, command.name, call.now) or before
    outbox.append(conn, call, [(command.name, events_pb2.StockMoved(movement=relief_messages.movement(movement)))])
    _announce_shortage(conn, before, after, call)
    return movement, after


def _issued(conn: Connection, command: MoveStock, call: Call) -> Reservation:
    """The reservation that supplies are taken out for, which ends with that."""
    found = reservations.lock_reservation(conn, RESERVATION.id(command.reservation))
    if found is None or found.resource != command.name:
        raise InvalidRequest(FieldViolation("reservation", "is none of this stock"))
    require_open(found.at(call.now))
    if command.quantity > found.quantity:
        raise CapacityExceeded(found.name, found.quantity)
    reservations.save_reservation(conn, found.ended(ReservationState.RESERVATION_STATE_ISSUED, call.now))
    return found


def _announce_shortage(conn: Connection, before: Stock | None, after: Stock, call: Call) -> None:
    """Announce that there is less than the minimum, if there was not before."""
    if not after.short or (before is not None and before.short):
        return
    depot = resources.find_resource(conn, after.depot, call.now)
    event = events_pb2.StockRunDown(
        stock=after.name,
        office=office_of(after.name),
        display_name=after.display_name,
        depot_display_name=depot.display_name if depot else "",
        unit=after.unit,
        quantity=after.quantity,
        minimum=after.minimum,
        time=timestamp(call.now),
    )
    outbox.append(conn, call, [(after.name, event)])
