"""The methods on resources."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC

from sqlalchemy import Connection

from onegrid.emergency.v1 import relief_pb2 as pb
from onegrid_emergency import relief_messages
from onegrid_emergency.commands import resources as commands
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import patrols
from onegrid_emergency.store import resources as store
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.locations import location_in, location_of
from onegrid_kit.runtime import Runtime
from onegrid_kit.timestamps import timestamp

__all__ = ["Resources"]

_WITHIN_M = 50_000
_LIMIT = 10


class Resources:
    """The methods on resources."""

    def __init__(self, runtime: Runtime[EmergencySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineResource(self, request: pb.DefineResourceRequest, call: Call) -> bytes:
        asked = request.resource
        command = commands.DefineResource(
            name=asked.name,
            display_name=asked.display_name,
            contact=asked.contact,
            home=location_in(asked, "home"),
            details=relief_messages.details_of(asked),
            etag=asked.etag,
        )

        def define(conn: Connection) -> pb.DefineResourceResponse:
            return pb.DefineResourceResponse(
                resource=relief_messages.resource(commands.define_resource(conn, command, call))
            )

        return await self._db.command(call, define)

    async def RetireResource(self, request: pb.RetireResourceRequest, call: Call) -> bytes:
        def retire(conn: Connection) -> pb.RetireResourceResponse:
            retired = commands.retire_resource(conn, request.name, request.etag, call)
            return pb.RetireResourceResponse(resource=relief_messages.resource(retired))

        return await self._db.command(call, retire)

    async def GetResource(self, request: pb.GetResourceRequest, call: Call) -> pb.GetResourceResponse:
        found = await self._db.read(lambda conn: store.find_resource(conn, request.name, call.now))
        if found is None:
            raise NotFound(request.name)
        return pb.GetResourceResponse(resource=relief_messages.resource(found))

    async def ListResources(self, request: pb.ListResourcesRequest, call: Call) -> pb.ListResourcesResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.resources_page(
                conn, request.place, request.kinds, call.now, after, limit, retired=request.show_retired
            ),
            position=lambda each: (each.name,),
            message=relief_messages.resource,
        )
        return pb.ListResourcesResponse(resources=page.items, next_page_token=page.next_token)

    async def LocateResources(self, request: pb.LocateResourcesRequest, call: Call) -> pb.LocateResourcesResponse:
        location = location_of(request.location)
        within_m, limit = request.within_m or _WITHIN_M, request.limit or _LIMIT

        def resources(conn: Connection) -> Iterator[pb.LocatedResource]:
            found = store.nearest(
                conn,
                request.place,
                location,
                call.now,
                kinds=request.kinds,
                team_kinds=request.team_kinds,
                stock=request.stock,
                quantity=request.quantity or 1,
                within_m=within_m,
                limit=limit,
            )
            for each, away_m in found:
                yield pb.LocatedResource(resource=relief_messages.resource(each), distance_m=away_m)

        def units(conn: Connection) -> Iterator[pb.LocatedPatrolUnit]:
            found = patrols.nearest_units(conn, request.place, location, call.now, within_m=within_m, limit=limit)
            return itertools.starmap(relief_messages.located_unit, found)

        return await self._db.read(
            lambda conn: pb.LocateResourcesResponse(
                resources=resources(conn) if request.kinds else (),
                patrol_units=units(conn) if request.patrol_units else (),
            )
        )

    async def ReportPosition(self, request: pb.ReportPositionRequest, call: Call) -> bytes:
        position = location_of(request.position)
        time = request.position_time.ToDatetime(UTC) if request.HasField("position_time") else None

        def report(conn: Connection) -> pb.ReportPositionResponse:
            latest = commands.report_position(conn, request.name, position, time, call)
            return pb.ReportPositionResponse(position_time=timestamp(latest))

        return await self._db.command(call, report)
