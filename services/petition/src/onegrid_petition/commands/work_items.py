"""The catalogue of work items (事项): which department leads what, and how soon it promises to conclude it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid_petition import store
from onegrid_petition.errors import AssigneeUnknown
from onegrid_petition.petition import WorkItem

__all__ = ["enter"]


def enter(conn: Connection, district: str, items: Sequence[WorkItem]) -> tuple[int, int]:
    """Enter or change work items; how many were new and how many were changed. Raises AssigneeUnknown for an
    unknown department.
    """
    known = store.office_names(conn, district, sorted({item.department for item in items}))
    for index, item in enumerate(items):
        if item.department not in known:
            raise AssigneeUnknown(f"work_items[{index}].department", item.department)
    before = store.work_items_by_id(conn, district, [item.id for item in items])
    store.upsert_work_items(conn, district, items)
    created = sum(item.id not in before for item in items)
    return created, sum(item != before.get(item.id) for item in items) - created
