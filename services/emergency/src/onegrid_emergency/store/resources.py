"""The statements over resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from onegrid.emergency.v1.relief_pb2 import ReservationState, ResourceKind, TeamKind
from onegrid_emergency.relief import (
    EXCLUSIVE,
    Depot,
    Details,
    Expert,
    Resource,
    Shelter,
    Team,
    Vehicle,
    kind_of,
    office_of,
)
from onegrid_emergency.store.distances import distance_m
from onegrid_emergency.tables import capacity, reservation, resource
from onegrid_kit import codes
from onegrid_kit.distance import box_around
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = [
    "find_resource",
    "is_retired",
    "keep_position",
    "lock_resource",
    "nearest",
    "resources_page",
    "save_resource",
]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('resource'), hashtext(:name))")
_NOT_COLUMNS: Final = ("home", "position", "details", "free")
_DETAILS: Final[Mapping[int, type[Any]]] = {
    ResourceKind.RESOURCE_KIND_TEAM: Team,
    ResourceKind.RESOURCE_KIND_EXPERT: Expert,
    ResourceKind.RESOURCE_KIND_VEHICLE: Vehicle,
    ResourceKind.RESOURCE_KIND_SHELTER: Shelter,
    ResourceKind.RESOURCE_KIND_DEPOT: Depot,
}


def lock_resource(conn: Connection, name: str, now: datetime) -> Resource | None:
    """The resource of that name, which nobody else defines, retires or moves until the transaction ends."""
    conn.execute(_LOCK, {"name": name})
    return _one(conn, _named(name, now).with_for_update(of=resource))


def find_resource(conn: Connection, name: str, now: datetime) -> Resource | None:
    """The resource of that name."""
    return _one(conn, _named(name, now))


def is_retired(conn: Connection, name: str) -> bool | None:
    """Whether the resource was retired, which nobody does until the transaction ends; None if there is none."""
    r = resource.c
    query = select(r.retire_time.is_not(None)).where(r.district == _district(name), r.name == name)
    return conn.execute(query.with_for_update(read=True)).scalar_one_or_none()


def save_resource(conn: Connection, changed: Resource) -> None:
    """Enter a resource, or store what changed of it."""
    values = {key: value for key, value in asdict(changed).items() if key not in _NOT_COLUMNS}
    now_at = changed.position or changed.home
    details = asdict(changed.details)
    values |= {
        "kind": changed.kind,
        "team_kind": details.get("kind", TeamKind.TEAM_KIND_UNSPECIFIED),
        "details": details,
        "home_longitude": changed.home.longitude if changed.home else None,
        "home_latitude": changed.home.latitude if changed.home else None,
        "longitude": now_at.longitude if now_at else None,
        "latitude": now_at.latitude if now_at else None,
    }
    statement = insert(resource).values(district=changed.district, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[resource.c.district, resource.c.name],
            set_={key: statement.excluded[key] for key in values if key != "name"},
        )
    )


def keep_position(conn: Connection, name: str, position: Location, time: datetime) -> None:
    """Keep where it is."""
    r = resource.c
    conn.execute(
        update(resource)
        .where(r.district == _district(name), r.name == name)
        .values(longitude=position.longitude, latitude=position.latitude, position_time=time)
    )


def resources_page(
    conn: Connection,
    place: str,
    kinds: Sequence[ResourceKind],
    now: datetime,
    after: Position,
    limit: int,
    *,
    retired: bool,
) -> list[Resource]:
    """The resources that stand in a place, by name; of these kinds or of all, in service or also retired."""
    r = resource.c
    query = _resources(now).where(*_in(place), behind(after, r.name))
    if kinds:
        query = query.where(r.kind.in_(kinds))
    if not retired:
        query = query.where(r.retire_time.is_(None))
    return [_resource(row) for row in conn.execute(query.order_by(r.name).limit(limit))]


def nearest(
    conn: Connection,
    place: str,
    location: Location,
    now: datetime,
    *,
    kinds: Sequence[ResourceKind],
    team_kinds: Sequence[TeamKind],
    stock: str,
    quantity: int,
    within_m: float,
    limit: int,
) -> list[tuple[Resource, float]]:
    """What is available in a place and not further away than that, the nearest first, with its distance in metres."""
    r, box = resource.c, box_around(location, within_m)
    away = distance_m(r.longitude, r.latitude, location).label("away")
    query = (
        _resources(now, stock)
        .add_columns(away)
        .where(*_in(place), r.retire_time.is_(None), r.kind.in_(kinds))
        .where(r.latitude.between(box.south, box.north))
        .where(or_(*(r.longitude.between(west, east) for west, east in box.longitudes)))
    )
    if team_kinds:
        query = query.where(or_(r.kind != ResourceKind.RESOURCE_KIND_TEAM, r.team_kind.in_(team_kinds)))
    near = query.subquery()
    # Of a team there is one, and of a depot of which no supply is asked for.
    needed = case((near.c.kind == ResourceKind.RESOURCE_KIND_SHELTER, quantity), else_=quantity if stock else 1)
    found = select(near).where(near.c.away <= within_m, near.c.free >= needed).order_by(near.c.away, near.c.name)
    return [(_resource(row), row.away) for row in conn.execute(found.limit(limit))]


def _resources(now: datetime, stock: str = "") -> Select[Any]:
    """Resources with how much of them is free; of depots of this supply, if one is given."""
    r = resource.c
    mine = and_(reservation.c.district == r.district, reservation.c.resource == r.name)
    taken = exists().where(
        mine,
        reservation.c.exclusive,
        func.tstzrange(reservation.c.begin_time, reservation.c.end_time).bool_op("&&")(func.tstzrange(now, null())),
    )
    of_depot: ColumnElement[Any] = literal(1)
    if stock:
        of_depot = _free(r.name + f"/stocks/{stock}", now)
    free = case(
        (r.kind.in_(EXCLUSIVE), case((taken, 0), else_=1)),
        (r.kind == ResourceKind.RESOURCE_KIND_SHELTER, _free(r.name, now)),
        else_=of_depot,
    )
    return select(resource, func.coalesce(free, 0).label("free"))


def _free(name: ColumnElement[Any], now: datetime) -> ColumnElement[Any]:
    """How much nobody has reserved of a shelter or stock of the resource's district."""
    expired = select(func.coalesce(func.sum(reservation.c.quantity), 0)).where(
        reservation.c.district == capacity.c.district,
        reservation.c.resource == capacity.c.resource,
        reservation.c.state == text(str(int(ReservationState.RESERVATION_STATE_HELD))),
        reservation.c.end_time <= now,
    )
    free = capacity.c.total - capacity.c.reserved + expired.scalar_subquery()
    mine = (capacity.c.district == resource.c.district, capacity.c.resource == name)
    return select(func.greatest(free, 0)).where(*mine).scalar_subquery()


