"""Guidance tasks: sent down the line, read, reported back, accepted or returned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.partyedu.v1 import events_pb2
from onegrid_kit import codes, ids, ladder, outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.ladder import Climb, Next
from onegrid_kit.names import code_in
from onegrid_kit.persons import require_nobody
from onegrid_partyedu import guidance_messages as messages
from onegrid_partyedu.commands.organizations import require_existing
from onegrid_partyedu.errors import GuidanceWrongState, NobodyBelow
from onegrid_partyedu.guidance import ASSIGNMENT, DEADLINE, OPEN, TASK, Assignment, Notice, Task
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import guidance as store
from onegrid_partyedu.store.known import known_cells
from onegrid_partyedu.store.organizations import find_organization, hold_line

__all__ = [
    "SendTask",
    "accept_report",
    "announce_deadlines",
    "read_guidance",
    "report_guidance",
    "require_task",
    "return_report",
    "send_task",
    "withdraw_task",
]

_TOLD_AT_ONCE: Final = 1_000
"""How many organizations one event names at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTask:
    """What is sent to whom."""

    sender: str
    """The organization's id."""
    to_all_below: bool
    title: str
    text: str
    media: tuple[str, ...]
    due_time: datetime
    report_wanted: bool
    upper: str
    """The name of the assignment that it passes on; empty: none."""
    article: str
    """``articles/{article}`` that is to be read for it; empty: none."""


def send_task(conn: Connection, command: SendTask, call: Call) -> Task:
    """Send a task to the organizations below one. Raises NotFound, OrganizationDissolved, NobodyBelow,
    GuidanceWrongState or PersonInText; InvalidRequest for its due time, its article or what it passes on.
    """
    require_nobody(partial(known_cells, conn), title=command.title, text=command.text)
    if command.due_time <= call.now:
        raise InvalidRequest(FieldViolation("due_time", "is not ahead"))
    district = codes.district_of(command.sender)
    if command.article and codes.district_of(code_in(command.article)) != district:
        raise InvalidRequest(FieldViolation("article", "is of another district"))
    # Who stands below stays as it is meanwhile.
    hold_line(conn, district)
    require_existing(conn, command.sender)
    _require_upper(conn, command)
    organizations = store.organizations_below(conn, command.sender, all_below=command.to_all_below)
    if not organizations:
        raise NobodyBelow(ORGANIZATION.name(command.sender))
    new = Task(
        id=f"{district}-{ids.new_id()}",
        sender=command.sender,
        title=command.title,
        text=command.text,
        media=command.media,
        due_time=command.due_time,
        report_wanted=command.report_wanted,
        upper=command.upper,
        article=command.article,
        assignments=len(organizations),
        create_time=call.now,
    )
    store.insert_task(conn, new, organizations)
    ladder.start(conn, DEADLINE, new.name, max(call.now, Notice.NEARED.time(new.due_time)))
    _tell(conn, call, events_pb2.GuidanceTaskIssued, new, organizations)
    return new


def withdraw_task(conn: Connection, id_: str, reason: str, call: Call) -> Task:
    """Take a task back. Raises PermissionDenied, NotFound or PersonInText."""
    require_nobody(partial(known_cells, conn), reason=reason)
    before = require_task(conn, id_, call, lock=True)
    call.caller.require(call.permission, codes.office_of(before.sender))
    if before.withdraw_time is not None:
        return before
    after = before.withdrawn(reason, call.now)
    organizations = store.withdraw(conn, after)
    ladder.stop(conn, DEADLINE, after.name)
    _tell(conn, call, events_pb2.GuidanceTaskWithdrawn, after, organizations)
    return after


def read_guidance(conn: Connection, name: str, call: Call) -> Assignment:
    """Note that the organization has read its task. Raises PermissionDenied, NotFound or GuidanceWrongState."""
    before = _assigned(conn, name, call)
    after = before.read(call.caller.user, call.now)
    if after != before:
        store.save_assignment(conn, after)
    return after


def report_guidance(
    conn: Connection, name: str, report: str, media: tuple[str, ...], etag: str, call: Call
) -> Assignment:
    """Report to the sender. Raises PermissionDenied, NotFound, StaleEtag, GuidanceWrongState or PersonInText."""
    require_nobody(partial(known_cells, conn), report=report)
    before = _assigned(conn, name, call, etag)
    after = before.reported(report, media, call.caller.user, call.now)
    store.save_assignment(conn, after)
    of = find_organization(conn, after.organization)
    event = events_pb2.GuidanceReported(
        task=messages.task(after.task),
        assignment=after.name,
        organization_display_name="" if of is None else of.display_name,
    )
    outbox.append(conn, call, [(after.name, event)])
    return after


