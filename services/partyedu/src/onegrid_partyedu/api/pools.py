"""The methods on item pools and items."""

from __future__ import annotations

from onegrid.partyedu.v1 import pool_methods_pb2 as pb
from onegrid.partyedu.v1 import pools_pb2
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.visibility import visible_to
from onegrid_partyedu import quiz_messages as messages
from onegrid_partyedu.authority import editor_of
from onegrid_partyedu.commands import pools as commands
from onegrid_partyedu.item import POOL, Item
from onegrid_partyedu.store import pools as store

__all__ = ["Pools"]


class Pools:
    """The methods on item pools and items."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefinePool(self, request: pb.DefinePoolRequest, call: Call) -> bytes:
        asked = request.pool
        command = commands.DefinePool(
            id=POOL.id(asked.name), display_name=asked.display_name, description=asked.description, etag=asked.etag
        )
        return await self._db.command(
            call, lambda conn: pb.DefinePoolResponse(pool=messages.pool(commands.define_pool(conn, command, call)))
        )

    async def GetPool(self, request: pb.GetPoolRequest, _: Call) -> pb.GetPoolResponse:
        found = await self._db.read(lambda conn: store.find_pool(conn, POOL.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetPoolResponse(pool=messages.pool(found))

    async def ListPools(self, request: pb.ListPoolsRequest, _: Call) -> pb.ListPoolsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.pools_page(conn, request.scope, after, limit),
            position=lambda each: (each.id,),
            message=messages.pool,
        )
        return pb.ListPoolsResponse(pools=page.items, next_page_token=page.next_token)

    async def DefineItem(self, request: pb.DefineItemRequest, call: Call) -> bytes:
        asked = messages.item_revision(request.item, call.now)
        return await self._db.command(
            call,
            lambda conn: pb.DefineItemResponse(
                item=_shown(commands.define_item(conn, asked, request.item.etag, call), call)
            ),
        )

    async def RetireItem(self, request: pb.RetireItemRequest, call: Call) -> bytes:
        ref = messages.item_ref(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.RetireItemResponse(item=_shown(commands.retire_item(conn, ref, request.etag, call), call)),
        )

    async def GetItem(self, request: pb.GetItemRequest, call: Call) -> pb.GetItemResponse:
        ref = messages.item_ref(request.name)
        found = await self._db.read(lambda conn: store.find_item(conn, ref, request.revision))
        if found is None:
            raise NotFound(request.name)
        return pb.GetItemResponse(item=_shown(found, call))

    async def ListItems(self, request: pb.ListItemsRequest, call: Call) -> pb.ListItemsResponse:
        id_ = POOL.id(request.pool)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.items_page(
                conn, id_, request.kind, retired=request.show_retired, after=after, limit=limit
            ),
            position=lambda each: (each.ref.item,),
            message=lambda each: _shown(each, call),
        )
        return pb.ListItemsResponse(items=page.items, next_page_token=page.next_token)

    async def ListItemRevisions(self, request: pb.ListItemRevisionsRequest, call: Call) -> pb.ListItemRevisionsResponse:
        ref = messages.item_ref(request.item)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.revisions_page(conn, ref, after, limit),
            position=lambda each: (each.revision.number,),
            message=lambda each: _shown(each, call),
        )
        return pb.ListItemRevisionsResponse(items=page.items, next_page_token=page.next_token)


def _shown(of: Item, call: Call) -> pools_pb2.Item:
    """The item as the caller may see it: keys are for editors."""
    return visible_to(editor_of(call, of.ref.pool), messages.item(of))
