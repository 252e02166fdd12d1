"""The shifts of duty's rosters, as they were announced."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from onegrid_border.shift import Shift
from onegrid_border.tables import shift
from onegrid_kit.projections import keep_newest

__all__ = ["keep_shift", "shifts_to_come"]


def keep_shift(conn: Connection, new: Shift) -> bool:
    """Keep a shift as it is now; False if something newer is known."""
    values = {
        "roster": new.roster,
        "user": new.user,
        "begin_time": new.begin,
        "end_time": new.end,
        "cancelled": new.cancelled,
    }
    return keep_newest(conn, shift, {"district": new.district, "name": new.name}, new.version, values)


def shifts_to_come(conn: Connection, district: str, roster: str, now: datetime) -> list[Shift]:
    """The shifts of a roster that have not ended and were not cancelled, in order."""
    s = shift.c
    query = select(shift).where(s.district == district, s.roster == roster, s.end_time > now, ~s.cancelled)
    return [
        Shift(
            name=row.name,
            version=row.version,
            roster=row.roster,
            user=row.user,
            begin=row.begin_time,
            end=row.end_time,
            cancelled=row.cancelled,
        )
        for row in conn.execute(query.order_by(s.begin_time))
    ]
