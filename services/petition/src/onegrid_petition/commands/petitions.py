"""The steps that concern all of a petition; one function per command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from google.protobuf.message import Message

from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import Action, Actor, Kind, State
from onegrid_kit import codes, ids
from onegrid_kit.batches import Item
from onegrid_kit.callers import Call
from onegrid_kit.clock import day_in_china
from onegrid_kit.locations import Location, point
from onegrid_kit.timestamps import timestamp
from onegrid_petition import authority, deadlines, lifecycle, messages, store
from onegrid_petition.authority import Standing
from onegrid_petition.commands.steps import Step, current, decided
from onegrid_petition.deadlines import Promise
from onegrid_petition.errors import AssigneeUnknown, WorkItemUnknown
from onegrid_petition.ground import Route
from onegrid_petition.petition import Attachment, Decision, Known, Petition, Rating, first_asked, new_tasks

__all__ = [
    "ActOnPetition",
    "DispatchPetition",
    "FilePetition",
    "JudgePetition",
    "accept_petition",
    "close_petition",
    "decline_petition",
    "dispatch_petition",
    "extend_petition",
    "filing",
    "new_petition",
    "rate_petition",
    "verify_petition",
    "withdraw_petition",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePetition:
    """What is asked, and where."""

    district: str
    kind: Kind
    text: str
    place: str = ""
    location: Location | None = None
    address: str = ""
    anonymous: bool = False
    sealed_phone: bytes | None = None
    attachments: tuple[Attachment, ...] = ()
    origin: str = ""
    """What it is filed for: a request for aid, a finding, a defect. Their services let it be made for this place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnPetition:
    """A step that concerns all of a petition."""

    petition: str
    """The petition's id."""
    public_note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPetition:
    """To whom a petition is given."""

    petition: str
    lead: str = ""
    assistants: tuple[str, ...] = ()
    work_item: str = ""
    instruction: str = ""
    public_note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePetition:
    """What the petitioner, or who verifies it, thinks of the outcome."""

    petition: str
    satisfied: bool
    stars: int = 0
    comment: str = ""
    etag: str = ""


def new_petition(command: FilePetition, route: Route, call: Call) -> Petition:
    """The petition that a filing makes. Raises PermissionDenied when the caller's scope does not hold its place."""
    if not command.origin:
        call.caller.require(call.permission, route.place)
    day = day_in_china(call.now).isoformat().replace("-", "")
    return Petition(
        district=command.district,
        id=f"{command.district}-{day}-{ids.readable(8)}",
        kind=command.kind,
        state=State.STATE_FILED,
        text=command.text,
        petitioner=call.caller.user,
        petitioner_kind=call.caller.kind,
        organization="" if command.anonymous else call.caller.organization,
        anonymous=command.anonymous,
        sealed_phone=command.sealed_phone,
        place=route.place,
        location=command.location,
        address=command.address,
        grid_worker=route.grid_worker,
        attachments=command.attachments,
        responsible=first_asked(route.place),
        accept_due_time=deadlines.accept_due(call.now),
        create_time=call.now,
        update_time=call.now,
        origin=command.origin,
    )


def filing(petition: Petition, call: Call, response: Message) -> Item:
    """A new petition, as `store.file_petitions` stores and announces it."""
    return Item(call, store.filed_row(petition), _filed_event(petition), response)


def accept_petition(known: Known, command: ActOnPetition, call: Call) -> Decision:
    """Accept a filed petition (受理); who accepts it answers for it from now on."""
    before = current(known, command, call)
    who = authority.of_office(call, before, Action.ACTION_ACCEPT)
    state = lifecycle.LIFE.advance(before.state, Action.ACTION_ACCEPT, who.actor)
    after = replace(before, state=state, responsible=who.office, accept_time=call.now).with_deadline()
    return decided(
        known,
        call,
        after,
        Step(Action.ACTION_ACCEPT, who, public_note=command.public_note),
        lambda step: events_pb2.PetitionAccepted(step=step, conclude_due_time=timestamp(after.conclude_due_time)),
    )


def decline_petition(known: Known, command: ActOnPetition, call: Call) -> Decision:
    """Decline a filed petition with a reason (不予受理)."""
    return _end(
        known,
        command,
        call,
        Action.ACTION_DECLINE,
        lambda step: events_pb2.PetitionDeclined(step=step, reason=command.public_note),
    )


def withdraw_petition(known: Known, command: ActOnPetition, call: Call) -> Decision:
    """Take a petition back (撤回)."""
    return _end(known, command, call, Action.ACTION_WITHDRAW, lambda step: events_pb2.PetitionWithdrawn(step=step))


def close_petition(known: Known, command: ActOnPetition, call: Call) -> Decision:
    """Close a petition with a reason, as a supervisor (督办归档)."""
    return _end(
        known,
        command,
        call,
        Action.ACTION_CLOSE,
        lambda step: events_pb2.PetitionClosed(step=step, reason=command.public_note),
    )


