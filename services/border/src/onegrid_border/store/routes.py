"""The statements over routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, DateTime, Select, Text, and_, cast, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert

from onegrid.border.v1.resources_pb2 import Evidence
from onegrid_border.route import Checkpoint, Course, Route
from onegrid_border.tables import route, route_revision
from onegrid_kit import codes
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = ["find_route", "insert_revision", "lock_route", "retire_route", "revisions_page", "routes_at", "routes_page"]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('route'), hashtext(:id))")
_MINUTE: Final = timedelta(minutes=1)


def find_route(conn: Connection, id_: str, moment: datetime) -> Route | None:
    """The revision of a route that is in effect at a moment: of those that have begun the highest."""
    return routes_at(conn, [(id_, moment)]).get((id_, moment))


def routes_at(conn: Connection, wanted: Iterable[tuple[str, datetime]]) -> dict[tuple[str, datetime], Route]:
    """The revisions of routes that are in effect at a moment each, by id and moment, of those that there are then."""
    asked, v = sorted(set(wanted)), route_revision.c
    if not asked:
        return {}
    columns = (
        cast([codes.district_of(id_) for id_, _ in asked], ARRAY(Text)),
        cast([id_ for id_, _ in asked], ARRAY(Text)),
        cast([moment for _, moment in asked], ARRAY(DateTime(timezone=True))),
    )
    rows = func.unnest(*columns).table_valued("district", "id", "moment", with_ordinality="number")
    w = rows.render_derived(name="wanted").c
    begun = and_(v.district == w.district, v.route == w.id, v.effective_time <= w.moment)
    query = _revisions().add_columns(w.number).where(begun).ext(distinct_on(w.number))
    return {asked[row.number - 1]: _route(row) for row in conn.execute(query.order_by(w.number, v.revision.desc()))}


def lock_route(conn: Connection, id_: str) -> Route | None:
    """The latest revision of a route, which nobody else defines or retires until the transaction ends."""
    conn.execute(_LOCK, {"id": id_})
    row = conn.execute(_revisions().where(*_of(id_), route.c.revision == route_revision.c.revision)).one_or_none()
    return None if row is None else _route(row)


def insert_revision(conn: Connection, new: Route) -> None:
    """Enter a route, or another revision of it."""
    values = {"version": new.version, "revision": new.revision, "retire_time": new.retire_time}
    statement = insert(route).values(district=new.district, id=new.id, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[route.c.district, route.c.id],
            set_={name: statement.excluded[name] for name in values},
        )
    )
    conn.execute(
        insert(route_revision).values(
            district=new.district,
            route=new.id,
            revision=new.revision,
            display_name=new.course.display_name,
            checkpoints=[_encode(each) for each in new.course.checkpoints],
            corridor_m=new.course.corridor_m,
            max_speed_kmh=new.course.max_speed_kmh,
            effective_time=new.effective_time,
            create_time=new.create_time,
        )
    )


def retire_route(conn: Connection, retired: Route) -> None:
    """Store that a route was retired."""
    r = route.c
    done = route.update().where(r.district == retired.district, r.id == retired.id)
    conn.execute(done.values(version=retired.version, retire_time=retired.retire_time))


def routes_page(conn: Connection, scope: str, after: Position, limit: int) -> list[Route]:
    """The routes of a place or department and of those inside it that are not retired, by id; the latest revisions."""
    r = route.c
    query = _revisions().where(
        r.district == codes.district_of(scope),
        r.id.startswith(scope),
        r.retire_time.is_(None),
        r.revision == route_revision.c.revision,
        behind(after, r.id),
    )
    return [_route(row) for row in conn.execute(query.order_by(r.id).limit(limit))]


def revisions_page(conn: Connection, id_: str, after: Position, limit: int) -> list[Route]:
    """The revisions of a route, the latest first."""
    v = route_revision.c
    query = _revisions().where(*_of(id_), behind(after, v.revision, descending=True))
    return [_route(row) for row in conn.execute(query.order_by(v.revision.desc()).limit(limit))]


def _revisions() -> Select[Any]:
    same = and_(route.c.district == route_revision.c.district, route.c.id == route_revision.c.route)
    return select(route.c.id, route.c.version, route.c.retire_time, route_revision).join_from(
        route, route_revision, same
    )


def _of(id_: str) -> tuple[Any, ...]:
    return route_revision.c.district == codes.district_of(id_), route_revision.c.route == id_


def _route(row: Any) -> Route:
    return Route(
        id=row.id,
        version=row.version,
        revision=row.revision,
        course=Course(
            display_name=row.display_name,
            checkpoints=tuple(_checkpoint(each) for each in row.checkpoints),
            corridor_m=row.corridor_m,
            max_speed_kmh=row.max_speed_kmh,
        ),
        effective_time=row.effective_time,
        retire_time=row.retire_time,
        create_time=row.create_time,
    )


def _encode(of: Checkpoint) -> Mapping[str, Any]:
    return {
        "id": of.id,
        "display_name": of.display_name,
        "location": [of.location.longitude, of.location.latitude],
        "tolerance_m": of.tolerance_m,
        "due_minutes": of.due // _MINUTE,
        "tolerance_minutes": of.tolerance // _MINUTE,
        "evidence": int(of.evidence),
    }


def _checkpoint(of: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint(
        id=of["id"],
        display_name=of["display_name"],
        location=Location(*of["location"]),
        tolerance_m=of["tolerance_m"],
        due=of["due_minutes"] * _MINUTE,
        tolerance=of["tolerance_minutes"] * _MINUTE,
        # Revisions from before there were codes demand none.
        evidence=of.get("evidence", Evidence.EVIDENCE_UNSPECIFIED),
    )
