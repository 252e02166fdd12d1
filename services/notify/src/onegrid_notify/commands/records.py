"""Departments' records."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_notify.errors import ColumnNotOwned
from onegrid_notify.records import Record
from onegrid_notify.store import columns as column_store
from onegrid_notify.store import records as store

__all__ = ["push"]


def push(conn: Connection, column_id: str, pushed: Sequence[Record], call: Call) -> int:
    """Publish records into a column; how many of them were new or changed.

    Raises InvalidRequest, ColumnUnusable or ColumnNotOwned.
    """
    district = codes.district_of(column_id)
    for index, each in enumerate(pushed):
        if not codes.contains(district, each.place):
            raise InvalidRequest(FieldViolation(f"records[{index}].place", f"lies outside of {district}"))
        if each.source_time > call.now + CLOCKS_DIFFER:
            # It would win against every later state until then.
            raise InvalidRequest(FieldViolation(f"records[{index}].source_time", "lies ahead"))
    column = column_store.columns_of(conn, district).require_usable(column_id)
    if not (column.owner and call.caller.may(call.permission, column.owner)):
        raise ColumnNotOwned(column.name, column.owner)
    return store.keep_records(conn, column_id, pushed)
