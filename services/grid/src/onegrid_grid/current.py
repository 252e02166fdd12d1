"""What grid announces again to who comes later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined
from onegrid_grid import messages
from onegrid_grid.store import registry as store
from onegrid_kit import codes
from onegrid_kit.announcing import Current
from onegrid_kit.paging import Position

__all__ = ["CURRENT"]


def divisions(conn: Connection, _: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    """The divisions."""
    page = store.all_divisions(conn, after, limit)
    return [((codes.district_of(each.code), each.code), each.name, messages.division_defined(each)) for each in page]


def cells(conn: Connection, _: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    """The cells, with who is appointed to them."""
    page = store.all_cells(conn, after, limit)
    return [((codes.district_of(each.code), each.code), each.name, messages.cell_defined(each)) for each in page]


CURRENT = (Current(DivisionDefined, divisions), Current(CellDefined, cells))
