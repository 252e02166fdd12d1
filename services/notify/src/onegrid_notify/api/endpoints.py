"""The methods on offices' endpoints."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages
from onegrid_notify.commands import endpoints as commands
from onegrid_notify.commands.endpoints import DefineEndpoint
from onegrid_notify.endpoint import ENDPOINT, host_of, require_secret, seal_secret, seal_url
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store import endpoints as store

__all__ = ["Endpoints"]


class Endpoints:
    """The methods on offices' endpoints."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def DefineEndpoint(self, request: pb.DefineEndpointRequest, call: Call) -> bytes:
        has_url, has_secret = request.HasField("url"), request.HasField("secret")
        if has_secret:
            require_secret(request.channel, request.secret)
        command = DefineEndpoint(
            id=ENDPOINT.id(request.name),
            channel=request.channel,
            display_name=request.display_name,
            topics=tuple(request.topics),
            disabled=request.disabled,
            sealed_url=seal_url(request.url, self._cipher) if has_url else None,
            host=host_of(request.url) if has_url else "",
            sealed_secret=seal_secret(request.secret, self._cipher),
            keeps_secret=not has_secret,
            etag=request.etag,
        )
        return await self._db.command(
            call,
            lambda conn: pb.DefineEndpointResponse(endpoint=messages.endpoint(commands.define(conn, command, call))),
        )

    async def ListEndpoints(self, request: pb.ListEndpointsRequest, call: Call) -> pb.ListEndpointsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.endpoints_page(conn, request.office, after, limit),
            position=lambda endpoint: (endpoint.id,),
            message=messages.endpoint,
        )
        return pb.ListEndpointsResponse(endpoints=page.items, next_page_token=page.next_token)

    async def DeleteEndpoint(self, request: pb.DeleteEndpointRequest, call: Call) -> bytes:
        def delete(conn: Connection) -> pb.DeleteEndpointResponse:
            commands.delete(conn, request.name)
            return pb.DeleteEndpointResponse()

        return await self._db.command(call, delete)
