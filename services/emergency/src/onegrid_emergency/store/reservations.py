"""The statements over reservations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, Select, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from onegrid.emergency.v1.relief_pb2 import ReservationState
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid_emergency.incident import INCIDENT, OPEN_INCIDENTS
from onegrid_emergency.relief import Reservation
from onegrid_emergency.tables import incident, reservation
from onegrid_kit import codes
from onegrid_kit.batches import BatchStatement
from onegrid_kit.failures import sqlstate
from onegrid_kit.paging import Position, behind

__all__ = [
    "blocking",
    "count_open",
    "expire_due",
    "find_reservation",
    "incident_state",
    "insert_exclusive",
    "lock_incident_state",
    "lock_open_of",
    "lock_reservation",
    "move_reservation",
    "reservations_page",
    "save_reservation",
    "share_row",
    "take_shares",
]

_HELD: Final = int(ReservationState.RESERVATION_STATE_HELD)
_OPEN: Final = (ReservationState.RESERVATION_STATE_HELD, ReservationState.RESERVATION_STATE_CONFIRMED)
_OVERLAPS: Final = "23P01"
_EXPIRE: Final = text(
    f"""
    UPDATE reservation SET state = {ReservationState.RESERVATION_STATE_EXPIRED:d}, sequence = sequence + 1
    WHERE (district, id) IN (
      SELECT district, id FROM reservation
      WHERE state = {_HELD} AND end_time <= :now AND :resource IN ('', resource)
      ORDER BY end_time LIMIT :most FOR UPDATE SKIP LOCKED
    )
    RETURNING *
    """
)
_BLOCKING: Final = text(
    """
    SELECT * FROM reservation
    WHERE district = :district AND resource = :resource AND exclusive
      AND tstzrange(begin_time, end_time) && tstzrange(CAST(:now AS timestamptz), NULL)
    ORDER BY begin_time LIMIT 1
    """
)
_COUNT_OPEN: Final = text(
    f"""
    SELECT state, count(*) AS reservations FROM reservation
    WHERE state = {_HELD} AND end_time > :now OR end_time IS NULL GROUP BY state
    """
)

take_shares = BatchStatement(
    """
    district text, id text, incident text, incident_id text, reserved text, quantity bigint, begin_time timestamptz,
    end_time timestamptz
    """,
    f"""
    kept AS (
      INSERT INTO reservation (
        district, id, sequence, incident, resource, exclusive, quantity, state, begin_time, end_time)
      SELECT district, id, 1, incident, reserved, false, quantity, {_HELD}, begin_time, end_time FROM fresh
    )
    """,
    """
    taken AS (
      UPDATE capacity SET reserved = capacity.reserved + asked.quantity
      FROM (
        SELECT district, reserved AS resource, CAST(sum(quantity) AS bigint) AS quantity FROM fresh GROUP BY 1, 2
      ) AS asked
      WHERE capacity.district = asked.district AND capacity.resource = asked.resource
    )
    """,
    # What would not fit even if it were alone does not keep others out. An incident that is locked takes a step, which
    # may end or merge it; to wait for that could deadlock, since a merge waits for reservations.
    guard=f"""
      SELECT position FROM (
        SELECT item.position, room.free,
               sum(item.quantity) OVER (PARTITION BY item.district, item.reserved ORDER BY item.position) AS asked
        FROM item
        JOIN (
          SELECT incident.district, incident.id FROM incident
          WHERE (incident.district, incident.id) IN (SELECT item.district, item.incident_id FROM item)
            AND incident.state IN ({", ".join(str(int(state)) for state in OPEN_INCIDENTS)})
          FOR SHARE SKIP LOCKED
        ) AS open ON open.district = item.district AND open.id = item.incident_id
        JOIN (
          SELECT capacity.district, capacity.resource, capacity.total - capacity.reserved AS free FROM capacity
          WHERE capacity.open
            AND (capacity.district, capacity.resource) IN (SELECT item.district, item.reserved FROM item)
          ORDER BY capacity.district, capacity.resource FOR UPDATE
        ) AS room ON room.district = item.district AND room.resource = item.reserved
        WHERE item.quantity <= room.free
      ) AS fitting WHERE asked <= free
    """,
    shared=True,
)
"""Reserves places of shelters and units of stocks, as many as there are; see `share_row`."""


def share_row(new: Reservation) -> dict[str, object]:
    """What `take_shares` stores of a reservation."""
    return {
        "district": new.district,
        "id": new.id,
        "incident": new.incident,
        "incident_id": INCIDENT.id(new.incident),
        "reserved": new.resource,
        "quantity": new.quantity,
        "begin_time": new.begin_time,
        "end_time": new.end_time,
    }


def insert_exclusive(conn: Connection, new: Reservation) -> bool:
    """Store the reservation of a team, expert or vehicle; False if it overlaps another one."""
    statement = insert(reservation).values(district=new.district, **_columns(new))
    done = statement.on_conflict_do_nothing(constraint="reservation_exclusive").returning(reservation.c.id)
    return conn.execute(done).one_or_none() is not None


def blocking(conn: Connection, name: str, district: str, now: datetime) -> Reservation | None:
    """The reservation of a team, expert or vehicle that is in effect at that moment, or soon is."""
    row = conn.execute(_BLOCKING, {"district": district, "resource": name, "now": now}).one_or_none()
    return None if row is None else _reservation(row)


def find_reservation(conn: Connection, id_: str) -> Reservation | None:
    """The reservation of that id."""
    r = reservation.c
    row = conn.execute(select(reservation).where(r.district == codes.district_of(id_), r.id == id_)).one_or_none()
    return None if row is None else _reservation(row)


def lock_reservation(conn: Connection, id_: str) -> Reservation | None:
    """The same, which nobody else changes until the transaction ends."""
    r = reservation.c
    row = conn.execute(
        select(reservation).where(r.district == codes.district_of(id_), r.id == id_).with_for_update()
    ).one_or_none()
    return None if row is None else _reservation(row)


def save_reservation(conn: Connection, changed: Reservation) -> bool:
    """Store where it stands now. False, and nothing more can be done in the transaction: it overlaps another one."""
    r = reservation.c
    try:
        conn.execute(
            update(reservation)
            .where(r.district == changed.district, r.id == changed.id)
            .values(state=changed.state, end_time=changed.end_time, sequence=changed.sequence)
        )
    except IntegrityError as error:
        if sqlstate(error) != _OVERLAPS:
            raise
        return False
    return True


def move_reservation(conn: Connection, moved: Reservation) -> None:
    """Store for which incident it is now."""
    r = reservation.c
    conn.execute(
        update(reservation)
        .where(r.district == moved.district, r.id == moved.id)
        .values(incident=moved.incident, sequence=moved.sequence)
    )


def expire_due(conn: Connection, now: datetime, most: int, name: str = "") -> list[Reservation]:
    """Store of reservations that have expired that they have; of one resource, or of all. Those that somebody else
    changes just now are left out.
    """
    rows = conn.execute(_EXPIRE, {"now": now, "resource": name, "most": most})
    return [_reservation(row) for row in rows]


def reservations_page(
    conn: Connection,
    office: str,
    now: datetime,
    after: Position,
    limit: int,
    *,
    of_incident: str,
    of_resource: str,
    ended: bool,
) -> list[Reservation]:
    """The reservations of what an office, and those in it, answer for, the newest first; for one incident or any, of
    one resource or any, in effect or also ended.
    """
    r = reservation.c
    order = (r.begin_time, r.id)
    query = select(reservation).where(r.district == codes.district_of(office), behind(after, *order, descending=True))
    if not codes.is_district(office):
        query = query.where(r.id >= office, r.id < office + "~")
    if of_incident:
        query = query.where(r.incident == of_incident)
    if of_resource:
        query = query.where(r.resource == of_resource)
    if not ended:
        query = query.where(r.state.in_(_OPEN), or_(r.end_time.is_(None), r.end_time > now))
    rows = conn.execute(query.order_by(*(each.desc() for each in order)).limit(limit))
    return [_reservation(row) for row in rows]


def incident_state(conn: Connection, name: str) -> IncidentState | None:
    """Where the incident stands; None if there is none."""
    return cast("IncidentState | None", conn.execute(_state_of(name)).scalar_one_or_none())


def lock_incident_state(conn: Connection, name: str) -> IncidentState | None:
    """The same, which no step of the incident changes until the transaction ends."""
    query = _state_of(name).with_for_update(read=True)
    return cast("IncidentState | None", conn.execute(query).scalar_one_or_none())


def lock_open_of(conn: Connection, name: str) -> list[Reservation]:
    """The reservations for an incident that have not ended, which nobody else changes until the transaction ends."""
    r = reservation.c
    query = select(reservation).where(
        r.district == codes.district_of(INCIDENT.id(name)), r.incident == name, r.state.in_(_OPEN)
    )
    return [_reservation(row) for row in conn.execute(query.order_by(r.id).with_for_update())]


def count_open(conn: Connection, now: datetime) -> Mapping[int, int]:
    """How many reservations are held and confirmed, by their state."""
    return {row.state: row.reservations for row in conn.execute(_COUNT_OPEN, {"now": now})}


def _state_of(name: str) -> Select[tuple[int]]:
    id_ = INCIDENT.id(name)
    return select(incident.c.state).where(incident.c.district == codes.district_of(id_), incident.c.id == id_)


def _columns(new: Reservation) -> dict[str, Any]:
    return {
        "id": new.id,
        "sequence": new.sequence,
        "incident": new.incident,
        "resource": new.resource,
        "exclusive": new.exclusive,
        "quantity": new.quantity,
        "state": new.state,
        "begin_time": new.begin_time,
        "end_time": new.end_time,
    }


def _reservation(row: Any) -> Reservation:
    return Reservation(
        id=row.id,
        sequence=row.sequence,
        incident=row.incident,
        resource=row.resource,
        quantity=row.quantity,
        state=row.state,
        begin_time=row.begin_time,
        end_time=row.end_time,
    )
