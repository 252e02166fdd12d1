"""The catalogue of work items."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1 import resources_pb2
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.runtime import Runtime
from onegrid_petition import store
from onegrid_petition.commands import work_items as commands
from onegrid_petition.petition import WORK_ITEM, WorkItem
from onegrid_petition.settings import PetitionSettings

__all__ = ["WorkItems"]


class WorkItems:
    """The methods on work items."""

    def __init__(self, runtime: Runtime[PetitionSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def BatchCreateWorkItems(self, request: pb.BatchCreateWorkItemsRequest, call: Call) -> bytes:
        items = [
            WorkItem(item.name, item.display_name, item.department, item.promised_working_days)
            for item in request.work_items
        ]
        if len({item.name for item in items}) != len(items):
            raise InvalidRequest(FieldViolation("work_items", "names a work item twice"))

        def enter(conn: Connection) -> pb.BatchCreateWorkItemsResponse:
            created, updated = commands.enter(conn, request.district, items)
            return pb.BatchCreateWorkItemsResponse(created=created, updated=updated)

        return await self._db.command(call, enter)

    async def GetWorkItem(self, request: pb.GetWorkItemRequest, call: Call) -> pb.GetWorkItemResponse:
        item = await self._db.read(lambda conn: store.find_work_item(conn, WORK_ITEM.id(request.name)))
        if item is None:
            raise NotFound(request.name)
        return pb.GetWorkItemResponse(work_item=_work_item(item))

    async def ListWorkItems(self, request: pb.ListWorkItemsRequest, call: Call) -> pb.ListWorkItemsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.work_items_page(conn, request.district, request.department, after, limit),
            position=lambda item: (item.id,),
            message=_work_item,
        )
        return pb.ListWorkItemsResponse(work_items=page.items, next_page_token=page.next_token)


def _work_item(item: WorkItem) -> resources_pb2.WorkItem:
    return resources_pb2.WorkItem(
        name=item.name,
        display_name=item.display_name,
        department=item.department,
        promised_working_days=item.promised_working_days,
    )
