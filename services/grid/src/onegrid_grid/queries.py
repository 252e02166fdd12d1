"""What is read of several tables together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from onegrid.grid.v1.rounds_pb2 import RoundEntry
from onegrid_grid import messages, round_log
from onegrid_grid.records import BEFORE, recorded_in
from onegrid_grid.store import rounds
from onegrid_kit.field import log as field_log
from onegrid_kit.field.listing import Place, page_of
from onegrid_kit.field.log import Wanted
from onegrid_kit.paging import Position

__all__ = ["round_entries"]


def round_entries(
    conn: Connection, id_: str, now: datetime, after: Position, limit: int
) -> Sequence[tuple[Place, RoundEntry]]:
    """The entries of a round, judged now, by the time at which they were made."""
    of = rounds.find_round(conn, id_)
    if of is None:
        return []
    [found] = field_log.read(conn, [Wanted(of.district, of.name, of.create_time - BEFORE, of.devices)])
    recorded = recorded_in(found)
    records = {each.entry.hash: each.record for each in recorded}
    entries = round_log.judged(of, round_log.Log(recorded, found.devices), now)[1]
    page = page_of(entries, after, limit)
    return [(place, messages.round_entry(each, records[each.entry.hash])) for place, each in page]
