"""What the steps of a petition have in common: the petition as it is, and what follows from a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from google.protobuf.message import Message

from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import Action
from onegrid_kit.callers import Call
from onegrid_kit.errors import PermissionDenied
from onegrid_kit.etags import require_fresh
from onegrid_kit.incidents import Incident
from onegrid_petition import authority, messages
from onegrid_petition.authority import Standing
from onegrid_petition.petition import PETITION, Decision, Entry, Known, Petition, first_asked

__all__ = ["OnPetition", "Step", "current", "decided"]


@dataclass(frozen=True, slots=True)
class Step:
    """What a step adds to the timeline beside the petition's state."""

    action: Action
    who: Standing
    assignees: tuple[str, ...] = ()
    public_note: str = ""
    internal_note: str = ""
    stars: int = 0
    incident: Incident | None = None


class OnPetition(Protocol):
    """A command on one petition."""

    @property
    def petition(self) -> str:
        """The petition's id."""

    @property
    def etag(self) -> str:
        """The version that it is meant for; empty for any."""


def current(known: Known, command: OnPetition, call: Call) -> Petition:
    """The petition. Raises StaleEtag, and NotFound or PermissionDenied."""
    petition = call.existing(known.petition, PETITION, command.petition)
    if command.etag and not authority.may_see(call, petition):
        # Whether an etag is current is only for those who may see the petition.
        raise PermissionDenied(call.permission)
    require_fresh(petition.name, petition.etag, command.etag)
    return petition


def decided(
    known: Known, call: Call, after: Petition, step: Step, event: Callable[[events_pb2.Step], Message]
) -> Decision:
    """The decision for a step, with its place in the timeline and its event."""
    before = known.petition
    assert before is not None, "a step is one of a petition"
    after = replace(after, sequence=before.sequence + 1, update_time=call.now)
    # A grid worker speaks for the community: a cell has no desk, and may be a single house.
    office = first_asked(step.who.office) if step.who.office else ""
    entry = Entry(
        sequence=after.sequence,
        time=call.now,
        action=step.action,
        actor=step.who.actor,
        office=office,
        office_display_name=known.office_names.get(office, ""),
        state=after.state,
        assignees=step.assignees,
        public_note=step.public_note,
        internal_note=step.internal_note,
        stars=step.stars,
        incident=step.incident,
    )
    return Decision(before, after, entry, event(messages.step(after, step.who.actor, office)))
