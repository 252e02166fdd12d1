"""The methods on requests for counselling and legal aid."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied
from onegrid_kit.runtime import Runtime
from onegrid_notify.aid import AID_REQUEST, TEXT_PURPOSE
from onegrid_notify.commands import aid as commands
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store import aid as store

__all__ = ["AidRequests"]


class AidRequests:
    """The methods on requests for counselling and legal aid."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def RequestAid(self, request: pb.RequestAidRequest, call: Call) -> bytes:
        command = commands.RequestAid(
            kind=request.kind,
            text=request.text,
            sealed_text=self._cipher.encrypt(request.text, TEXT_PURPOSE),
            place=request.place,
            anonymous=request.anonymous,
        )
        return await self._db.command(
            call,
            lambda conn: pb.RequestAidResponse(
                aid_request=commands.request_aid(conn, command, call).message(self._cipher)
            ),
        )

    async def GetAidRequest(self, request: pb.GetAidRequestRequest, call: Call) -> pb.GetAidRequestResponse:
        found = await self._db.read(lambda conn: store.find_request(conn, AID_REQUEST.id(request.name)))
        if found is None or not call.caller.may_own(call.permission, found.user):
            raise PermissionDenied(call.permission)
        return pb.GetAidRequestResponse(aid_request=found.message(self._cipher))

    async def ListAidRequests(self, request: pb.ListAidRequestsRequest, call: Call) -> pb.ListAidRequestsResponse:
        call.caller.require(call.permission, owner=request.user)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.requests_page(conn, request.user, after, limit),
            position=lambda each: (each.create_time, each.id),
            message=lambda each: each.message(self._cipher),
        )
        return pb.ListAidRequestsResponse(aid_requests=page.items, next_page_token=page.next_token)
