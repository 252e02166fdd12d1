"""What members complete: stored, and announced. Everything that a member completes goes this way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.events_pb2 import StudyCompleted
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.persons import require_nobody
from onegrid_partyedu import completion_messages
from onegrid_partyedu.authority import require_member
from onegrid_partyedu.commands.looking import look_at_quizzes
from onegrid_partyedu.completion import TRAINING, Completion, Training
from onegrid_partyedu.errors import MemberWrongState
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.store import completions as store
from onegrid_partyedu.store import trainings
from onegrid_partyedu.store.known import known_cells

__all__ = ["RecordCompletion", "complete", "define_training", "record_completion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCompletion:
    """Who completed which training."""

    member: str
    training: str
    complete_time: datetime
    percent: int | None


def complete(conn: Connection, completions: Collection[Completion], call: Call) -> None:
    """Record what members completed, and announce what is new, or better or earlier than before."""
    added = store.add_completions(conn, completions)
    passed = [(each.member, each.subject) for each in added if each.kind == CompletionKind.COMPLETION_KIND_QUIZ]
    look_at_quizzes(conn, passed, call.now)
    outbox.append(
        conn,
        call,
        [(MEMBER.name(each.member), StudyCompleted(completion=completion_messages.completion(each))) for each in added],
    )


def define_training(conn: Connection, training: Training) -> Training:
    """Enter a training, or make it what it is to be. Raises PersonInText."""
    require_nobody(partial(known_cells, conn), **{"training.display_name": training.display_name})
    return trainings.save_training(conn, training)


def record_completion(conn: Connection, command: RecordCompletion, call: Call) -> Completion:
    """Record that a member completed a training. Raises PermissionDenied, NotFound, MemberWrongState or
    InvalidRequest.
    """
    member = require_member(conn, command.member, call)
    if command.complete_time > call.now + CLOCKS_DIFFER:
        raise InvalidRequest(FieldViolation("complete_time", "is ahead"))
    if codes.district_of(command.training) != member.district:
        raise InvalidRequest(FieldViolation("training", "is of another district"))
    training = trainings.find_trainings(conn, [command.training]).get(command.training)
    if training is None:
        raise NotFound(TRAINING.name(command.training))
    if member.end_time is not None and member.end_time < command.complete_time:
        raise MemberWrongState(member.name, member.state_name)
    completed = Completion(
        member=member.id,
        subject=training.name,
        kind=CompletionKind.COMPLETION_KIND_TRAINING,
        minutes=training.minutes,
        percent=command.percent,
        complete_time=command.complete_time,
    )
    complete(conn, [completed], call)
    stored = store.find_completion(conn, completed)
    if stored is None:
        raise LookupError(f"{completed} was not stored")
    return stored
