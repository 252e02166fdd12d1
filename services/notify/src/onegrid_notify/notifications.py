"""Whom an event concerns, and what they are to hear.

Of a petition the petitioner hears of every step, an office of its tasks and deadlines, the grid worker of what waits to
be verified. Staff hear of the roles and posts that they are given, and of their end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.emergency.v1.events_pb2 import ResourceReserved, StockRunDown
from onegrid.grid.v1.events_pb2 import AppointmentEnded, CellDefined
from onegrid.identity.v1.events_pb2 import RoleGranted, RoleRevoked
from onegrid.petition.v1 import events_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Part, State, Task
from onegrid_kit import codes
from onegrid_kit.names import ResourceName, code_in
from onegrid_kit.visibility import Viewer, visible_to
from onegrid_notify.facts import (
    AppointmentFacts,
    Facts,
    PetitionFacts,
    Recipient,
    ReservationFacts,
    RoleFacts,
    SupplyFacts,
)

__all__ = [
    "CELL",
    "GRANT",
    "Notification",
    "PetitionEvent",
    "appointments",
    "called",
    "ended_appointment",
    "members_of",
    "offices_in",
    "petition_notifications",
    "role_notifications",
    "run_down",
    "secretary_of",
]

PetitionEvent = (
    pb.PetitionFiled
    | pb.PetitionAccepted
    | pb.PetitionDeclined
    | pb.PetitionDispatched
    | pb.PetitionRescheduled
    | pb.PetitionExtended
    | pb.PetitionDeadlineNeared
    | pb.PetitionDeadlineMissed
    | pb.TaskTaken
    | pb.TaskReturned
    | pb.TaskReported
    | pb.TaskConcluded
    | pb.PetitionRated
    | pb.PetitionVerified
    | pb.PetitionWithdrawn
    | pb.PetitionClosed
)
_Reminder = pb.PetitionDeadlineNeared | pb.PetitionDeadlineMissed
CELL: Final = ResourceName("cells/{cell}")
_ROLE: Final = ResourceName("roles/{role}")
GRANT: Final = ResourceName("users/{user}/grants/{grant}")

_PETITIONER = Viewer(owner=True)
_OFFICE = Viewer(office=True)


@dataclass(frozen=True, slots=True)
class Notification:
    """That somebody is to hear of an event."""

    recipient: Recipient
    address: str
    """`users/{user}`; the code of an office, for all who hold a role over it; `members/{member}` of the Party;
    `organizations/{organization}`, for all officers of a Party organization, or what `members_of` and `secretary_of`
    make of it.
    """
    facts: Facts


def members_of(organization: str) -> str:
    """The address of all members of a Party organization itself, not of those below it."""
    return f"{organization}/members"


def secretary_of(organization: str) -> str:
    """The address of who is secretary of a Party organization."""
    return f"{organization}/secretary"


def offices_in(event: PetitionEvent) -> frozenset[str]:
    """The codes of the offices that the event mentions."""
    mentioned = {event.step.office, codes.community_of(event.step.place), *event.step.assignees}
    if isinstance(event, _Reminder):
        mentioned.add(event.responsible)
    return frozenset(mentioned | {task.assignee for task in _tasks(event)}) - {""}


def petition_notifications(event: PetitionEvent, names: Mapping[str, str]) -> Iterator[Notification]:
    """Who is to hear what of the event. `names` has the offices' names by code, as far as they are known.

    What the contract means for offices alone is in no fact for the petitioner.
    """
    step = event.step
    if step.petitioner and not isinstance(event, _Reminder):
        facts = _facts(visible_to(_PETITIONER, deepcopy(event)), names)
        yield Notification(Recipient.PETITIONER, step.petitioner, facts)
    yield from _to_offices(event, names)


def _to_offices(event: PetitionEvent, names: Mapping[str, str]) -> Iterator[Notification]:
    step = event.step

    def facts() -> PetitionFacts:
        # Few events concern an office: what it reads is made where there is one.
        return _facts(visible_to(_OFFICE, deepcopy(event)), names)

    match event:
        case pb.PetitionDispatched(tasks=tasks):
            of_all = facts()
            for task in tasks:
                yield Notification(Recipient.OFFICE, task.assignee, _with_task(of_all, task, names))
        case pb.PetitionRescheduled() | pb.PetitionExtended() | pb.PetitionWithdrawn() | pb.PetitionClosed():
            of_all = facts()
            for office in step.assignees:
                yield Notification(Recipient.OFFICE, office, replace(of_all, assignee=names.get(office, "")))
        case pb.PetitionDeadlineNeared() | pb.PetitionDeadlineMissed():
            of_all = facts()
            for office in _reminded(event):
                yield Notification(Recipient.OFFICE, office, of_all)
        case pb.PetitionRated() | pb.PetitionVerified() if step.state == State.STATE_HANDLING:
            # It is handed back to its lead, who stands first.
            for office in step.assignees[:1]:
                given = replace(facts(), assignee=names.get(office, ""), leads=True)
                yield Notification(Recipient.OFFICE, office, given)
        case pb.TaskConcluded() if step.state == State.STATE_CONCLUDED and step.grid_worker:
            yield Notification(Recipient.GRID_WORKER, step.grid_worker, facts())


def _reminded(event: _Reminder) -> frozenset[str]:
    """Those who have a task of it, who answers for it, and when it is too late the district."""
    late = [codes.district_of(event.step.place)] if isinstance(event, pb.PetitionDeadlineMissed) else []
    return frozenset({event.responsible, *event.step.assignees, *late}) - {""}


def role_notifications(event: RoleGranted | RoleRevoked, place: str, time: datetime) -> Iterator[Notification]:
    """What somebody hears of a role over a place of this name that was granted or revoked at that time.

    Nothing of a grant that is announced again later, to services that were not there, nor of one for a shift: of that
    duty reminds them.
    """
    grant = event.grant
    if grant.shift:
        return
    if isinstance(event, RoleGranted) and _moment(grant.create_time) != time:
        return
    facts = RoleFacts(
        time=time,
        role=_ROLE.id(event.role),
        place=place,
        begin=_moment(grant.begin_time) if grant.begin_time.ToDatetime(UTC) > time else None,
        until=_moment(grant.expire_time),
    )
    yield Notification(Recipient.PERSON, event.user, facts)


def appointments(event: CellDefined, time: datetime) -> Iterator[Notification]:
    """Who was appointed to the cell when it changed, which was at that time; the event has all who are appointed."""
    for each in event.appointments:
        if _moment(each.start_time) == time:
            facts = AppointmentFacts(time=time, cell=event.display_name, post=each.post)
            yield Notification(Recipient.PERSON, each.user, facts)


def ended_appointment(event: AppointmentEnded) -> Notification:
    """What somebody hears whose appointment ended."""
    ended = event.appointment
    facts = AppointmentFacts(time=_moment(ended.end_time), cell=event.cell_display_name, post=ended.post)
    return Notification(Recipient.PERSON, ended.user, facts)


def called(event: ResourceReserved, time: datetime) -> Iterator[Notification]:
    """What an office hears of its team, expert or vehicle that is called; of places and supplies it hears nothing."""
    if event.display_name:
        kept = event.reservation
        facts = ReservationFacts(
            time=time, resource=event.display_name, number=code_in(kept.incident), until=_moment(kept.expire_time)
        )
        yield Notification(Recipient.OFFICE, event.office, facts)


def run_down(event: StockRunDown) -> Notification:
    """What an office hears of a supply of which it has less than it should have."""
    facts = SupplyFacts(
        time=_moment(event.time),
        supply=event.display_name,
        depot=event.depot_display_name,
        quantity=f"{event.quantity}{event.unit}",
        minimum=f"{event.minimum}{event.unit}",
    )
    return Notification(Recipient.OFFICE, event.office, facts)


def _facts(event: PetitionEvent, names: Mapping[str, str]) -> PetitionFacts:
    step = event.step
    assignees = [names.get(each, "") for each in step.assignees]
    facts = PetitionFacts(
        number=code_in(step.petition),
        kind=step.kind,
        time=_moment(step.time),
        office=names.get(step.office, ""),
        lead=assignees[0] if assignees else "",
        assistants=tuple(assignees[1:]),
        filed=step.state == State.STATE_FILED,
        concluded=step.state == State.STATE_CONCLUDED,
    )
    match event:
        case pb.PetitionFiled():
            # Whoever is asked first answers for it (首问负责); no office has done anything yet.
            asked = names.get(codes.community_of(step.place), "")
            return replace(facts, office=asked, due=_moment(event.accept_due_time))
        case pb.PetitionAccepted() | pb.PetitionRescheduled():
            return replace(facts, due=_moment(event.conclude_due_time))
        case pb.PetitionDeadlineNeared() | pb.PetitionDeadlineMissed():
            return replace(facts, office=names.get(event.responsible, ""), due=_moment(event.due_time))
        case pb.PetitionExtended():
            return replace(facts, reason=event.reason, due=_moment(event.conclude_due_time))
        case pb.PetitionDeclined() | pb.PetitionClosed():
            return replace(facts, reason=event.reason)
        case pb.PetitionDispatched():
            given = [names.get(task.assignee, "") for task in sorted(event.tasks, key=lambda task: task.part)]
            due = _moment(event.conclude_due_time)
            return replace(facts, lead=given[0] if given else "", assistants=tuple(given[1:]), due=due)
        case pb.TaskReported():
            return replace(_with_task(facts, event.task, names), note=event.public_note)
        case pb.TaskTaken() | pb.TaskReturned() | pb.TaskConcluded():
            return _with_task(facts, event.task, names)
        case pb.PetitionRated():
            return replace(facts, satisfied=event.rating.satisfied, due=_moment(event.conclude_due_time))
        case pb.PetitionVerified():
            return replace(facts, satisfied=event.verification.satisfied, due=_moment(event.conclude_due_time))
        case pb.PetitionWithdrawn():
            return facts


def _with_task(facts: PetitionFacts, task: Task, names: Mapping[str, str]) -> PetitionFacts:
    return replace(
        facts,
        assignee=names.get(task.assignee, ""),
        leads=task.part == Part.PART_LEAD,
        due=_moment(task.due_time),
        instruction=task.instruction,
        answer=task.answer,
    )


def _tasks(event: PetitionEvent) -> tuple[Task, ...]:
    match event:
        case pb.PetitionDispatched():
            return tuple(event.tasks)
        case pb.TaskTaken() | pb.TaskReturned() | pb.TaskReported() | pb.TaskConcluded():
            return (event.task,)
        case _:
            return ()


def _moment(time: Timestamp) -> datetime | None:
    """None where it is unset."""
    return time.ToDatetime(tzinfo=UTC) if time.seconds or time.nanos else None
