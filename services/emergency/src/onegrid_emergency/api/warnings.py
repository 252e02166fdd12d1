"""The methods on warnings, and on the messages and sources that they come from."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from onegrid.emergency.v1 import warnings_pb2 as pb
from onegrid.emergency.v1.warnings_pb2 import CapScope, CapStatus
from onegrid_emergency import warning_texts as texts
from onegrid_emergency.cap.warning import MESSAGE, WARNING, Warning
from onegrid_emergency.commands import warnings as commands
from onegrid_emergency.profile import profile_of
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import warning_messages as messages
from onegrid_emergency.store import warnings as store
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.runtime import Runtime

__all__ = ["Warnings"]

_REPLIES: Final = 100


class Warnings:
    """The methods on warnings, and on the messages and sources that they come from."""

    def __init__(self, runtime: Runtime[EmergencySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._settings = runtime.settings

    async def DefineWarningSource(self, request: pb.DefineWarningSourceRequest, call: Call) -> bytes:
        wanted = texts.source_of(request.source, call.now)
        profile = profile_of(self._settings, wanted.district)

        def define(conn: Connection) -> pb.DefineWarningSourceResponse:
            found = commands.define_source(conn, wanted, profile, request.etag, call)
            return pb.DefineWarningSourceResponse(source=texts.source(found))

        return await self._db.command(call, define)

    async def ListWarningSources(
        self, request: pb.ListWarningSourcesRequest, call: Call
    ) -> pb.ListWarningSourcesResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: messages.sources_page(conn, request.district, after, limit),
            position=lambda each: (each.id,),
            message=texts.source,
        )
        return pb.ListWarningSourcesResponse(sources=page.items, next_page_token=page.next_token)

    async def ReceiveWarning(self, request: pb.ReceiveWarningRequest, call: Call) -> bytes:
        profile = profile_of(self._settings, request.district)

        def receive(conn: Connection) -> pb.ReceiveWarningResponse:
            message, reply = commands.receive(conn, request.document, profile, call)
            answer = texts.message(message)
            answer.ClearField("document")
            return pb.ReceiveWarningResponse(message=answer, reply=reply)

        with commands.counting():
            return await self._db.command(call, receive)

    async def GetWarning(self, request: pb.GetWarningRequest, call: Call) -> pb.GetWarningResponse:
        id_ = WARNING.id(request.name)
        found = await self._db.read(lambda conn: _with_replies(conn, commands.require_warning(conn, id_)))
        return pb.GetWarningResponse(warning=found)

    async def ListWarnings(self, request: pb.ListWarningsRequest, call: Call) -> pb.ListWarningsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.warnings_page(conn, request.district, request.states, after, limit),
            position=lambda each: (each.sent_time, each.id),
            message=texts.warning,
        )
        return pb.ListWarningsResponse(warnings=page.items, next_page_token=page.next_token)

    async def GetWarningMessage(self, request: pb.GetWarningMessageRequest, call: Call) -> pb.GetWarningMessageResponse:
        found = await self._db.read(lambda conn: messages.find_message(conn, MESSAGE.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetWarningMessageResponse(message=texts.message(found))

    async def ListWarningMessages(
        self, request: pb.ListWarningMessagesRequest, call: Call
    ) -> pb.ListWarningMessagesResponse:
        warning = WARNING.id(request.warning) if request.warning else ""
        page = await self._pages.read(
            request,
            lambda conn, after, limit: messages.messages_page(
                conn, request.district, request.held, warning, after, limit
            ),
            position=lambda each: (each.link.key.sent, each.id),
            message=texts.message,
        )
        return pb.ListWarningMessagesResponse(messages=page.items, next_page_token=page.next_token)

    async def IssueWarning(self, request: pb.IssueWarningRequest, call: Call) -> bytes:
        what = commands.Issue(
            say=texts.say_of(request.content),
            status=request.status or CapStatus.CAP_STATUS_ACTUAL,
            scope=request.scope or CapScope.CAP_SCOPE_PUBLIC,
            restriction=request.restriction,
            addresses=request.addresses,
            note=request.note,
        )
        profile = profile_of(self._settings, request.district)
        return await self._db.command(
            call,
            lambda conn: pb.IssueWarningResponse(warning=texts.warning(commands.issue(conn, what, profile, call))),
        )

    async def UpdateWarning(self, request: pb.UpdateWarningRequest, call: Call) -> bytes:
        id_, say = WARNING.id(request.name), texts.say_of(request.content)
        profile = profile_of(self._settings, codes.district_of(id_))

        def update(conn: Connection) -> pb.UpdateWarningResponse:
            found = commands.update(conn, id_, say, request.note, request.etag, profile, call)
            return pb.UpdateWarningResponse(warning=_with_replies(conn, found))

        return await self._db.command(call, update)

    async def CancelWarning(self, request: pb.CancelWarningRequest, call: Call) -> bytes:
        id_ = WARNING.id(request.name)
        profile = profile_of(self._settings, codes.district_of(id_))

        def cancel(conn: Connection) -> pb.CancelWarningResponse:
            found = commands.cancel(conn, id_, request.note, request.etag, profile, call)
            return pb.CancelWarningResponse(warning=_with_replies(conn, found))

        return await self._db.command(call, cancel)


def _with_replies(conn: Connection, found: Warning) -> pb.Warning:
    replies = messages.messages_by_id(conn, found.district, found.replies[:_REPLIES])
    return texts.warning(found, [replies[id_] for id_ in found.replies[:_REPLIES]])
