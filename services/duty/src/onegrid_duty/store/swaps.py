"""The statements over swaps."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.duty.v1.resources_pb2 import SwapState
from onegrid_duty.schedule import Period
from onegrid_duty.swap import Side, Swap
from onegrid_duty.tables import swap
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = ["decide_swap", "insert_swap", "lock_swap", "swaps_page"]


def insert_swap(conn: Connection, new: Swap) -> None:
    """Enter a swap."""
    conn.execute(
        insert(swap).values(
            district=codes.district_of(new.id),
            id=new.id,
            roster=new.roster,
            shift=new.given.shift,
            proposer=new.given.user,
            begin_time=new.given.period.begin,
            end_time=new.given.period.end,
            partner=new.partner,
            partner_shift=new.taken.shift if new.taken else "",
            partner_begin_time=new.taken.period.begin if new.taken else None,
            partner_end_time=new.taken.period.end if new.taken else None,
            state=int(new.state),
            note=new.note,
            create_time=new.create_time,
        )
    )


def lock_swap(conn: Connection, id_: str) -> Swap | None:
    """The swap of that id, which nobody else decides on until the transaction ends."""
    query = select(swap).where(swap.c.district == codes.district_of(id_), swap.c.id == id_)
    row = conn.execute(query.with_for_update()).one_or_none()
    return None if row is None else _swap(row)


def decide_swap(conn: Connection, decided: Swap) -> None:
    """Store what became of a swap."""
    s = swap.c
    these = s.district == codes.district_of(decided.id), s.id == decided.id
    conn.execute(swap.update().where(*these).values(state=int(decided.state), decide_time=decided.decide_time))


def swaps_page(conn: Connection, roster_id: str, after: Position, limit: int) -> list[Swap]:
    """The swaps of a roster, the newest first."""
    s = swap.c
    these = s.district == codes.district_of(roster_id), s.roster == roster_id, behind(after, s.id, descending=True)
    return [_swap(row) for row in conn.execute(select(swap).where(*these).order_by(s.id.desc()).limit(limit))]


def _swap(row: Any) -> Swap:
    taken = None
    if row.partner_shift:
        taken = Side(row.partner_shift, row.partner, Period(row.partner_begin_time, row.partner_end_time))
    return Swap(
        id=row.id,
        roster=row.roster,
        given=Side(row.shift, row.proposer, Period(row.begin_time, row.end_time)),
        partner=row.partner,
        taken=taken,
        state=cast(SwapState, row.state),
        note=row.note,
        create_time=row.create_time,
        decide_time=row.decide_time,
    )
