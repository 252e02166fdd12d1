"""The statements over supplies and their movements, and over what can be shared out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, text, update
from sqlalchemy.dialects.postgresql import insert

from onegrid.emergency.v1.relief_pb2 import ReservationState
from onegrid_emergency.relief import Movement, Room, Stock, office_of
from onegrid_emergency.tables import capacity, stock, stock_movement
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = [
    "add_movement",
    "add_quantity",
    "count_short",
    "find_room",
    "give_back",
    "lock_stock",
    "movements_page",
    "rooms_of",
    "save_stock",
    "set_open",
    "set_total",
    "stocks_page",
]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('stock'), hashtext(:name))")
_ROOM: Final = f"""
    SELECT capacity.resource, capacity.total, capacity.open, expired.quantity AS expired,
           capacity.reserved - expired.quantity AS reserved
    FROM capacity, LATERAL (
      SELECT CAST(coalesce(sum(quantity), 0) AS bigint) AS quantity FROM reservation
      WHERE reservation.district = capacity.district AND reservation.resource = capacity.resource
        AND state = {ReservationState.RESERVATION_STATE_HELD:d} AND end_time <= :now
    ) AS expired
    WHERE capacity.district = :district
"""
_COUNT_SHORT: Final = text(
    """
    SELECT count(*) FROM stock
    JOIN capacity ON capacity.district = stock.district AND capacity.resource = stock.name
    WHERE capacity.total < stock.minimum
    """
)
_FIND_ROOM: Final = text(f"{_ROOM} AND capacity.resource = :name")
_LOCK_ROOM: Final = text(f"{_ROOM} AND capacity.resource = :name FOR UPDATE OF capacity")
_ROOMS: Final = text(
    f"{_ROOM} AND (capacity.resource = :name OR capacity.resource LIKE :stocks) "
    "ORDER BY capacity.resource FOR UPDATE OF capacity"
)
_STOCKS: Final = text(
    f"""
    SELECT stock.*, room.total AS quantity, greatest(room.total - room.reserved, 0) AS free
    FROM stock JOIN ({_ROOM}) AS room ON room.resource = stock.name
    WHERE stock.district = :district AND stock.depot = :depot AND stock.name > :after ORDER BY stock.name LIMIT :limit
    """
)


def lock_stock(conn: Connection, name: str, now: datetime) -> Stock | None:
    """The supply of that name, which nobody else changes or takes of until the transaction ends."""
    conn.execute(_LOCK, {"name": name})
    s = stock.c
    room = conn.execute(_LOCK_ROOM, {"district": _district(name), "name": name, "now": now}).one_or_none()
    if room is None:
        return None
    row = conn.execute(select(stock).where(s.district == _district(name), s.name == name)).one()
    return _stock(row, room.total, max(0, room.total - room.reserved))


def save_stock(conn: Connection, changed: Stock, *, is_open: bool) -> None:
    """Enter a supply, or store what changed of it."""
    values = {key: value for key, value in asdict(changed).items() if key not in ("quantity", "free")}
    values["depot"] = changed.depot
    statement = insert(stock).values(district=changed.district, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[stock.c.district, stock.c.name],
            set_={key: statement.excluded[key] for key in values if key != "name"},
        )
    )
    set_total(conn, changed.name, changed.quantity, is_open=is_open)


def stocks_page(conn: Connection, depot: str, now: datetime, after: Position, limit: int) -> list[Stock]:
    """The supplies of a depot, by name."""
    behind_name = after[0] if after else ""
    values = {"district": _district(depot), "depot": depot, "after": behind_name, "limit": limit, "now": now}
    return [_stock(row, row.quantity, row.free) for row in conn.execute(_STOCKS, values)]


def add_movement(conn: Connection, new: Movement) -> None:
    """Record a movement, and count it."""
    district = _district(new.stock)
    s = stock.c
    conn.execute(stock_movement.insert().values(district=district, **asdict(new)))
    conn.execute(update(stock).where(s.district == district, s.name == new.stock).values(movements=new.number))


def movements_page(conn: Connection, name: str, after: Position, limit: int) -> list[Movement]:
    """The movements of a supply, the newest first."""
    m = stock_movement.c
    query = select(stock_movement).where(
        m.district == _district(name), m.stock == name, behind(after, m.number, descending=True)
    )
    return [_movement(row) for row in conn.execute(query.order_by(m.number.desc()).limit(limit))]


def set_total(conn: Connection, name: str, total: int, *, is_open: bool) -> None:
    """Enter how much there is of a shelter or stock, whatever of it is reserved."""
    values = {"total": total, "open": is_open}
    statement = insert(capacity).values(district=_district(name), resource=name, reserved=0, **values)
    conn.execute(
        statement.on_conflict_do_update(index_elements=[capacity.c.district, capacity.c.resource], set_=values)
    )


def set_open(conn: Connection, name: str, *, is_open: bool) -> None:
    """Let a shelter, or the supplies of a depot, be reserved or not."""
    c = capacity.c
    mine = (c.resource == name) | c.resource.startswith(f"{name}/")
    conn.execute(update(capacity).where(c.district == _district(name), mine).values(open=is_open))


def find_room(conn: Connection, name: str, now: datetime) -> Room | None:
    """What a shelter or stock has, and what of it is reserved at that moment."""
    row = conn.execute(_FIND_ROOM, {"district": _district(name), "name": name, "now": now}).one_or_none()
    return None if row is None else _room(row)


def rooms_of(conn: Connection, name: str, now: datetime) -> list[Room]:
    """The same of a shelter, or of each supply of a depot; nobody reserves of it until the transaction ends."""
    values = {"district": _district(name), "name": name, "stocks": f"{name}/stocks/%", "now": now}
    return [_room(row) for row in conn.execute(_ROOMS, values)]


def add_quantity(conn: Connection, name: str, change: int) -> None:
    """There is so much more of a stock, or less if it is negative."""
    c = capacity.c
    conn.execute(
        update(capacity).where(c.district == _district(name), c.resource == name).values(total=c.total + change)
    )


def count_short(conn: Connection) -> int:
    """Of how many supplies there is less than the minimum."""
    return int(conn.execute(_COUNT_SHORT).scalar_one())


def give_back(conn: Connection, name: str, quantity: int) -> None:
    """So much of a shelter or stock is not reserved any more."""
    c = capacity.c
    conn.execute(
        update(capacity).where(c.district == _district(name), c.resource == name).values(reserved=c.reserved - quantity)
    )


def _district(name: str) -> str:
    return codes.district_of(office_of(name))


def _room(row: Any) -> Room:
    return Room(row.total, row.reserved, row.expired, row.open)


def _stock(row: Any, quantity: int, free: int) -> Stock:
    return Stock(
        name=row.name,
        sequence=row.sequence,
        display_name=row.display_name,
        unit=row.unit,
        minimum=row.minimum,
        quantity=quantity,
        free=free,
        movements=row.movements,
        update_time=row.update_time,
    )


def _movement(row: Any) -> Movement:
    return Movement(
        stock=row.stock,
        number=row.number,
        kind=row.kind,
        change=row.change,
        balance=row.balance,
        reservation=row.reservation,
        note=row.note,
        create_time=row.create_time,
    )
