"""Columns: entered and changed."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.etags import require_fresh
from onegrid_notify.columns import Column
from onegrid_notify.store import columns as store

__all__ = ["define"]


def define(conn: Connection, wanted: Column, etag: str, call: Call) -> Column:
    """Enter a column, or make it what it is to be; one that is so already stays as it is.

    Raises InvalidRequest, StaleEtag, ColumnTree or ColumnLimitReached.
    """
    if wanted.owner and not wanted.owner.startswith(wanted.district):
        raise InvalidRequest(FieldViolation("column.owner", f"is no office of {wanted.district}"))
    store.lock_columns(conn, wanted.district)
    columns = store.columns_of(conn, wanted.district)
    before = columns.by_id.get(wanted.id)
    require_fresh(wanted.name, "" if before is None else before.etag, etag)
    after = replace(wanted, version=1 if before is None else before.version + 1, update_time=call.now)
    if before is not None and after == replace(before, version=after.version, update_time=call.now):
        return before
    columns.with_column(after)
    store.save_column(conn, after)
    return after
