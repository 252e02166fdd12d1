"""What border does when others announce something."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid_border.store import cells
from onegrid_kit.events import Delivery, on

__all__ = ["HANDLERS"]


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Know the code of a cell: it is no old identity number, though it has as many digits."""
    cells.keep_cell(conn, event.code, event.version)


HANDLERS = (on("keep_cell", CellDefined, keep_cell),)
