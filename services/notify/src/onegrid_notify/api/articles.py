"""The methods on articles."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify.settings import NotifySettings

__all__ = ["Articles"]


class Articles:
    """The methods on articles."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db

    async def CreateArticle(self, request: pb.CreateArticleRequest, call: Call) -> pb.CreateArticleResponse:
        raise NotImplementedError

    async def UpdateArticle(self, request: pb.UpdateArticleRequest, call: Call) -> pb.UpdateArticleResponse:
        raise NotImplementedError

    async def SubmitArticle(self, request: pb.SubmitArticleRequest, call: Call) -> pb.SubmitArticleResponse:
        raise NotImplementedError

    async def ReturnArticle(self, request: pb.ReturnArticleRequest, call: Call) -> pb.ReturnArticleResponse:
        raise NotImplementedError

    async def PublishArticle(self, request: pb.PublishArticleRequest, call: Call) -> pb.PublishArticleResponse:
        raise NotImplementedError

    async def CorrectArticle(self, request: pb.CorrectArticleRequest, call: Call) -> pb.CorrectArticleResponse:
        raise NotImplementedError

    async def WithdrawArticle(self, request: pb.WithdrawArticleRequest, call: Call) -> pb.WithdrawArticleResponse:
        raise NotImplementedError

    async def GetArticle(self, request: pb.GetArticleRequest, call: Call) -> pb.GetArticleResponse:
        raise NotImplementedError

    async def ListArticles(self, request: pb.ListArticlesRequest, call: Call) -> pb.ListArticlesResponse:
        raise NotImplementedError

    async def ListOwnedArticles(self, request: pb.ListOwnedArticlesRequest, call: Call) -> pb.ListOwnedArticlesResponse:
        raise NotImplementedError

    async def ListArticleVersions(
        self, request: pb.ListArticleVersionsRequest, call: Call
    ) -> pb.ListArticleVersionsResponse:
        raise NotImplementedError
