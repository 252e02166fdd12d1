"""The statements over the catalogue of work items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_petition.petition import WORK_ITEM, WorkItem
from onegrid_petition.tables import work_item

__all__ = ["find_work_item", "upsert_work_items", "work_items_by_id", "work_items_page"]


def find_work_item(conn: Connection, id_: str) -> WorkItem | None:
    """The work item of that id."""
    return work_items_by_id(conn, codes.district_of(id_), [id_]).get(id_)


def work_items_by_id(conn: Connection, district: str, ids: Sequence[str]) -> dict[str, WorkItem]:
    """Those of the work items that there are."""
    query = select(work_item).where(work_item.c.district == district, work_item.c.id.in_(ids))
    return {row.id: _work_item(row) for row in conn.execute(query)}


def work_items_page(conn: Connection, district: str, department: str, after: Position, limit: int) -> list[WorkItem]:
    """The work items of a district, by id; of all departments, or of one."""
    query = select(work_item).where(work_item.c.district == district, behind(after, work_item.c.id))
    if department:
        query = query.where(work_item.c.department == department)
    return [_work_item(row) for row in conn.execute(query.order_by(work_item.c.id).limit(limit))]


def upsert_work_items(conn: Connection, district: str, items: Sequence[WorkItem]) -> None:
    """Enter work items, or bring them to what they are now."""
    statement = insert(work_item)
    changed = ("display_name", "department", "promised_working_days")
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[work_item.c.district, work_item.c.id],
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


def _work_item(row: Any) -> WorkItem:
    return WorkItem(WORK_ITEM.name(row.id), row.display_name, row.department, row.promised_working_days)
