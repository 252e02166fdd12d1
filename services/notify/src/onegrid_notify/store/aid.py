"""The statements over requests for aid."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, func, select, text

from onegrid.notify.v1.resources_pb2 import AidKind, AidState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_notify.aid import AidRequest
from onegrid_notify.tables import aid_request

__all__ = [
    "advance",
    "count_open",
    "delete_closed",
    "find_request",
    "insert_request",
    "lock_requests",
    "requests_page",
]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('aid requests'), hashtext(:user))")
_DELETE_CLOSED = text(
    f"""
    DELETE FROM aid_request WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM aid_request WHERE state = {AidState.AID_STATE_CLOSED:d} AND update_time < :before
      ORDER BY update_time LIMIT :most))
    """
)


def lock_requests(conn: Connection, user: str) -> None:
    """Have the requests of a person to oneself until the transaction ends."""
    conn.execute(_LOCK, {"user": user})


def count_open(conn: Connection, user: str) -> int:
    """How many requests of a person are not closed."""
    of_user = select(func.count()).where(aid_request.c.user_name == user)
    return conn.execute(of_user.where(aid_request.c.state < AidState.AID_STATE_CLOSED)).scalar_one()


def insert_request(conn: Connection, new: AidRequest) -> None:
    """Store a new request."""
    values = asdict(new)
    conn.execute(aid_request.insert().values(user_name=values.pop("user"), **values))


def find_request(conn: Connection, id_: str) -> AidRequest | None:
    """The request of that id."""
    key = (aid_request.c.district == codes.district_of(id_), aid_request.c.id == id_)
    row = conn.execute(select(aid_request).where(*key)).one_or_none()
    return None if row is None else _request(row)


def requests_page(conn: Connection, user: str, after: Position, limit: int) -> list[AidRequest]:
    """The requests of a person, the newest first."""
    order = (aid_request.c.create_time, aid_request.c.id)
    query = select(aid_request).where(aid_request.c.user_name == user, behind(after, *order, descending=True))
    return [_request(row) for row in conn.execute(query.order_by(*(each.desc() for each in order)).limit(limit))]


def advance(conn: Connection, id_: str, petition: str, state: AidState, time: datetime) -> None:
    """The request is that petition; it stands there, unless it has come further already."""
    conn.execute(
        aid_request.update()
        .where(
            aid_request.c.district == codes.district_of(id_), aid_request.c.id == id_, aid_request.c.state < int(state)
        )
        .values(petition=petition, state=int(state), update_time=time)
    )


def delete_closed(conn: Connection, before: datetime, most: int) -> None:
    """Delete requests that were closed before that moment, oldest first."""
    conn.execute(_DELETE_CLOSED, {"before": before, "most": most})


def _request(row: Any) -> AidRequest:
    return AidRequest(
        district=row.district,
        id=row.id,
        user=row.user_name,
        kind=cast(AidKind, row.kind),
        sealed_text=row.sealed_text,
        place=row.place,
        anonymous=row.anonymous,
        state=cast(AidState, row.state),
        petition=row.petition,
        create_time=row.create_time,
        update_time=row.update_time,
    )