def accept_report(conn: Connection, name: str, etag: str, call: Call) -> Assignment:
    """Accept a report. Raises PermissionDenied, NotFound, StaleEtag or GuidanceWrongState."""
    after = _reported(conn, name, etag, call).accepted(call.now)
    store.save_assignment(conn, after)
    return after


def return_report(conn: Connection, name: str, reason: str, etag: str, call: Call) -> Assignment:
    """Return a report. Raises PermissionDenied, NotFound, StaleEtag, GuidanceWrongState or PersonInText."""
    require_nobody(partial(known_cells, conn), reason=reason)
    after = _reported(conn, name, etag, call).returned(reason, call.now)
    store.save_assignment(conn, after)
    event = events_pb2.GuidanceReportReturned(task=messages.task(after.task), assignment=after.name, reason=reason)
    outbox.append(conn, call, [(after.name, event)])
    return after


def announce_deadlines(conn: Connection, climb: Climb, now: datetime) -> Next | None:
    """Announce of a task that it is due soon, or overdue, with the organizations that have not done it."""
    task = store.find_task(conn, TASK.id(climb.subject))
    if task is None or task.withdraw_time is not None:
        return None
    missed = now >= task.due_time
    kind = events_pb2.GuidanceDeadlineMissed if missed else events_pb2.GuidanceDeadlineNeared
    call = Call(caller=ANONYMOUS, now=now, method="announce deadlines", traceparent=climb.traceparent)
    _tell(conn, call, kind, task, store.open_organizations(conn, task.id))
    return None if missed else Next(task.due_time, Notice.MISSED)


def require_task(conn: Connection, id_: str, call: Call, *, lock: bool = False) -> Task:
    """The task. Only callers who may do it all over the district learn that there is none. Raises PermissionDenied or
    NotFound.
    """
    return call.existing(store.find_task(conn, id_, lock=lock), TASK, id_)


def _assigned(conn: Connection, name: str, call: Call, etag: str = "") -> Assignment:
    """The assignment, of an organization that the caller acts for."""
    task, organization = ASSIGNMENT.ids(name)
    call.caller.require(call.permission, codes.office_of(organization))
    return _locked(conn, task, organization, etag)


def _reported(conn: Connection, name: str, etag: str, call: Call) -> Assignment:
    """The assignment, of a task that an organization sent for which the caller acts."""
    task, organization = ASSIGNMENT.ids(name)
    sent = require_task(conn, task, call, lock=True)
    call.caller.require(call.permission, codes.office_of(sent.sender))
    return _locked(conn, task, organization, etag)


def _locked(conn: Connection, task: str, organization: str, etag: str) -> Assignment:
    # The task is locked, not the assignment: it may be withdrawn at this moment.
    store.find_task(conn, task, lock=True)
    found = store.find_assignment(conn, task, organization)
    if found is None:
        raise NotFound(ASSIGNMENT.name(task, organization))
    require_fresh(found.name, found.etag, etag)
    return found


def _require_upper(conn: Connection, command: SendTask) -> None:
    if not command.upper:
        return
    task, organization = ASSIGNMENT.ids(command.upper)
    if organization != command.sender:
        raise InvalidRequest(FieldViolation("upper", "is another organization's"))
    upper = store.find_assignment(conn, task, organization)
    if upper is None:
        raise NotFound(command.upper)
    if upper.state not in OPEN:
        raise GuidanceWrongState(upper.state, [])


_Told = (
    events_pb2.GuidanceTaskIssued
    | events_pb2.GuidanceTaskWithdrawn
    | events_pb2.GuidanceDeadlineNeared
    | events_pb2.GuidanceDeadlineMissed
)


def _tell(conn: Connection, call: Call, kind: type[_Told], task: Task, organizations: Sequence[str]) -> None:
    """Announce to organizations, given by their ids, what is so of a task."""
    sender = find_organization(conn, task.sender)
    display_name = "" if sender is None else sender.display_name
    events: Iterator[tuple[str, Message]] = (
        (
            task.name,
            kind(
                task=messages.task(task),
                sender_display_name=display_name,
                organizations=map(ORGANIZATION.name, organizations[begin : begin + _TOLD_AT_ONCE]),
            ),
        )
        for begin in range(0, len(organizations), _TOLD_AT_ONCE)
    )
    outbox.append(conn, call, list(events))