def _named(name: str, now: datetime) -> Select[Any]:
    return _resources(now).where(resource.c.district == _district(name), resource.c.name == name)


def _in(place: str) -> tuple[ColumnElement[bool], ...]:
    r = resource.c
    within = () if codes.is_district(place) else (r.place >= place, r.place < place + "~")
    return (r.district == codes.district_of(place), *within)


def _district(name: str) -> str:
    return codes.district_of(office_of(name))


def _one(conn: Connection, query: Select[Any]) -> Resource | None:
    row = conn.execute(query).one_or_none()
    return None if row is None else _resource(row)


def _resource(row: Any) -> Resource:
    return Resource(
        name=row.name,
        sequence=row.sequence,
        display_name=row.display_name,
        contact=row.contact,
        details=_details(row.name, row.details),
        home=_location(row.home_longitude, row.home_latitude),
        place=row.place,
        position=_location(row.longitude, row.latitude) if row.position_time else None,
        position_time=row.position_time,
        retire_time=row.retire_time,
        create_time=row.create_time,
        update_time=row.update_time,
        free=int(row.free),
    )


def _details(name: str, stored: Mapping[str, Any]) -> Details:
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    details: Details = _DETAILS[kind_of(name)](**given)
    return details


def _location(longitude: float | None, latitude: float | None) -> Location | None:
    return None if longitude is None or latitude is None else Location(longitude, latitude)
