"""The methods on attempts."""

from __future__ import annotations

import asyncio
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.partyedu.v1 import attempt_methods_pb2 as pb
from onegrid.partyedu.v1.events_pb2 import AttemptStarted
from onegrid_kit import codes
from onegrid_kit.batches import Item, VersionChanged
from onegrid_kit.callers import Call
from onegrid_kit.errors import Conflict
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu import attempt_messages as messages
from onegrid_partyedu.attempt import ATTEMPT, Attempt, Form, Grant, Save, Start, Taken, replay
from onegrid_partyedu.authority import require_attempt, require_member
from onegrid_partyedu.commands import attempts as commands
from onegrid_partyedu.member import ME, MEMBER
from onegrid_partyedu.quiz import QUIZ
from onegrid_partyedu.shelf import Kept, Shelf
from onegrid_partyedu.store import attempt_statements as statements
from onegrid_partyedu.store import attempts as store
from onegrid_partyedu.store import pools, quizzes

__all__ = ["Attempts"]

_MOST_FORMS: Final = 20_000
"""Of so many attempts a process remembers whose they are: more than an exam of the whole district has."""
_PATIENCE_S: Final = 5.0
"""How long an answer that others were in the way of is tried again."""
_PAUSE_S: Final = 0.005


class Attempts:
    """The methods on attempts."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        db = runtime.db
        self._db = db
        self._pages = runtime.pages
        self._shelf = Shelf(db)
        self._known_forms: Kept[str, Form] = Kept(_MOST_FORMS)
        self._reads = db.reads(statements.attempts, name="attempt")
        self._saves = db.batched(statements.save_answers, name="save_answer", pace_s=0.005)
        # An exam's attempts begin, and become known, at other times than they end.
        loads, stores = db.dedicated_connection(), db.dedicated_connection()
        self._forms = db.reads(statements.forms, name="attempt_form", over=loads)
        self._starts = db.versioned(
            statements.known_starts, statements.begin_attempts, name="attempt_start", load_over=loads, store_over=stores
        )
        self._ends = db.versioned(
            statements.known_attempts, statements.end_attempts, name="attempt_end", load_over=loads, store_over=stores
        )
        self._repeats = db.batched(statements.note_repeats, name="attempt_repeat", over=stores)

    async def StartAttempt(self, request: pb.StartAttemptRequest, call: Call) -> bytes:
        id_ = QUIZ.id(request.quiz)
        key = {"district": codes.district_of(id_), "quiz": id_, "user_name": call.caller.user}

        def begin(known: Start) -> Item:
            begun = commands.begin(known, id_, self._shelf, call)
            row = statements.begun_row(begun.attempt, begun.paper, begun.grant)
            answer = _started(begun.attempt, call)
            return Item(call, row, AttemptStarted(attempt=answer.attempt), answer)

        try:
            return await self._shelf.reading(lambda: self._starts.run(call, begin, **key))
        except commands.NothingToDo as open_:
            return await self._repeat(call, _started(open_.attempt, call))

    async def SaveAnswer(self, request: pb.SaveAnswerRequest, call: Call) -> bytes:
        id_ = ATTEMPT.id(request.name)
        command = commands.SaveAnswer(
            attempt=id_, slot=request.slot, sequence=request.sequence, answer=tuple(request.answer)
        )
        save = commands.fitting_save(await self._form(id_, call), command, call)
        item = Item(call, statements.saved_row(id_, call.caller.user, save), None, _saved(save))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_S
        while True:
            try:
                return await self._saves.run(item)
            except VersionChanged:
                before = commands.require_saved(await self._reads.read(call, **_key(id_)), id_, save, call)
            if before is not None:
                return await self._repeat(call, _saved(before))
            if loop.time() > deadline:
                raise Conflict
            await asyncio.sleep(_PAUSE_S)

    async def SubmitAttempt(self, request: pb.SubmitAttemptRequest, call: Call) -> bytes:
        id_ = ATTEMPT.id(request.name)

        def submit(known: Taken | None) -> Item:
            after = commands.submit(known, id_, self._shelf, call)
            return Item(call, statements.ended_row(after), None, _submitted(after, call), subject=after.name)

        try:
            return await self._shelf.reading(lambda: self._ends.run(call, submit, **_key(id_)))
        except commands.NothingToDo as ended:
            return await self._repeat(call, _submitted(ended.attempt, call))

    async def GetAttempt(self, request: pb.GetAttemptRequest, call: Call) -> pb.GetAttemptResponse:
        id_ = ATTEMPT.id(request.name)
        taken = call.existing(await self._reads.read(call, **_key(id_)), ATTEMPT, id_)
        attempt = require_attempt(taken.attempt, id_, call)

        async def render() -> pb.GetAttemptResponse:
            quiz = self._shelf.quiz(attempt.quiz, attempt.quiz_revision)
            return pb.GetAttemptResponse(
                attempt=messages.attempt(attempt, call.now),
                paper=messages.paper(taken, self._shelf.items(taken.items), quiz, call.now),
                time_left=messages.time_left(attempt, call.now),
            )

        return await self._shelf.reading(render)

    async def ListAttempts(self, request: pb.ListAttemptsRequest, call: Call) -> pb.ListAttemptsResponse:
        quiz = QUIZ.id(request.quiz)
        member = MEMBER.id(request.member) if request.member else ""
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.attempts_page(
                conn, codes.district_of(quiz), after, limit, quiz=quiz, member=member
            ),
            position=lambda attempt: (attempt.id,),
            message=lambda attempt: messages.attempt(attempt, call.now),
        )
        return pb.ListAttemptsResponse(attempts=page.items, next_page_token=page.next_token)

    async def ListOwnAttempts(self, request: pb.ListOwnAttemptsRequest, call: Call) -> pb.ListOwnAttemptsResponse:
        quiz = QUIZ.id(request.quiz) if request.quiz else ""
        member = await self._db.read(lambda conn: require_member(conn, ME, call))
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.attempts_page(
                conn, member.district, after, limit, quiz=quiz, member=member.id
            ),
            position=lambda attempt: (attempt.id,),
            message=lambda attempt: messages.attempt(attempt, call.now),
        )
        return pb.ListOwnAttemptsResponse(attempts=page.items, next_page_token=page.next_token)

    async def GetEvidence(self, request: pb.GetEvidenceRequest, call: Call) -> pb.GetEvidenceResponse:
        id_ = ATTEMPT.id(request.name)

        def read(conn: Connection) -> pb.GetEvidenceResponse:
            attempt = require_attempt(store.find_attempt(conn, id_), id_, call, own=False)
            quiz = quizzes.find_quiz(conn, attempt.quiz, attempt.quiz_revision)
            paper = store.find_paper(conn, id_)
            if quiz is None or paper is None:
                raise LookupError(f"{request.name} has lost its paper")
            items = pools.item_revisions(conn, paper.items)
            saves = store.all_saves(conn, id_)
            replayed = replay(paper, items, saves, quiz.revision)
            evidence = messages.evidence(attempt, paper, items, saves, quiz.revision, replayed, call.now)
            return pb.GetEvidenceResponse(evidence=evidence)

        return await self._db.read(read)

    async def SetAccommodation(self, request: pb.SetAccommodationRequest, call: Call) -> bytes:
        quiz, member = QUIZ.id(request.quiz), MEMBER.id(request.member)
        grant = Grant(request.extra_minutes, request.extra_attempts)
        return await self._db.command(
            call,
            lambda conn: pb.SetAccommodationResponse(
                accommodation=messages.accommodation(commands.set_accommodation(conn, quiz, member, grant, call))
            ),
        )

    async def ListAccommodations(
        self, request: pb.ListAccommodationsRequest, call: Call
    ) -> pb.ListAccommodationsResponse:
        quiz = QUIZ.id(request.quiz)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.granted_page(conn, quiz, after, limit),
            position=lambda granted: (granted.member,),
            message=messages.accommodation,
        )
        return pb.ListAccommodationsResponse(accommodations=page.items, next_page_token=page.next_token)

    async def _form(self, id_: str, call: Call) -> Form | None:
        form = self._known_forms.get(id_)
        # Another account can be the member's by now.
        if form is None or form.user != call.caller.user:
            form = await self._forms.read(call, **_key(id_))
            if form is not None:
                self._known_forms.keep(id_, form)
        return form

    async def _repeat(self, call: Call, response: Message) -> bytes:
        """Answer a command that has nothing left to do."""
        return await self._repeats.run(Item(call, {"repeats": True}, None, response))


def _key(id_: str) -> dict[str, object]:
    return {"district": codes.district_of(id_), "id": id_}


def _started(attempt: Attempt, call: Call) -> pb.StartAttemptResponse:
    return pb.StartAttemptResponse(attempt=messages.attempt(attempt, call.now))


def _saved(save: Save) -> pb.SaveAnswerResponse:
    return pb.SaveAnswerResponse(save_time=timestamp(save.time))


def _submitted(attempt: Attempt, call: Call) -> pb.SubmitAttemptResponse:
    return pb.SubmitAttemptResponse(attempt=messages.attempt(attempt, call.now))
