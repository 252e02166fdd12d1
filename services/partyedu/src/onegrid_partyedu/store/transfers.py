"""The statements over transfers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.members_pb2 import TransferState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.tables import transfer
from onegrid_partyedu.transfer import Transfer

__all__ = [
    "count_waiting",
    "find_requested",
    "find_transfer",
    "oldest_waiting",
    "save_transfer",
    "transfers_page",
]

_REQUESTED = TransferState.TRANSFER_STATE_REQUESTED
_EXPIRED = TransferState.TRANSFER_STATE_EXPIRED


def find_transfer(conn: Connection, id_: str) -> Transfer | None:
    """The transfer of that id."""
    t = transfer.c
    row = conn.execute(select(transfer).where(t.district == codes.district_of(id_), t.id == id_)).one_or_none()
    return None if row is None else _transfer(row)


def find_requested(conn: Connection, member: str) -> Transfer | None:
    """The transfer of a member that waits, or has expired since."""
    t = transfer.c
    query = select(transfer).where(t.district == codes.district_of(member), t.member == member, t.state == _REQUESTED)
    row = conn.execute(query).one_or_none()
    return None if row is None else _transfer(row)


def save_transfer(conn: Connection, changed: Transfer) -> None:
    """Enter a transfer, or store what became of it."""
    statement = insert(transfer).values(
        district=changed.district,
        id=changed.id,
        member=changed.member,
        source=changed.source,
        target=changed.target,
        state=changed.stored_state,
        reason=changed.reason,
        create_time=changed.create_time,
        expire_time=changed.expire_time,
        end_time=changed.end_time,
    )
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=list(transfer.primary_key),
            set_={name: statement.excluded[name] for name in ("state", "reason", "end_time")},
        )
    )


def transfers_page(
    conn: Connection, scope: str, state: TransferState, now: datetime, after: Position, limit: int
) -> list[Transfer]:
    """The transfers to or from organizations of a place or department and of those inside it, the latest first."""
    t = transfer.c
    query = select(transfer).where(
        t.district == codes.district_of(scope),
        or_(t.source.startswith(scope), t.target.startswith(scope)),
        behind(after, t.create_time, t.id, descending=True),
    )
    if state == _REQUESTED:
        query = query.where(*_waits(now))
    elif state == _EXPIRED:
        query = query.where((t.state == _EXPIRED) | ((t.state == _REQUESTED) & (t.expire_time <= now)))
    elif state:
        query = query.where(t.state == state)
    return [_transfer(row) for row in conn.execute(query.order_by(t.create_time.desc(), t.id.desc()).limit(limit))]


def count_waiting(conn: Connection, organization: str, now: datetime) -> int:
    """How many transfers to or from an organization wait."""
    t = transfer.c
    query = select(func.count()).where(
        t.district == codes.district_of(organization),
        or_(t.source == organization, t.target == organization),
        *_waits(now),
    )
    return conn.execute(query).scalar_one()


def oldest_waiting(conn: Connection, now: datetime) -> tuple[int, timedelta]:
    """How many transfers wait, and for how long the oldest of them has."""
    query = select(func.count(), func.min(transfer.c.create_time)).where(*_waits(now))
    count, first = conn.execute(query).one()
    return count, timedelta() if first is None else now - first


def _waits(now: datetime) -> tuple[Any, ...]:
    return transfer.c.state == _REQUESTED, transfer.c.expire_time > now


def _transfer(row: Any) -> Transfer:
    return Transfer(
        id=row.id,
        member=row.member,
        source=row.source,
        target=row.target,
        stored_state=row.state,
        reason=row.reason,
        create_time=row.create_time,
        expire_time=row.expire_time,
        end_time=row.end_time,
    )
