"""The methods on articles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import TypeAlias

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1 import resources_pb2
from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit.callers import Call
from onegrid_kit.paging import Position, Scan
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import Viewer, visible_to
from onegrid_notify import authority, messages, queries
from onegrid_notify.article import ARTICLE, Article, Content, Draft, Version
from onegrid_notify.audience import COLUMN
from onegrid_notify.commands import articles as commands
from onegrid_notify.party import ORGANIZATION
from onegrid_notify.sanitizing import sanitized
from onegrid_notify.settings import NotifySettings

__all__ = ["Articles"]

_Spoken: TypeAlias = tuple[Article, Mapping[str, str]]
"""An article, and what Party organizations are called, by name."""


class Articles:
    """The methods on articles."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def CreateArticle(self, request: pb.CreateArticleRequest, call: Call) -> bytes:
        draft = await _draft(request.draft)
        return await self._change(
            call, pb.CreateArticleResponse, lambda conn: commands.create(conn, request.owner, draft, call)
        )

    async def UpdateArticle(self, request: pb.UpdateArticleRequest, call: Call) -> bytes:
        id_, draft = ARTICLE.id(request.name), await _draft(request.draft)
        return await self._change(
            call, pb.UpdateArticleResponse, lambda conn: commands.update(conn, id_, draft, request.etag, call)
        )

    async def DeleteArticle(self, request: pb.DeleteArticleRequest, call: Call) -> bytes:
        def delete(conn: Connection) -> pb.DeleteArticleResponse:
            commands.delete(conn, ARTICLE.id(request.name), request.etag, call)
            return pb.DeleteArticleResponse()

        return await self._db.command(call, delete)

    async def SubmitArticle(self, request: pb.SubmitArticleRequest, call: Call) -> bytes:
        id_ = ARTICLE.id(request.name)
        return await self._change(
            call, pb.SubmitArticleResponse, lambda conn: commands.submit(conn, id_, request.etag, call)
        )

    async def ReturnArticle(self, request: pb.ReturnArticleRequest, call: Call) -> bytes:
        id_ = ARTICLE.id(request.name)
        return await self._change(
            call,
            pb.ReturnArticleResponse,
            lambda conn: commands.return_(conn, id_, request.reason, request.etag, call),
        )

    async def PublishArticle(self, request: pb.PublishArticleRequest, call: Call) -> bytes:
        id_ = ARTICLE.id(request.name)
        appears = request.publish_time.ToDatetime(UTC) if request.HasField("publish_time") else None
        return await self._change(
            call, pb.PublishArticleResponse, lambda conn: commands.publish(conn, id_, appears, request.etag, call)
        )

    async def CorrectArticle(self, request: pb.CorrectArticleRequest, call: Call) -> bytes:
        correction = commands.Correction(
            content=await _content(request.content, "content"),
            note=request.correction_note,
            unread_again=request.unread_again,
        )
        id_ = ARTICLE.id(request.name)
        return await self._change(
            call, pb.CorrectArticleResponse, lambda conn: commands.correct(conn, id_, correction, request.etag, call)
        )

    async def WithdrawArticle(self, request: pb.WithdrawArticleRequest, call: Call) -> bytes:
        id_ = ARTICLE.id(request.name)
        return await self._change(
            call,
            pb.WithdrawArticleResponse,
            lambda conn: commands.withdraw(conn, id_, request.reason, request.etag, call),
        )

    async def GetArticle(self, request: pb.GetArticleRequest, call: Call) -> pb.GetArticleResponse:
        id_ = ARTICLE.id(request.name)

        def query(conn: Connection) -> pb.GetArticleResponse:
            article = queries.article_for(conn, id_, call)
            return pb.GetArticleResponse(article=_rendered(article, queries.speakers_of(conn, [article]), call))

        return await self._db.read(query)

    async def ListArticles(self, request: pb.ListArticlesRequest, call: Call) -> pb.ListArticlesResponse:
        def query(conn: Connection, after: Position, limit: int) -> list[_Spoken]:
            return _spoken(conn, queries.list_articles(conn, COLUMN.id(request.column), call, after, limit))

        page = await self._pages.read(
            request,
            query,
            position=lambda row: (row[0].draft.pinned, row[0].publish_time or row[0].create_time, row[0].id),
            message=lambda row: _rendered(*row, call),
        )
        return pb.ListArticlesResponse(articles=page.items, next_page_token=page.next_token)

    async def ListOrganizationArticles(
        self, request: pb.ListOrganizationArticlesRequest, call: Call
    ) -> pb.ListOrganizationArticlesResponse:
        def query(conn: Connection, after: Position, limit: int) -> Scan[_Spoken]:
            organization = ORGANIZATION.id(request.organization)
            scan = queries.list_of_organization(conn, organization, call, after, limit)
            return Scan(_spoken(conn, scan.rows), scan.reached)

        page = await self._pages.read(
            request,
            query,
            position=lambda row: (row[0].publish_time or row[0].create_time, row[0].id),
            message=lambda row: _rendered(*row, call),
        )
        return pb.ListOrganizationArticlesResponse(articles=page.items, next_page_token=page.next_token)

    async def ListOwnedArticles(self, request: pb.ListOwnedArticlesRequest, call: Call) -> pb.ListOwnedArticlesResponse:
        def query(conn: Connection, after: Position, limit: int) -> list[_Spoken]:
            return _spoken(conn, queries.list_owned(conn, request.owner, request.states, call, after, limit))

        page = await self._pages.read(
            request,
            query,
            position=lambda row: (row[0].update_time, row[0].id),
            message=lambda row: _rendered(*row, call),
        )
        return pb.ListOwnedArticlesResponse(articles=page.items, next_page_token=page.next_token)

    async def ListArticleVersions(
        self, request: pb.ListArticleVersionsRequest, call: Call
    ) -> pb.ListArticleVersionsResponse:
        def query(conn: Connection, after: Position, limit: int) -> list[Version]:
            return queries.list_versions(conn, ARTICLE.id(request.article), call, after, limit)

        page = await self._pages.read(
            request, query, position=lambda version: (version.number,), message=messages.version
        )
        return pb.ListArticleVersionsResponse(versions=page.items, next_page_token=page.next_token)

    async def _change(
        self, call: Call, response: Callable[..., Message], change: Callable[[Connection], Article]
    ) -> bytes:
        def changed(conn: Connection) -> Message:
            article = change(conn)
            return response(article=_rendered(article, queries.speakers_of(conn, [article]), call))

        return await self._db.command(call, changed)


def _spoken(conn: Connection, articles: Sequence[Article]) -> list[_Spoken]:
    speakers = queries.speakers_of(conn, articles)
    return [(each, speakers) for each in articles]


async def _draft(message: pb.DraftArticle) -> Draft:
    return messages.draft_of(message, await _content(message.content, "draft.content"))


async def _content(message: resources_pb2.Content, field: str) -> Content:
    # In a thread: a long text takes longer than other calls should wait.
    body_html = await asyncio.to_thread(sanitized, message.body_html, f"{field}.body_html")
    return messages.content_of(message, body_html)


def _rendered(article: Article, speakers: Mapping[str, str], call: Call) -> resources_pb2.Article:
    """The article as the caller may see it; `speakers`: what Party organizations are called, by name."""
    office = authority.is_office(call.caller, article)
    if article.stored_state == ArticleState.ARTICLE_STATE_WITHDRAWN and not office:
        article = article.without_text()
    return visible_to(Viewer(office=office), messages.article(article, article.state_at(call.now), speakers))
