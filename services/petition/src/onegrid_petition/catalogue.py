"""The catalogue of work items (事项): which department leads what, and how soon it promises to conclude it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_kit.errors import NotFound
from onegrid_kit.names import ResourceName
from onegrid_kit.paging import Position, behind
from onegrid_petition import store, tables
from onegrid_petition.errors import AssigneeUnknown, WorkItemUnknown

__all__ = ["WorkItem", "enter", "get", "page", "require"]


WORK_ITEM: Final = ResourceName("workItems/{item}")


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A kind of work that a department is responsible for."""

    name: str
    """``workItems/{item}``."""
    display_name: str
    department: str
    promised_working_days: int

    @property
    def id(self) -> str:
        """The department's code and a number: ``210602D07-003``."""
        return WORK_ITEM.id(self.name)


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


def require(conn: Connection, district: str, name: str) -> WorkItem:
    """The work item of that name. Raises WorkItemUnknown."""
    table = tables.work_item
    row = conn.execute(
        select(table).where(table.c.district == district, table.c.id == WORK_ITEM.id(name))
    ).one_or_none()
    if row is None:
        raise WorkItemUnknown(name)
    return _item(row)


def get(conn: Connection, name: str) -> WorkItem:
    """The work item of that name. Raises NotFound."""
    try:
        return require(conn, codes.district_of(WORK_ITEM.id(name)), name)
    except WorkItemUnknown:
        raise NotFound(name) from None


def page(conn: Connection, district: str, department: str, after: Position, limit: int) -> list[WorkItem]:
    """The work items, by id; of all departments, or of one."""
    table = tables.work_item
    query = select(table).where(table.c.district == district, behind(after, table.c.id))
    if department:
        query = query.where(table.c.department == department)
    return [_item(row) for row in conn.execute(query.order_by(table.c.id).limit(limit))]


def _item(row: Any) -> WorkItem:
    return WorkItem(WORK_ITEM.name(row.id), row.display_name, row.department, row.promised_working_days)
