"""What duty announces again to who comes later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import ShiftScheduled
from onegrid_duty import messages
from onegrid_duty.store.shifts import all_shifts
from onegrid_kit import codes
from onegrid_kit.announcing import Current
from onegrid_kit.paging import Position

__all__ = ["CURRENT"]


def shifts(conn: Connection, now: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    """The shifts that have not ended, as they are now: whoever has heard of them keeps the highest revision."""
    page = all_shifts(conn, now, after, limit)
    return [
        ((codes.district_of(each.id), each.id), each.name, messages.shift_scheduled(each, scope))
        for each, scope in page
    ]


CURRENT = (Current(ShiftScheduled, shifts),)
