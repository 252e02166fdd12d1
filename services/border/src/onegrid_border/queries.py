"""What is read of several tables together."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid.border.v1.patrols_pb2 import JudgedEntry
from onegrid_border import messages, patrol_log
from onegrid_border.authority import require_patrol
from onegrid_border.evidence import ShownCodes
from onegrid_border.records import BEFORE, recorded_in
from onegrid_border.store import codes, routes
from onegrid_kit.callers import Call
from onegrid_kit.field import log as field_log
from onegrid_kit.field.listing import Place, page_of
from onegrid_kit.field.log import Wanted
from onegrid_kit.paging import Position

__all__ = ["judged_entries"]


def judged_entries(
    conn: Connection, id_: str, call: Call, after: Position, limit: int
) -> Sequence[tuple[Place, JudgedEntry]]:
    """The entries of a patrol, judged now, by the time at which they were made. Raises PermissionDenied or NotFound."""
    patrol = require_patrol(conn, id_, call)
    route = routes.find_route(conn, patrol.route, patrol.start_due_time)
    [found] = field_log.read(conn, [Wanted(patrol.district, patrol.name, patrol.start_due_time - BEFORE)])
    if route is None or not found.entries:
        return []
    recorded = recorded_in(found)
    records = {each.entry.hash: each.record for each in recorded}
    shown = codes.shown_on(conn, [patrol.id]).get(patrol.id, ShownCodes())
    judgement = patrol_log.judged(patrol, route.course, patrol_log.Log(recorded, found.devices, shown), call.now)[1]
    page = page_of(judgement.entries, after, limit)
    return [(place, messages.judged_entry(each, records[each.entry.hash])) for place, each in page]
