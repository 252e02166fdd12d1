"""What can be done with reservations: made, confirmed, prolonged, released, moved; and that they expire.

A team, an expert or a vehicle is kept by one reservation at a time, which the database sees to. Of shelters and stocks
there is a counter, and the reservations of a moment are added to it together. A transaction that locks both a
reservation and a counter locks the reservation first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.relief_pb2 import ReservationState, ReserveResourceResponse
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid_emergency import relief_messages
from onegrid_emergency.errors import (
    CapacityExceeded,
    IncidentEnded,
    IncidentUnknown,
    ReservationEnded,
    ResourceBusy,
    ResourceRetired,
)
from onegrid_emergency.incident import INCIDENT, OPEN_INCIDENTS
from onegrid_emergency.relief import RESERVATION, Reservation, Room, office_of
from onegrid_emergency.store import reservations as store
from onegrid_emergency.store import resources, stocks
from onegrid_kit import codes, ids, outbox
from onegrid_kit.batches import Item
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh

__all__ = [
    "ReserveResource",
    "confirm",
    "expire",
    "move_all",
    "new_reservation",
    "prolong",
    "release",
    "release_all",
    "require_open",
    "require_room",
    "reserve_exclusive",
    "share",
]

_EXPIRED_AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveResource:
    """What is reserved for which incident."""

    incident: str
    resource: str
    quantity: int
    hold: timedelta


def new_reservation(command: ReserveResource, call: Call) -> Reservation:
    """The reservation that the command asks for, from now on. Raises IncidentUnknown or InvalidRequest."""
    office = office_of(command.resource)
    if codes.district_of(INCIDENT.id(command.incident)) != codes.district_of(office):
        raise IncidentUnknown(command.incident)
    new = Reservation(
        id=f"{office}-{ids.new_id()}",
        incident=command.incident,
        resource=command.resource,
        quantity=command.quantity,
        begin_time=call.now,
        end_time=call.now + command.hold,
    )
    if new.exclusive and new.quantity > 1:
        raise InvalidRequest(FieldViolation("quantity", "is 1 of a team, an expert or a vehicle"))
    return new


def reserve_exclusive(conn: Connection, new: Reservation, call: Call) -> Reservation:
    """Reserve a team, an expert or a vehicle. Raises IncidentUnknown, IncidentEnded, NotFound,
    ResourceRetired or ResourceBusy.
    """
    _require_open(new.incident, store.lock_incident_state(conn, new.incident))
    retired = resources.is_retired(conn, new.resource)
    if retired is None:
        raise NotFound(new.resource)
    if retired:
        raise ResourceRetired(new.resource)
    if not store.insert_exclusive(conn, new):
        blocker = store.blocking(conn, new.resource, new.district, call.now)
        raise ResourceBusy(new.resource, blocker.end_time if blocker else None, call.now)
    found = resources.find_resource(conn, new.resource, call.now)
    outbox.append(conn, call, [(new.name, _reserved(new, found.display_name if found else ""))])
    return new


def share(new: Reservation, call: Call) -> Item:
    """Reserve a part of a shelter or stock, together with others of the same moment."""
    event = _reserved(new, "")
    # Copied rather than made again.
    response = ReserveResourceResponse(reservation=event.reservation)
    return Item(call, store.share_row(new), event, response, subject=new.name)


def require_room(conn: Connection, new: Reservation, call: Call) -> Room:
    """What the shelter or stock has, if there is room for the reservation; also for one that is not stored yet because
    that of others has expired, which is not stored either. Raises IncidentUnknown, IncidentEnded, NotFound,
    ResourceRetired or CapacityExceeded.
    """
    _require_open(new.incident, store.incident_state(conn, new.incident))
    room = stocks.find_room(conn, new.resource, call.now)
    if room is None:
        raise NotFound(new.resource)
    if not room.open:
        raise ResourceRetired(new.resource)
    if new.quantity > room.free:
        raise CapacityExceeded(new.resource, room.free)
    return room


def confirm(conn: Connection, id_: str, etag: str, call: Call) -> Reservation:
    """Keep it until it is released. Raises NotFound, StaleEtag or ReservationEnded."""
    found = _locked(conn, id_, etag, call)
    if not found.held:
        return found
    return _stored(conn, found.confirmed(), events_pb2.ReservationConfirmed, call)


def prolong(conn: Connection, id_: str, hold: timedelta, etag: str, call: Call) -> Reservation:
    """Have it expire later. Raises NotFound, StaleEtag or ReservationEnded."""
    found = _locked(conn, id_, etag, call)
    until = call.now + hold
    if found.end_time is None or found.end_time >= until:
        return found
    return _stored(conn, found.prolonged(until), events_pb2.ReservationProlonged, call)


def release(conn: Connection, id_: str, etag: str, call: Call) -> Reservation:
    """Give back what it keeps. Raises NotFound, StaleEtag or ReservationEnded."""
    found = _locked(conn, id_, etag, call)
    return _give_back(conn, found, call)


def release_all(conn: Connection, incident: str, call: Call) -> None:
    """Give back all that is kept for an incident, unless it goes on meanwhile."""
    if store.incident_state(conn, incident) in OPEN_INCIDENTS:
        return
    current = [found.at(call.now) for found in store.lock_open_of(conn, incident)]
    # In the order of what they keep: see `expire`. Those that have expired are left to the job.
    for found in sorted(current, key=lambda each: each.resource):
        if found.open:
            _give_back(conn, found, call)


def move_all(conn: Connection, merged: str, into: str, call: Call) -> None:
    """Have what is kept for an incident be kept for the one that it is merged into."""
    for found in store.lock_open_of(conn, merged):
        if (current := found.at(call.now)).open:
            moved = current.moved(into)
            store.move_reservation(conn, moved)
            event = events_pb2.ReservationMoved(reservation=relief_messages.reservation(moved))
            # A keyword of Python.
            setattr(event, "from", merged)
            outbox.append(conn, call, [(moved.name, event)])


def expire(conn: Connection, call: Call, resource: str = "") -> bool:
    """Store and announce that reservations have expired, of one resource or of all; whether there were some."""
    expired = store.expire_due(conn, call.now, _EXPIRED_AT_ONCE, resource)
    given_back: dict[str, int] = {}
    for each in expired:
        if not each.exclusive:
            given_back[each.resource] = given_back.get(each.resource, 0) + each.quantity
    # In the same order everywhere, so that two can't wait for one another.
    for name, quantity in sorted(given_back.items()):
        stocks.give_back(conn, name, quantity)
    _announce(conn, expired, events_pb2.ReservationExpired, call)
    return bool(expired)


def require_open(found: Reservation) -> None:
    """Raise ReservationEnded if it keeps nothing any more."""
    if not found.open:
        raise ReservationEnded(found.name, found.state_name)


def _require_open(name: str, state: IncidentState | None) -> None:
    if state is None:
        raise IncidentUnknown(name)
    if state not in OPEN_INCIDENTS:
        raise IncidentEnded(name)


def _reserved(new: Reservation, display_name: str) -> events_pb2.ResourceReserved:
    return events_pb2.ResourceReserved(
        reservation=relief_messages.reservation(new), office=office_of(new.resource), display_name=display_name
    )


def _locked(conn: Connection, id_: str, etag: str, call: Call) -> Reservation:
    found = store.lock_reservation(conn, id_)
    if found is None:
        raise NotFound(RESERVATION.name(id_))
    found = found.at(call.now)
    require_fresh(found.name, found.etag, etag)
    require_open(found)
    return found


def _give_back(conn: Connection, found: Reservation, call: Call) -> Reservation:
    after = found.ended(ReservationState.RESERVATION_STATE_RELEASED, call.now)
    after = _stored(conn, after, events_pb2.ReservationReleased, call)
    if not after.exclusive:
        stocks.give_back(conn, after.resource, after.quantity)
    return after


def _stored(conn: Connection, after: Reservation, event: type[Message], call: Call) -> Reservation:
    if not store.save_reservation(conn, after):
        # By the clock of another process it had expired, and somebody else has the resource.
        raise ReservationEnded(after.name, "EXPIRED")
    _announce(conn, [after], event, call)
    return after


def _announce(conn: Connection, changed: Sequence[Reservation], event: type[Message], call: Call) -> None:
    outbox.append(conn, call, [(each.name, event(reservation=relief_messages.reservation(each))) for each in changed])
