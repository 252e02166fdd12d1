"""The methods on templates."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_notify import queries
from onegrid_notify import template_messages as messages
from onegrid_notify.commands import templates as commands
from onegrid_notify.facts import FACTS, sample
from onegrid_notify.settings import NotifySettings
from onegrid_notify.wording import TEMPLATE, TemplateKey, TemplateVersion

__all__ = ["MessageTemplates"]


class MessageTemplates:
    """The methods on templates."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def PublishTemplate(self, request: pb.PublishTemplateRequest, call: Call) -> bytes:
        id_ = TEMPLATE.id(request.name)
        wording = messages.wording_of(request.wording)
        commands.compiled(id_, wording)
        return await self._db.command(
            call,
            lambda conn: pb.PublishTemplateResponse(
                template=messages.template(commands.publish(conn, id_, wording, request.etag, call))
            ),
        )

    async def DeleteTemplate(self, request: pb.DeleteTemplateRequest, call: Call) -> bytes:
        id_ = TEMPLATE.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.DeleteTemplateResponse(
                template=messages.template(commands.delete(conn, id_, request.etag, call))
            ),
        )

    async def PreviewTemplate(self, request: pb.PreviewTemplateRequest, call: Call) -> pb.PreviewTemplateResponse:
        id_ = TEMPLATE.id(request.name)
        _, key = TemplateKey.parse(id_)
        if request.HasField("wording"):
            wording = messages.wording_of(request.wording)
        else:
            wording = (await self._db.read(lambda conn: queries.template(conn, id_))).effective
        rendered = commands.compiled(id_, wording).render(sample(FACTS[key.event]))
        return pb.PreviewTemplateResponse(message=messages.rendered(rendered))

    async def GetTemplate(self, request: pb.GetTemplateRequest, call: Call) -> pb.GetTemplateResponse:
        found = await self._db.read(lambda conn: queries.template(conn, TEMPLATE.id(request.name)))
        facts = messages.template_facts(FACTS[found.key.event], found.key.language)
        return pb.GetTemplateResponse(template=messages.template(found), facts=facts)

    async def ListTemplates(self, request: pb.ListTemplatesRequest, call: Call) -> pb.ListTemplatesResponse:
        def query(conn: Connection, after: Position, limit: int) -> Sequence[TemplateVersion]:
            return queries.list_templates(conn, request.district, after, limit)

        page = await self._pages.read(
            request,
            query,
            position=lambda each: (each.key.event, each.key.recipient, each.key.language),
            message=messages.template,
        )
        return pb.ListTemplatesResponse(templates=page.items, next_page_token=page.next_token)

    async def ListTemplateVersions(
        self, request: pb.ListTemplateVersionsRequest, call: Call
    ) -> pb.ListTemplateVersionsResponse:
        def query(conn: Connection, after: Position, limit: int) -> Sequence[TemplateVersion]:
            return queries.template_versions(conn, TEMPLATE.id(request.name), after, limit)

        page = await self._pages.read(
            request, query, position=lambda each: (each.version,), message=messages.template_version
        )
        return pb.ListTemplateVersionsResponse(versions=page.items, next_page_token=page.next_token)
