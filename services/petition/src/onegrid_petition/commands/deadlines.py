"""What time alone changes: deadlines that were estimates."""

from __future__ import annotations

from functools import partial

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection

from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import Action, Actor
from onegrid_kit.callers import Call
from onegrid_kit.timestamps import timestamp
from onegrid_petition import store
from onegrid_petition.authority import Standing
from onegrid_petition.commands.steps import Step, record

__all__ = ["recompute_deadlines"]


def recompute_deadlines(conn: Connection, call: Call) -> None:
    """Compute estimated deadlines again, as the calendar is known now, and announce those that change."""
    for candidate in store.petitions_with_estimates(conn):
        if candidate.with_deadline() == candidate:
            continue
        before = store.lock_petition(conn, candidate.id)
        if before is None or before.ended:
            continue
        after = before.with_deadline()
        if after.conclude_due_time == before.conclude_due_time:
            store.save_petition(conn, before, after)
            continue
        record(
            conn,
            call,
            before,
            after,
            Step(Action.ACTION_RESCHEDULE, Standing(Actor.ACTOR_SYSTEM, "")),
            partial(_rescheduled, due=timestamp(after.conclude_due_time)),
        )


def _rescheduled(step: events_pb2.Step, due: Timestamp | None) -> events_pb2.PetitionRescheduled:
    return events_pb2.PetitionRescheduled(step=step, conclude_due_time=due)
