"""The catalogue of work items (事项): which department leads what, and how soon it promises to conclude it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_kit.errors import NotFound
from onegrid_kit.paging import Position, behind
from onegrid_petition import store, tables
from onegrid_petition.errors import AssigneeUnknown
from onegrid_petition.petition import WORK_ITEM, WorkItem

__all__ = ["enter", "get", "page"]


def enter(conn: Connection, district: str, items: Sequence[WorkItem]) -> tuple[int, int]:
    """Enter or change work items; how many were new and how many were changed. Raises AssigneeUnknown for an
    unknown department.
    """
    departments = {item.department for item in items}
    known = store.office_names(conn, district, sorted(departments))
    for index, item in enumerate(items):
        if item.department not in known:
            raise AssigneeUnknown(f"work_items[{index}].department", item.department)
    table = tables.work_item
    before = {
        _item(row)
        for row in conn.execute(
            select(table).where(table.c.district == district, table.c.id.in_([item.id for item in items]))
        )
    }
    statement = insert(table)
    changed = ("display_name", "department", "promised_working_days")
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.district, table.c.id],
            set_={name: statement.excluded[name] for name in changed},
        ),
        [
            {
                "district": district,
                "id": item.id,
                "display_name": item.display_name,
                "department": item.department,
                "promised_working_days": item.promised_working_days,
            }
            for item in items
        ],
    )
    there = {item.name for item in before}
    created = sum(item.name not in there for item in items)
    return created, sum(item not in before for item in items) - created


def get(conn: Connection, name: str) -> WorkItem:
    """The work item of that name. Raises NotFound."""
    table = tables.work_item
    id_ = WORK_ITEM.id(name)
    of_id = (table.c.district == codes.district_of(id_), table.c.id == id_)
    row = conn.execute(select(table).where(*of_id)).one_or_none()
    if row is None:
        raise NotFound(name)
    return _item(row)


def page(conn: Connection, district: str, department: str, after: Position, limit: int) -> list[WorkItem]:
    """The work items, by id; of all departments, or of one."""
    table = tables.work_item
    query = select(table).where(table.c.district == district, behind(after, table.c.id))
    if department:
        query = query.where(table.c.department == department)
    return [_item(row) for row in conn.execute(query.order_by(table.c.id).limit(limit))]


def _item(row: Any) -> WorkItem:
    return WorkItem(WORK_ITEM.name(row.id), row.display_name, row.department, row.promised_working_days)