def extend_petition(known: Known, command: ActOnPetition, call: Call) -> Decision:
    """Extend until when a petition is concluded, with a reason (延期). Raises ExtendedAlready or DeadlinePassed."""
    before = current(known, command, call)
    who = authority.of_office(call, before, Action.ACTION_EXTEND)
    state = lifecycle.LIFE.advance(before.state, Action.ACTION_EXTEND, who.actor)
    after = replace(before.extended(call.now), state=state)
    due = timestamp(after.conclude_due_time)
    return decided(
        known,
        call,
        after,
        Step(Action.ACTION_EXTEND, who, public_note=command.public_note),
        lambda step: events_pb2.PetitionExtended(step=step, reason=command.public_note, conclude_due_time=due),
    )


def dispatch_petition(known: Known, command: DispatchPetition, call: Call) -> Decision:
    """Split an accepted petition into tasks (分流交办).

    Raises AssigneeUnknown, AssigneeBusy, TaskLimitReached, WorkItemUnknown, or InvalidRequest where the lead would
    assist itself.
    """
    before = current(known, command, call)
    who = authority.of_office(call, before, Action.ACTION_DISPATCH)
    state = lifecycle.LIFE.advance(before.state, Action.ACTION_DISPATCH, who.actor)
    item = known.work_item
    if command.work_item and item is None:
        raise WorkItemUnknown(command.work_item)
    lead = command.lead or (item.department if item else "")
    _require_offices(known, before.district, lead, command.assistants)
    after = replace(before, state=state)
    if item is not None and item.name != before.work_item:
        after = replace(after, work_item=item.name, promise=Promise(item.promised_working_days, call.now))
    after = after.with_deadline()
    tasks = new_tasks(after, lead, command.assistants, command.instruction, call.now)
    after = replace(after, tasks=tasks)
    return decided(
        known,
        call,
        after,
        Step(
            Action.ACTION_DISPATCH,
            who,
            public_note=command.public_note,
            assignees=(lead, *command.assistants),
        ),
        lambda step: events_pb2.PetitionDispatched(
            step=step,
            tasks=[messages.task(after, task) for task in tasks[len(before.tasks) :]],
            conclude_due_time=timestamp(after.conclude_due_time),
        ),
    )


def rate_petition(known: Known, command: JudgePetition, call: Call) -> Decision:
    """Rate a concluded petition (评价). Unsatisfied, the lead has it again at once."""
    action = Action.ACTION_RATE_SATISFIED if command.satisfied else Action.ACTION_RATE_UNSATISFIED
    judged, who, rating = _judge(known, command, call, action)
    after = replace(judged, rating=rating)
    return decided(
        known,
        call,
        after,
        Step(action, who, stars=command.stars),
        lambda step: events_pb2.PetitionRated(
            step=step, rating=messages.rating(rating), conclude_due_time=timestamp(after.conclude_due_time)
        ),
    )


def verify_petition(known: Known, command: JudgePetition, call: Call) -> Decision:
    """Verify a concluded petition on the ground (核实). Not solved, the lead has it again at once."""
    action = Action.ACTION_VERIFY_SOLVED if command.satisfied else Action.ACTION_VERIFY_UNSOLVED
    judged, who, rating = _judge(known, command, call, action)
    after = replace(judged, verification=rating)
    return decided(
        known,
        call,
        after,
        Step(action, who, stars=command.stars),
        lambda step: events_pb2.PetitionVerified(
            step=step, verification=messages.rating(rating), conclude_due_time=timestamp(after.conclude_due_time)
        ),
    )


def _judge(known: Known, command: JudgePetition, call: Call, action: Action) -> tuple[Petition, Standing, Rating]:
    before = current(known, command, call)
    who = authority.of_office(call, before, action)
    state = lifecycle.LIFE.advance(before.state, action, who.actor)
    judged = before if command.satisfied else before.handed_back()
    rating = Rating(command.satisfied, command.stars, command.comment, call.now)
    return replace(judged, state=state), who, rating


def _end(
    known: Known,
    command: ActOnPetition,
    call: Call,
    action: Action,
    event: Callable[[events_pb2.Step], Message],
) -> Decision:
    before = current(known, command, call)
    who = authority.of_office(call, before, action)
    state = lifecycle.LIFE.advance(before.state, action, who.actor)
    after = replace(before.without_open_tasks(call.now), state=state, end_reason=command.public_note)
    return decided(known, call, after, Step(action, who, public_note=command.public_note), event)


def _require_offices(known: Known, district: str, lead: str, assistants: Sequence[str]) -> None:
    for field, office in (("lead", lead), *(("assistants", each) for each in assistants)):
        # A cell has no desk that a task could lie on.
        if office not in known.office_names or codes.is_cell(office) or codes.is_district(office):
            raise AssigneeUnknown(field, office)


def _filed_event(petition: Petition) -> events_pb2.PetitionFiled:
    return events_pb2.PetitionFiled(
        step=messages.step(petition, Actor.ACTOR_PETITIONER),
        location=point(petition.location),
        accept_due_time=timestamp(petition.accept_due_time),
    )
