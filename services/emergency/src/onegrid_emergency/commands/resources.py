"""What can be done with resources: entered, changed, retired, followed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from onegrid_emergency.errors import ResourceBusy
from onegrid_emergency.relief import Details, Resource, Shelter, office_of
from onegrid_emergency.store import places, reservations, stocks
from onegrid_emergency.store import resources as store
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.locations import Location

__all__ = ["DefineResource", "define_resource", "report_position", "retire_resource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineResource:
    """A resource as it is to be."""

    name: str
    display_name: str
    contact: str
    home: Location | None
    details: Details
    etag: str


def define_resource(conn: Connection, command: DefineResource, call: Call) -> Resource:
    """Enter a resource, or make it what it is to be. Raises StaleEtag."""
    before = store.lock_resource(conn, command.name, call.now)
    require_fresh(command.name, "" if before is None else before.etag, command.etag)
    office = office_of(command.name)
    district = codes.district_of(office)
    cell = places.cell_at(conn, district, command.home) if command.home else None
    new = Resource(
        name=command.name,
        display_name=command.display_name,
        contact=command.contact,
        details=command.details,
        home=command.home,
        place=cell or (district if codes.is_department(office) else office),
        create_time=call.now,
        update_time=call.now,
    )
    after = new
    if before is not None:
        after = _described_as(before, new)
        if after == before:
            return before
        after = replace(after, sequence=before.sequence + 1, update_time=call.now)
    store.save_resource(conn, after)
    if isinstance(after.details, Shelter):
        stocks.set_total(conn, after.name, after.details.capacity, is_open=True)
    elif before is not None and before.retire_time is not None:
        stocks.set_open(conn, after.name, is_open=True)
    return store.find_resource(conn, after.name, call.now) or after


def retire_resource(conn: Connection, name: str, etag: str, call: Call) -> Resource:
    """Take a resource out of service. Raises NotFound, StaleEtag or ResourceBusy."""
    before = store.lock_resource(conn, name, call.now)
    if before is None:
        raise NotFound(name)
    require_fresh(name, before.etag, etag)
    if before.retire_time is not None:
        return before
    blocker = reservations.blocking(conn, name, before.district, call.now)
    if blocker is not None:
        raise ResourceBusy(name, blocker.end_time, call.now)
    if any(room.reserved for room in stocks.rooms_of(conn, name, call.now)):
        raise ResourceBusy(name, None, call.now)
    stocks.set_open(conn, name, is_open=False)
    after = replace(before, sequence=before.sequence + 1, retire_time=call.now, update_time=call.now)
    store.save_resource(conn, after)
    return after


def report_position(conn: Connection, name: str, position: Location, time: datetime | None, call: Call) -> datetime:
    """Keep where a team or vehicle is; when the latest position was taken. Raises PermissionDenied, NotFound or
    InvalidRequest.
    """
    found = store.lock_resource(conn, name, call.now)
    if found is None:
        # Only callers who may report for its office learn that it does not exist.
        call.caller.require(call.permission, office_of(name))
        raise NotFound(name)
    call.caller.require(call.permission, found.office, owner=found.contact)
    taken = time or call.now
    if taken > call.now + CLOCKS_DIFFER:
        raise InvalidRequest(FieldViolation("position_time", "lies ahead"))
    if found.position_time is not None and taken <= found.position_time:
        return found.position_time
    store.keep_position(conn, name, position, taken)
    return taken


def _described_as(before: Resource, new: Resource) -> Resource:
    return replace(
        before,
        display_name=new.display_name,
        contact=new.contact,
        details=new.details,
        home=new.home,
        place=new.place,
        retire_time=None,
    )
