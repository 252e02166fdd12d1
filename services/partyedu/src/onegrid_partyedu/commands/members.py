"""Members: admitted, confirmed, ended; and what is written of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from onegrid.partyedu.v1.members_pb2 import EndReason, MemberState, TransferState
from onegrid_kit import codes, ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import AlreadyExists, Conflict, FieldViolation, InvalidRequest
from onegrid_kit.etags import require_fresh
from onegrid_partyedu import messages
from onegrid_partyedu.authority import allowed
from onegrid_partyedu.commands.organizations import end_posts, require_existing
from onegrid_partyedu.errors import MemberWrongState, ProbationExtended
from onegrid_partyedu.member import Member, earliest_confirmation, extended, probation_end
from onegrid_partyedu.store import known, transfers
from onegrid_partyedu.store import members as store
from onegrid_partyedu.store.organizations import hold_line, lock_line

__all__ = [
    "AdmitMember",
    "UpdateMember",
    "admit_member",
    "confirm_member",
    "end_membership",
    "extend_probation",
    "save_member",
    "update_member",
]

_READ: Final = "partyedu.members.read"
_PROBATIONARY = MemberState.MEMBER_STATE_PROBATIONARY


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitMember:
    """Who joins."""

    organization: str
    sealed_name: bytes
    name_index: bytes
    number: str
    user: str
    join_time: datetime
    confirm_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMember:
    """What is to be changed; None stays."""

    member: str
    name: tuple[bytes, bytes] | None
    """Sealed, and its index."""
    number: str | None
    user: str | None
    etag: str


def admit_member(conn: Connection, command: AdmitMember, call: Call) -> Member:
    """Enter a member. Raises NotFound, OrganizationDissolved, AlreadyExists, UserUnknown or UserNotActive;
    InvalidRequest for the times.
    """
    _require_past("join_time", command.join_time, call)
    ends = probation_end(command.join_time)
    if command.confirm_time is not None:
        _require_past("confirm_time", command.confirm_time, call)
        if command.confirm_time < earliest_confirmation(command.join_time):
            raise InvalidRequest(FieldViolation("confirm_time", "is before probation, which began at join_time, ends"))
        ends = min(ends, command.confirm_time)
    district = codes.district_of(command.organization)
    hold_line(conn, district)
    require_existing(conn, command.organization)
    _require_user(conn, district, command.user)
    new = Member(
        id=f"{district}-{ids.new_id()}",
        organization=command.organization,
        organization_time=call.now,
        state=_PROBATIONARY if command.confirm_time is None else MemberState.MEMBER_STATE_FULL,
        sealed_name=command.sealed_name,
        name_index=command.name_index,
        number=command.number,
        user=command.user,
        join_time=command.join_time,
        probation_end_time=ends,
        confirm_time=command.confirm_time,
        create_time=call.now,
        update_time=call.now,
    )
    _require_free(conn, new, call)
    save_member(conn, new, call)
    store.begin_membership(conn, new)
    return new


def update_member(conn: Connection, command: UpdateMember, call: Call) -> Member:
    """Change what is written of a member. Raises PermissionDenied, NotFound, StaleEtag, AlreadyExists, UserUnknown
    or UserNotActive.
    """
    before = _locked(conn, command.member, command.etag, call)
    fields: dict[str, Any] = {}
    if command.name is not None:
        fields["sealed_name"], fields["name_index"] = command.name
    if command.number is not None:
        fields["number"] = command.number
    if command.user is not None and command.user != before.user:
        _require_user(conn, before.district, command.user)
        fields["user"] = command.user
    after = before.changed(call.now, **fields)
    if before.end_time is None:
        _require_free(conn, after, call)
    return save_member(conn, after, call)


def confirm_member(conn: Connection, id_: str, confirm_time: datetime, etag: str, call: Call) -> Member:
    """Make a member a full one. Raises PermissionDenied, NotFound, StaleEtag or MemberWrongState; InvalidRequest
    for the time.
    """
    before = _on_probation(conn, id_, etag, call)
    _require_past("confirm_time", confirm_time, call)
    if confirm_time < before.probation_end_time:
        raise InvalidRequest(FieldViolation("confirm_time", "is before probation ends"))
    after = before.changed(call.now, state=MemberState.MEMBER_STATE_FULL, confirm_time=confirm_time)
    return save_member(conn, after, call)


def extend_probation(conn: Connection, id_: str, end: datetime, etag: str, call: Call) -> Member:
    """Have probation go on until then. Raises PermissionDenied, NotFound, StaleEtag, MemberWrongState or
    ProbationExtended; InvalidRequest for the time.
    """
    before = _on_probation(conn, id_, etag, call)
    if before.probation_extended:
        raise ProbationExtended(before.name)
    least, most = extended(before.probation_end_time)
    if not least <= end <= most:
        raise InvalidRequest(FieldViolation("probation_end_time", "is not six months to a year after it was to end"))
    return save_member(conn, before.changed(call.now, probation_end_time=end, probation_extended=True), call)


def end_membership(conn: Connection, id_: str, reason: EndReason, etag: str, call: Call) -> Member:
    """End a membership, its posts and its transfer. Raises PermissionDenied, NotFound or StaleEtag."""
    before = _locked(conn, id_, etag, call)
    if before.end_time is not None:
        return before
    requested = transfers.find_requested(conn, id_)
    if requested is not None and requested.waits(call.now):
        withdrawn = requested.ended(TransferState.TRANSFER_STATE_WITHDRAWN, call.now)
        transfers.save_transfer(conn, withdrawn)
        outbox.append(conn, call, [(withdrawn.name, messages.transfer_ended(withdrawn, call.now))])
    elif requested is not None:
        transfers.save_transfer(conn, requested.expired())
    end_posts(conn, id_, (), call)
    store.end_membership(conn, before, call.now)
    after = before.changed(call.now, state=MemberState.MEMBER_STATE_ENDED, end_time=call.now, end_reason=reason)
    return save_member(conn, after, call)


def save_member(conn: Connection, member: Member, call: Call) -> Member:
    """Store a member, and announce it. Raises AlreadyExists if somebody else entered the number or account at the
    same moment.
    """
    if not store.save_member(conn, member):
        _require_free(conn, member, call)
        raise Conflict
    outbox.append(conn, call, [(member.name, messages.member_defined(member))])
    return member


def _locked(conn: Connection, id_: str, etag: str, call: Call) -> Member:
    lock_line(conn, codes.district_of(id_))
    found = allowed(store.lock_member(conn, id_), id_, call)
    require_fresh(found.name, found.etag, etag)
    return found


def _on_probation(conn: Connection, id_: str, etag: str, call: Call) -> Member:
    found = _locked(conn, id_, etag, call)
    if found.state != _PROBATIONARY:
        raise MemberWrongState(found.name, found.state_name)
    return found


def _require_past(field: str, moment: datetime, call: Call) -> None:
    if moment > call.now + CLOCKS_DIFFER:
        raise InvalidRequest(FieldViolation(field, "is ahead"))


def _require_user(conn: Connection, district: str, user: str) -> None:
    if user:
        known.require_active(conn, district, user)


def _require_free(conn: Connection, member: Member, call: Call) -> None:
    """Raise AlreadyExists if another member has the number or the account. Who that is learns only who may know."""
    taken = store.find_taken(conn, member.district, number=member.number, user=member.user, besides=member.id)
    if taken is not None:
        given = member.user if taken.user and taken.user == member.user else member.number
        raise AlreadyExists(taken.name if call.caller.may(_READ, taken.office) else given)
