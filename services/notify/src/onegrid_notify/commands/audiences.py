"""Groups and subscriptions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_notify.addressing import ADDRESS
from onegrid_notify.audience import GROUP, Group
from onegrid_notify.store import audiences as store
from onegrid_notify.store.columns import columns_of

__all__ = ["change_members", "define_group", "set_subscription"]


def define_group(conn: Connection, wanted: Group, etag: str, call: Call) -> Group:
    """Enter a group, or make it what it is to be; one that is so already stays as it is.

    Raises StaleEtag, or PermissionDenied where a protected group is to be one no more.
    """
    before = store.find_group(conn, wanted.id, lock=True)
    require_fresh(wanted.name, "" if before is None else before.etag, etag)
    if before is not None and before.protected and not wanted.protected:
        # It could be addressed without the permission from then on.
        call.caller.require(ADDRESS, wanted.district)
    after = replace(wanted, version=1 if before is None else before.version + 1, update_time=call.now)
    if before is not None and after == replace(before, version=after.version, update_time=call.now):
        return before
    store.save_group(conn, after)
    return after


def change_members(
    conn: Connection, group_id: str, added: Collection[str], removed: Collection[str], call: Call
) -> int:
    """Have some belong to a group from now on, and others no more; how many belong to it now. Raises NotFound, or
    InvalidRequest for who is to come and go.
    """
    both = sorted(set(added) & set(removed))
    if both:
        raise InvalidRequest(FieldViolation("removed", f"{both[0]} is added as well"))
    # Locked, so that nobody is added by two calls at once.
    if store.find_group(conn, group_id, lock=True) is None:
        raise NotFound(GROUP.name(group_id))
    store.end_members(conn, group_id, removed, call.now)
    store.begin_members(conn, group_id, added, call.now)
    return store.count_members(conn, group_id)


def set_subscription(conn: Connection, column_id: str, subscribed: bool, user: str, now: datetime) -> None:
    """Subscribe a user to a column, or end that. Raises ColumnUnusable."""
    if not subscribed:
        store.end_subscription(conn, column_id, user, now)
        return
    columns_of(conn, codes.district_of(column_id)).require_usable(column_id)
    store.begin_subscription(conn, column_id, user, now)
