"""The statements over gaps that are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.duty.v1.resources_pb2 import GapReason
from onegrid_duty.gaps import Gap
from onegrid_duty.tables import gap
from onegrid_kit import codes

__all__ = ["BEGINNINGS", "count_gaps", "known_gaps", "save_gaps"]

_NOW, _SOON, _LATER = BEGINNINGS = ("now", "within a day", "later")
"""When a gap begins."""
_A_DAY: Final = timedelta(days=1)


def known_gaps(conn: Connection, roster_id: str) -> list[Gap]:
    """The gaps of a roster that were found before."""
    query = select(gap).where(gap.c.district == codes.district_of(roster_id), gap.c.roster == roster_id)
    return [Gap(row.begin_time, cast(GapReason, row.reason), row.user, row.end_time) for row in conn.execute(query)]


def save_gaps(conn: Connection, roster_id: str, found: Collection[Gap]) -> None:
    """Keep the gaps of a roster as they are now."""
    district = codes.district_of(roster_id)
    conn.execute(gap.delete().where(gap.c.district == district, gap.c.roster == roster_id))
    if found:
        conn.execute(
            insert(gap),
            [
                {
                    "district": district,
                    "roster": roster_id,
                    "begin_time": each.begin,
                    "end_time": each.end,
                    "reason": int(each.reason),
                    "user": each.user,
                }
                for each in found
            ],
        )


def count_gaps(conn: Connection, now: datetime) -> Mapping[tuple[int, str], int]:
    """How many gaps are known that are not over, by their reason and by when they begin, one of BEGINNINGS."""
    begins = case((gap.c.begin_time <= now, _NOW), (gap.c.begin_time <= now + _A_DAY, _SOON), else_=_LATER)
    query = select(gap.c.reason, begins, func.count()).where(gap.c.end_time > now).group_by(gap.c.reason, begins)
    return {(reason, beginning): count for reason, beginning, count in conn.execute(query)}
