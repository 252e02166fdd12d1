"""What time alone does: it corrects deadlines that were estimates, and has offices reminded of those that come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import Action, Actor
from onegrid_kit import outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.ladder import Climb, Next
from onegrid_kit.timestamps import timestamp
from onegrid_petition import messages, store
from onegrid_petition.authority import Standing
from onegrid_petition.commands.steps import Step, decided
from onegrid_petition.deadlines import Notice
from onegrid_petition.petition import PETITION, Decision, Known, Petition

__all__ = ["announce_deadlines", "recompute_deadline", "set_clocks"]

_SET_AT_ONCE = 5_000


def recompute_deadline(petition: Petition, call: Call) -> Decision | None:
    """Compute an estimated deadline again, as the calendar is known now; None if it stays the same."""
    after = petition.with_deadline()
    if after.conclude_due_time == petition.conclude_due_time:
        return None
    due = timestamp(after.conclude_due_time)
    return decided(
        Known(petition),
        call,
        after,
        Step(Action.ACTION_RESCHEDULE, Standing(Actor.ACTOR_SYSTEM, "")),
        lambda step: events_pb2.PetitionRescheduled(step=step, conclude_due_time=due),
    )


def announce_deadlines(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
    """Announce of petitions that they are due soon, or overdue."""
    petitions = store.petitions_by_id(conn, [PETITION.id(climb.subject) for climb in climbs])
    events: list[tuple[str, Message]] = []
    answers: list[Next | None] = []
    for climb in climbs:
        petition = petitions.get(PETITION.id(climb.subject))
        due = None if petition is None else petition.running_due_time
        if petition is None or due is None:
            # A release that knows of no reminders has ended it.
            answers.append(None)
        elif now < Notice(climb.rung).time(due):
            # Such a release has given it more time.
            answers.append(Next(Notice.NEARED.time(due), Notice.NEARED))
        elif climb.rung == Notice.MISSED:
            events.append((petition.name, _event(events_pb2.PetitionDeadlineMissed, petition, due, now)))
            answers.append(None)
        else:
            if now < due:
                events.append((petition.name, _event(events_pb2.PetitionDeadlineNeared, petition, due, now)))
            answers.append(Next(due, Notice.MISSED))
    outbox.append(conn, Call(caller=ANONYMOUS, now=now, method="announce deadlines"), events)
    return answers


def set_clocks(conn: Connection, _: datetime) -> None:
    """Have offices reminded of the due times that older releases set: those from before an upgrade, and what their apis
    still do.
    """
    store.set_clocks(conn, _SET_AT_ONCE)


def _event(
    of: type[events_pb2.PetitionDeadlineNeared | events_pb2.PetitionDeadlineMissed],
    petition: Petition,
    due: datetime,
    now: datetime,
) -> Message:
    step = messages.step(petition, Actor.ACTOR_SYSTEM)
    step.time.FromDatetime(now)
    return of(step=step, due_time=timestamp(due), responsible=petition.responsible)
