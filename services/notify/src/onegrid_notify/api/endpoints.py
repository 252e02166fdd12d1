"""The methods on offices' endpoints."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.lifecycle import short_name
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages, providers
from onegrid_notify.commands import endpoints as commands
from onegrid_notify.commands.endpoints import DefineEndpoint
from onegrid_notify.endpoint import ENDPOINT, host_of, require_secret, seal_secret, seal_url
from onegrid_notify.providers import Robot, ToAnyone
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store import endpoints as store

__all__ = ["Endpoints"]


class Endpoints:
    """The methods on offices' endpoints."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher
        self._providers = providers.parse(runtime.settings.providers)

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
            host=self._host(request) if has_url else "",
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

    def _host(self, request: pb.DefineEndpointRequest) -> str:
        """The host of its url, if the channel's providers send there. Raises InvalidRequest."""
        district, channel = (
            codes.district_of(codes.office_of(ENDPOINT.id(request.name))),
            short_name(Channel, request.channel),
        )
        used = [
            each
            for each in self._providers
            if isinstance(each, ToAnyone) and each.channel == channel and district in (each.districts or (district,))
        ]
        return host_of(
            request.url,
            plain=any(each.allow_private for each in used),
            hosts={host for each in used if isinstance(each, Robot) for host in each.hosts},
        )
