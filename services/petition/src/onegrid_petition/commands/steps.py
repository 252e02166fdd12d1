"""What the steps of a petition have in common: load and lock it, then store and announce what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import Action
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.etags import require_fresh
from onegrid_petition import authority, messages, store
from onegrid_petition.authority import Standing
from onegrid_petition.petition import PETITION, Entry, Petition, first_asked

__all__ = ["Step", "lock", "record"]


@dataclass(frozen=True, slots=True)
class Step:
    """What a step adds to the timeline beside the petition's state."""

    action: Action
    who: Standing
    assignees: tuple[str, ...] = ()
    public_note: str = ""
    internal_note: str = ""
    stars: int = 0


def lock(conn: Connection, petition_id: str, etag: str, call: Call) -> Petition:
    """The petition, locked until this transaction ends.

    Raises StaleEtag, and NotFound or PermissionDenied.
    """
    petition = store.lock_petition(conn, petition_id)
    if petition is None:
        raise authority.absent(call, PETITION.name(petition_id), codes.district_of(petition_id))
    if etag and not authority.may_see(call, petition):
        # Whether an etag is current is only for those who may see the petition.
        raise authority.absent(call, petition.name, petition.district)
    require_fresh(petition.name, petition.etag, etag)
    return petition


def record(
    conn: Connection,
    call: Call,
    before: Petition,
    after: Petition,
    step: Step,
    event: Callable[[events_pb2.Step], Message],
) -> Petition:
    """Store the step, its place in the timeline and its event."""
    after = replace(after, sequence=before.sequence + 1, update_time=call.now)
    # A grid worker speaks for the community: a cell has no desk, and may be a single house.
    office = first_asked(step.who.office) if step.who.office else ""
    entry = Entry(
        sequence=after.sequence,
        time=call.now,
        action=step.action,
        actor=step.who.actor,
        office=office,
        office_display_name=store.office_names(conn, after.district, [office]).get(office, "") if office else "",
        state=after.state,
        assignees=step.assignees,
        public_note=step.public_note,
        internal_note=step.internal_note,
        stars=step.stars,
    )
    store.save_petition(conn, before, after)
    store.append_entry(conn, after, entry)
    outbox.append(conn, call, [(after.name, event(messages.step(after, step.who.actor)))])
    return after
