"""What time alone changes: deadlines that were estimates."""

from __future__ import annotations

from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import Action, Actor
from onegrid_kit.callers import Call
from onegrid_kit.timestamps import timestamp
from onegrid_petition.authority import Standing
from onegrid_petition.commands.steps import Step, decided
from onegrid_petition.petition import Decision, Known, Petition

__all__ = ["recompute_deadline"]


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
