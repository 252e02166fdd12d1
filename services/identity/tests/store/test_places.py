"""Which places roles can be held over, as grid announces them."""

from __future__ import annotations

from sqlalchemy import Engine

from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined
from onegrid_identity import store
from onegrid_kit.testing.events import Events

STREET, CELL = "210602009", "210602009001001"


def test_what_grid_announced_is_known_however_often_and_in_whatever_order(engine: Engine, events: Events) -> None:
    street = DivisionDefined(code=STREET, display_name="新街道", version=1)
    renamed = DivisionDefined(code=STREET, display_name="街道", version=2)
    cell = CellDefined(code=CELL, display_name="第1网格", version=1)
    with engine.connect() as conn:
        assert not store.knows_place(conn, STREET)
    events.deliver(cell, renamed, street, renamed, street, cell)
    with engine.connect() as conn:
        assert store.knows_place(conn, STREET)
        assert store.knows_place(conn, CELL)
        assert not store.knows_place(conn, STREET[:8])
