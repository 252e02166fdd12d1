"""The statements over offices' endpoints."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_notify.endpoint import Endpoint
from onegrid_notify.tables import endpoint

__all__ = [
    "count_endpoints",
    "delete_endpoint",
    "endpoints_by_id",
    "endpoints_page",
    "find_endpoint",
    "lock_endpoints",
    "save_endpoint",
]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('endpoints'), hashtext(:office))")


def lock_endpoints(conn: Connection, office: str) -> None:
    """Have an office's endpoints to oneself until the transaction ends."""
    conn.execute(_LOCK, {"office": office})


def find_endpoint(conn: Connection, id_: str) -> Endpoint | None:
    """The endpoint of that id."""
    return endpoints_by_id(conn, [id_]).get(id_)


def endpoints_by_id(conn: Connection, ids: Collection[str]) -> dict[str, Endpoint]:
    """Those of the endpoints that there are."""
    districts = {codes.district_of(id_) for id_ in ids}
    rows = conn.execute(select(endpoint).where(endpoint.c.district.in_(districts), endpoint.c.id.in_(ids)))
    return {row.id: _endpoint(row) for row in rows}


def endpoints_page(conn: Connection, office: str, after: Position, limit: int) -> list[Endpoint]:
    """The endpoints of an office and of those inside it, by id."""
    e = endpoint.c
    query = select(endpoint).where(e.district == codes.district_of(office), e.office.startswith(office))
    return [_endpoint(row) for row in conn.execute(query.where(behind(after, e.id)).order_by(e.id).limit(limit))]


def count_endpoints(conn: Connection, office: str) -> int:
    """How many an office has."""
    e = endpoint.c
    query = select(func.count()).where(e.district == codes.district_of(office), e.office == office)
    return int(conn.execute(query).scalar_one())


def save_endpoint(conn: Connection, changed: Endpoint) -> None:
    """Enter an endpoint, or store what changed of it."""
    values = {
        "office": codes.office_of(changed.id),
        "channel": int(changed.channel),
        "display_name": changed.display_name,
        "topics": list(changed.topics),
        "disabled": changed.disabled,
        "sealed_url": changed.sealed_url,
        "host": changed.host,
        "sealed_secret": changed.sealed_secret,
        "version": changed.version,
        "create_time": changed.create_time,
        "update_time": changed.update_time,
    }
    statement = insert(endpoint).values(district=changed.district, id=changed.id, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[endpoint.c.district, endpoint.c.id],
            set_={name: statement.excluded[name] for name in values},
        )
    )


def delete_endpoint(conn: Connection, id_: str) -> bool:
    """Delete an endpoint; whether there was one."""
    e = endpoint.c
    done = endpoint.delete().where(e.district == codes.district_of(id_), e.id == id_).returning(e.id)
    return conn.execute(done).one_or_none() is not None


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(
        id=row.id,
        channel=cast(Channel, row.channel),
        display_name=row.display_name,
        topics=tuple(row.topics),
        disabled=row.disabled,
        sealed_url=bytes(row.sealed_url),
        host=row.host,
        sealed_secret=None if row.sealed_secret is None else bytes(row.sealed_secret),
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )
