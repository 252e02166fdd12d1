"""The methods on trainings, and on what members completed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid.partyedu.v1 import completion_methods_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.timestamps import moment
from onegrid_partyedu import completion_messages as messages
from onegrid_partyedu.authority import require_member
from onegrid_partyedu.commands import completing as commands
from onegrid_partyedu.completion import TRAINING, Completion, Training
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.store import completions, trainings

__all__ = ["Completions"]


class Completions:
    """The methods on trainings, and on what members completed."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineTraining(self, request: pb.DefineTrainingRequest, call: Call) -> bytes:
        wanted = request.training
        training = Training(
            id=TRAINING.id(wanted.name),
            display_name=wanted.display_name,
            minutes=wanted.minutes,
            create_time=call.now,
            update_time=call.now,
        )
        return await self._db.command(
            call,
            lambda conn: pb.DefineTrainingResponse(
                training=messages.training(commands.define_training(conn, training))
            ),
        )

    async def ListTrainings(self, request: pb.ListTrainingsRequest, _: Call) -> pb.ListTrainingsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: trainings.trainings_page(conn, request.scope, after, limit),
            position=lambda each: (each.id,),
            message=messages.training,
        )
        return pb.ListTrainingsResponse(trainings=page.items, next_page_token=page.next_token)

    async def RecordCompletion(self, request: pb.RecordCompletionRequest, call: Call) -> bytes:
        command = commands.RecordCompletion(
            member=MEMBER.id(request.member),
            training=TRAINING.id(request.training),
            complete_time=moment(request.complete_time),
            percent=request.percent if request.HasField("percent") else None,
        )
        return await self._db.command(
            call,
            lambda conn: pb.RecordCompletionResponse(
                completion=messages.completion(commands.record_completion(conn, command, call))
            ),
        )

    async def ListCompletions(self, request: pb.ListCompletionsRequest, call: Call) -> pb.ListCompletionsResponse:
        def read(conn: Connection, after: Position, limit: int) -> Sequence[Completion]:
            member = require_member(conn, MEMBER.id(request.member), call)
            return completions.completions_page(conn, member.id, request.year, after, limit)

        page = await self._pages.read(
            request,
            read,
            position=lambda each: (each.complete_time, each.subject),
            message=messages.completion,
        )
        return pb.ListCompletionsResponse(completions=page.items, next_page_token=page.next_token)
