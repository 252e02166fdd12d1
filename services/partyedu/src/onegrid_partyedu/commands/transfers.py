"""Transfers: requested by the side that the member leaves, accepted or declined by the other one."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from onegrid.partyedu.v1.events_pb2 import TransferRequested
from onegrid.partyedu.v1.members_pb2 import TransferState
from onegrid_kit import codes, ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.persons import require_nobody
from onegrid_partyedu import messages
from onegrid_partyedu.authority import allowed
from onegrid_partyedu.commands.members import save_member
from onegrid_partyedu.commands.organizations import end_posts, require_existing
from onegrid_partyedu.errors import MemberWrongState, SameOrganization, TransferWaits, TransferWrongState
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import members
from onegrid_partyedu.store import transfers as store
from onegrid_partyedu.store.known import known_cells
from onegrid_partyedu.store.organizations import line_of, lock_line
from onegrid_partyedu.transfer import HOLDS, TRANSFER, Transfer

__all__ = ["accept_transfer", "decline_transfer", "request_transfer", "withdraw_transfer"]


def request_transfer(conn: Connection, member: str, target: str, call: Call) -> Transfer:
    """Request that a member goes to another organization.

    Raises PermissionDenied, NotFound, MemberWrongState, OrganizationDissolved, SameOrganization or TransferWaits;
    InvalidRequest for a target of another district.
    """
    district = codes.district_of(member)
    lock_line(conn, district)
    moving = allowed(members.lock_member(conn, member), member, call)
    if moving.end_time is not None:
        raise MemberWrongState(moving.name, moving.state_name)
    if codes.district_of(target) != district:
        raise InvalidRequest(FieldViolation("target", "is of another district"))
    if target == moving.organization:
        raise SameOrganization(ORGANIZATION.name(target))
    require_existing(conn, target)
    before = store.find_requested(conn, member)
    if before is not None and before.waits(call.now):
        raise TransferWaits(before.name)
    if before is not None:
        store.save_transfer(conn, before.expired())
    new = Transfer(
        id=f"{district}-{ids.new_id()}",
        member=member,
        source=moving.organization,
        target=target,
        create_time=call.now,
        expire_time=call.now + HOLDS,
    )
    store.save_transfer(conn, new)
    outbox.append(conn, call, [(new.name, TransferRequested(transfer=messages.transfer(new, call.now)))])
    return new


def accept_transfer(conn: Connection, id_: str, call: Call) -> Transfer:
    """Take the member in. Raises PermissionDenied, NotFound, TransferWrongState or OrganizationDissolved."""
    before = _locked(conn, id_, call)
    call.caller.require(call.permission, codes.office_of(before.target))
    if before.state(call.now) == TransferState.TRANSFER_STATE_ACCEPTED:
        return before
    _require_waiting(before, call)
    moving = members.lock_member(conn, before.member)
    if moving is None or moving.end_time is not None or moving.organization != before.source:
        raise TransferWrongState(before.name, before.state_name(before.expire_time))
    require_existing(conn, before.target)
    members.end_membership(conn, moving, call.now)
    moved = moving.changed(call.now, organization=before.target, organization_time=call.now)
    save_member(conn, moved, call)
    members.begin_membership(conn, moved)
    end_posts(conn, moved.id, line_of(conn, moved.organization), call)
    return _ended(conn, before, TransferState.TRANSFER_STATE_ACCEPTED, "", call)


def decline_transfer(conn: Connection, id_: str, reason: str, call: Call) -> Transfer:
    """Do not take the member in. Raises PermissionDenied, NotFound, TransferWrongState or PersonInText."""
    require_nobody(partial(known_cells, conn), reason=reason)
    before = _locked(conn, id_, call)
    call.caller.require(call.permission, codes.office_of(before.target))
    _require_waiting(before, call)
    return _ended(conn, before, TransferState.TRANSFER_STATE_DECLINED, reason, call)


def withdraw_transfer(conn: Connection, id_: str, reason: str, call: Call) -> Transfer:
    """Take the request back. Raises PermissionDenied, NotFound, TransferWrongState or PersonInText."""
    require_nobody(partial(known_cells, conn), reason=reason)
    before = _locked(conn, id_, call)
    call.caller.require(call.permission, codes.office_of(before.source))
    _require_waiting(before, call)
    return _ended(conn, before, TransferState.TRANSFER_STATE_WITHDRAWN, reason, call)


def _locked(conn: Connection, id_: str, call: Call) -> Transfer:
    lock_line(conn, codes.district_of(id_))
    return call.existing(store.find_transfer(conn, id_), TRANSFER, id_)


def _require_waiting(transfer: Transfer, call: Call) -> None:
    if not transfer.waits(call.now):
        raise TransferWrongState(transfer.name, transfer.state_name(call.now))


def _ended(conn: Connection, transfer: Transfer, state: TransferState, reason: str, call: Call) -> Transfer:
    after = transfer.ended(state, call.now, reason)
    store.save_transfer(conn, after)
    outbox.append(conn, call, [(after.name, messages.transfer_ended(after, call.now))])
    return after
