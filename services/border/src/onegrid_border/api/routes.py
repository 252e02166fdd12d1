"""The methods on routes."""

from __future__ import annotations

from datetime import UTC

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid_border import messages
from onegrid_border.commands import routes as commands
from onegrid_border.route import ROUTE
from onegrid_border.store import routes as store
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Routes"]


class Routes:
    """The methods on routes."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineRoute(self, request: pb.DefineRouteRequest, call: Call) -> bytes:
        asked = request.route
        command = commands.DefineRoute(
            id=ROUTE.id(asked.name),
            course=messages.course_of(asked),
            effective_time=asked.effective_time.ToDatetime(UTC) if asked.HasField("effective_time") else None,
            etag=asked.etag,
        )
        return await self._db.command(
            call, lambda conn: pb.DefineRouteResponse(route=messages.route(commands.define_route(conn, command, call)))
        )

    async def RetireRoute(self, request: pb.RetireRouteRequest, call: Call) -> bytes:
        route = ROUTE.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.RetireRouteResponse(
                route=messages.route(commands.retire_route(conn, route, request.etag, call))
            ),
        )

    async def GetRoute(self, request: pb.GetRouteRequest, call: Call) -> pb.GetRouteResponse:
        moment = request.time.ToDatetime(UTC) if request.HasField("time") else call.now
        found = await self._db.read(lambda conn: store.find_route(conn, ROUTE.id(request.name), moment))
        if found is None:
            raise NotFound(request.name)
        return pb.GetRouteResponse(route=messages.route(found))

    async def ListRoutes(self, request: pb.ListRoutesRequest, call: Call) -> pb.ListRoutesResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.routes_page(conn, request.scope, after, limit),
            position=lambda route: (route.id,),
            message=messages.route,
        )
        return pb.ListRoutesResponse(routes=page.items, next_page_token=page.next_token)

    async def ListRouteRevisions(
        self, request: pb.ListRouteRevisionsRequest, call: Call
    ) -> pb.ListRouteRevisionsResponse:
        route = ROUTE.id(request.name)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.revisions_page(conn, route, after, limit),
            position=lambda route: (route.revision,),
            message=messages.route,
        )
        return pb.ListRouteRevisionsResponse(routes=page.items, next_page_token=page.next_token)
