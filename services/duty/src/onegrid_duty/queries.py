"""Reads of rosters, and of what belongs to them."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Connection

from onegrid_duty.escalation import Handover, Page
from onegrid_duty.gaps import Gap
from onegrid_duty.roster import Override
from onegrid_duty.shifts import Shift
from onegrid_duty.store import escalation, rosters, swaps
from onegrid_duty.swap import Swap
from onegrid_duty.timetable import gaps_of, on_duty_of, require_roster, shifts_of
from onegrid_kit.paging import Position

__all__ = [
    "gaps_page",
    "handovers_page",
    "on_duty",
    "overrides_page",
    "pages_page",
    "shifts_page",
    "swaps_page",
]


def shifts_page(
    conn: Connection, roster_id: str, begin: datetime, end: datetime, after: Position, limit: int
) -> list[Shift]:
    """The shifts that touch the period, by when they begin. Raises NotFound."""
    last = cast(datetime, after[0]) if after else None
    return shifts_of(conn, require_roster(conn, roster_id), begin, end, last, limit)


def overrides_page(conn: Connection, roster_id: str, since: datetime, after: Position, limit: int) -> list[Override]:
    """The overrides of a roster that are not over. Raises NotFound."""
    require_roster(conn, roster_id)
    return rosters.overrides_page(conn, roster_id, since, after, limit)


def swaps_page(conn: Connection, roster_id: str, after: Position, limit: int) -> list[Swap]:
    """The swaps of a roster. Raises NotFound."""
    require_roster(conn, roster_id)
    return swaps.swaps_page(conn, roster_id, after, limit)


def gaps_page(
    conn: Connection, roster_id: str, begin: datetime, end: datetime, after: Position, limit: int
) -> list[Gap]:
    """The gaps of the period. Raises NotFound."""
    found = gaps_of(conn, require_roster(conn, roster_id), begin, end)
    return [gap for gap in found if not after or (gap.begin, int(gap.reason), gap.user) > after][:limit]


def on_duty(conn: Connection, roster_id: str, moment: datetime) -> tuple[Shift | None, Shift | None]:
    """The shift of the moment, and the next one. Raises NotFound."""
    return on_duty_of(conn, require_roster(conn, roster_id), moment)


def pages_page(conn: Connection, roster_id: str, after: Position, limit: int) -> list[Page]:
    """The pages of a roster. Raises NotFound."""
    require_roster(conn, roster_id)
    return escalation.pages_page(conn, roster_id, after, limit)


def handovers_page(conn: Connection, roster_id: str, after: Position, limit: int) -> list[Handover]:
    """The handover book of a roster. Raises NotFound."""
    require_roster(conn, roster_id)
    return escalation.handovers_page(conn, roster_id, after, limit)
