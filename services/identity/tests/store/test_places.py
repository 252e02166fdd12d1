"""Which places roles can be held over, as grid announces them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from google.protobuf.message import Message
from sqlalchemy import Engine

from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined
from onegrid_identity import store
from onegrid_identity.main import SERVICE
from onegrid_kit.events import Delivery, Envelope
from onegrid_kit.inbox import Inbox

STREET, CELL = "210602009", "210602009001001"


def announced(message: Message) -> Envelope:
    now = datetime.now(UTC)
    delivery = Delivery(id=str(uuid.uuid4()), type=message.DESCRIPTOR.full_name, subject="divisions/x", time=now)
    return Envelope(delivery, message.SerializeToString())


def test_what_grid_announced_is_known_however_often_and_in_whatever_order(engine: Engine) -> None:
    inbox = Inbox("identity", engine, SERVICE.load_handlers())
    street = announced(DivisionDefined(code=STREET, display_name="新街道", version=1))
    renamed = announced(DivisionDefined(code=STREET, display_name="街道", version=2))
    cell = announced(CellDefined(code=CELL, display_name="第1网格", version=1))
    with engine.connect() as conn:
        assert not store.knows_place(conn, STREET)
    for envelope in (cell, renamed, street, renamed, street, cell):
        inbox.deliver([envelope])
    assert not inbox.parked()
    with engine.connect() as conn:
        assert store.knows_place(conn, STREET)
        assert store.knows_place(conn, CELL)
        assert not store.knows_place(conn, STREET[:8])
