"""What identity does when others announce something."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined
from onegrid_identity import store
from onegrid_kit.events import Delivery, on

__all__ = ["HANDLERS"]


def keep_division_code(conn: Connection, event: DivisionDefined, _: Delivery) -> None:
    """A role can be held over the division from now on."""
    store.keep_place(conn, event.code)


def keep_cell_code(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """A role can be held over the cell from now on."""
    store.keep_place(conn, event.code)


HANDLERS = (
    on("keep_division_code", DivisionDefined, keep_division_code),
    on("keep_cell_code", CellDefined, keep_cell_code),
)
