"""The methods on assets."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid_border import messages
from onegrid_border.asset import ASSET
from onegrid_border.commands import assets as commands
from onegrid_border.store import assets as store
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.locations import location_of
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Assets"]


class Assets:
    """The methods on assets."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineAsset(self, request: pb.DefineAssetRequest, call: Call) -> bytes:
        asked = request.asset
        command = commands.DefineAsset(
            id=ASSET.id(asked.name),
            kind=asked.kind,
            display_name=asked.display_name,
            course=tuple(location_of(each) for each in asked.course),
            etag=asked.etag,
        )
        return await self._db.command(
            call, lambda conn: pb.DefineAssetResponse(asset=messages.asset(commands.define_asset(conn, command, call)))
        )

    async def RetireAsset(self, request: pb.RetireAssetRequest, call: Call) -> bytes:
        asset = ASSET.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.RetireAssetResponse(
                asset=messages.asset(commands.retire_asset(conn, asset, request.etag, call))
            ),
        )

    async def InspectAsset(self, request: pb.InspectAssetRequest, call: Call) -> bytes:
        command = commands.InspectAsset(
            asset=ASSET.id(request.name),
            condition=request.condition,
            note=request.note,
            inspect_time=request.inspect_time.ToDatetime(UTC) if request.HasField("inspect_time") else None,
        )

        def inspect(conn: Connection) -> pb.InspectAssetResponse:
            inspection, asset = commands.inspect_asset(conn, command, call)
            return pb.InspectAssetResponse(inspection=messages.inspection(inspection), asset=messages.asset(asset))

        return await self._db.command(call, inspect)

    async def GetAsset(self, request: pb.GetAssetRequest, call: Call) -> pb.GetAssetResponse:
        found = await self._db.read(lambda conn: store.find_asset(conn, ASSET.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetAssetResponse(asset=messages.asset(found))

    async def ListAssets(self, request: pb.ListAssetsRequest, call: Call) -> pb.ListAssetsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.assets_page(
                conn, request.scope, request.kinds, request.conditions, after, limit
            ),
            position=lambda asset: (asset.id,),
            message=messages.asset,
        )
        return pb.ListAssetsResponse(assets=page.items, next_page_token=page.next_token)

    async def ListInspections(self, request: pb.ListInspectionsRequest, call: Call) -> pb.ListInspectionsResponse:
        asset = ASSET.id(request.asset)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.inspections_page(conn, asset, after, limit),
            position=lambda inspection: (inspection.number,),
            message=messages.inspection,
        )
        return pb.ListInspectionsResponse(inspections=page.items, next_page_token=page.next_token)
