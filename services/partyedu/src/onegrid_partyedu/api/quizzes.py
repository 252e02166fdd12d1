"""The methods on quizzes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Connection

from onegrid.partyedu.v1 import quiz_methods_pb2 as pb
from onegrid.partyedu.v1 import quizzes_pb2
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.visibility import Viewer, visible_to
from onegrid_partyedu import quiz_messages as messages
from onegrid_partyedu.authority import require_quiz
from onegrid_partyedu.commands import quizzes as commands
from onegrid_partyedu.quiz import QUIZ, Quiz
from onegrid_partyedu.store import quizzes as store

__all__ = ["Quizzes"]

_Verb: TypeAlias = Callable[[Connection, str, str, Call], Quiz]


class Quizzes:
    """The methods on quizzes."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineQuiz(self, request: pb.DefineQuizRequest, call: Call) -> bytes:
        asked = messages.quiz_revision(request.quiz, call.now)
        return await self._db.command(
            call,
            lambda conn: pb.DefineQuizResponse(
                quiz=messages.quiz(commands.define_quiz(conn, asked, request.quiz.etag, call))
            ),
        )

    async def PublishQuiz(self, request: pb.PublishQuizRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.PublishQuizResponse(quiz=_done(commands.publish_quiz, conn, request, call)),
        )

    async def CloseQuiz(self, request: pb.CloseQuizRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.CloseQuizResponse(quiz=_done(commands.close_quiz, conn, request, call)),
        )

    async def RetireQuiz(self, request: pb.RetireQuizRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.RetireQuizResponse(quiz=_done(commands.retire_quiz, conn, request, call)),
        )

    async def GetQuiz(self, request: pb.GetQuizRequest, call: Call) -> pb.GetQuizResponse:
        id_ = QUIZ.id(request.name)
        found, office = await self._db.read(lambda conn: require_quiz(conn, id_, request.revision, call))
        return pb.GetQuizResponse(quiz=visible_to(Viewer(office=office), messages.quiz(found)))

    async def ListQuizzes(self, request: pb.ListQuizzesRequest, _: Call) -> pb.ListQuizzesResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.quizzes_page(conn, request.scope, request.state, after, limit),
            position=lambda each: (each.id,),
            message=messages.quiz,
        )
        return pb.ListQuizzesResponse(quizzes=page.items, next_page_token=page.next_token)

    async def ListQuizRevisions(self, request: pb.ListQuizRevisionsRequest, _: Call) -> pb.ListQuizRevisionsResponse:
        id_ = QUIZ.id(request.quiz)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.revisions_page(conn, id_, after, limit),
            position=lambda each: (each.revision.number,),
            message=messages.quiz,
        )
        return pb.ListQuizRevisionsResponse(quizzes=page.items, next_page_token=page.next_token)


def _done(
    verb: _Verb,
    conn: Connection,
    request: pb.PublishQuizRequest | pb.CloseQuizRequest | pb.RetireQuizRequest,
    call: Call,
) -> quizzes_pb2.Quiz:
    return messages.quiz(verb(conn, QUIZ.id(request.name), request.etag, call))
