"""Between the contract's messages and partyedu's records."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from onegrid.partyedu.v1 import events_pb2, members_pb2, organizations_pb2
from onegrid_kit.cipher import Cipher
from onegrid_kit.locations import point
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.member import MEMBER, NAME_PURPOSE, Member, Membership, PostHeld
from onegrid_partyedu.organization import ORGANIZATION, TERM, Officer, Organization, Term
from onegrid_partyedu.transfer import Transfer

__all__ = [
    "member",
    "member_defined",
    "membership",
    "organization",
    "organization_defined",
    "post_held",
    "sealed_name",
    "term",
    "transfer",
    "transfer_ended",
]


def organization(of: Organization) -> organizations_pb2.Organization:
    """The organization as a message."""
    return organizations_pb2.Organization(
        name=of.name,
        display_name=of.display_name,
        kind=of.kind,
        form=of.form,
        parent=ORGANIZATION.name(of.parent) if of.parent else "",
        location=None if of.location is None else point(of.location),
        cells=of.cells,
        term=None if of.term is None else term(of.term),
        dissolve_time=timestamp(of.dissolve_time),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def organization_defined(of: Organization) -> events_pb2.OrganizationDefined:
    """The organization as others hear of it."""
    return events_pb2.OrganizationDefined(organization=organization(of), version=of.version)


def term(of: Term) -> organizations_pb2.Term:
    """The term as a message."""
    return organizations_pb2.Term(
        name=of.name,
        begin_time=timestamp(of.begin_time),
        due_time=timestamp(of.due_time),
        end_time=timestamp(of.end_time),
        officers=map(_officer, of.officers),
    )


def member(of: Member, cipher: Cipher) -> members_pb2.Member:
    """The member as a message, with the name. Raises CipherError."""
    return members_pb2.Member(
        name=of.name,
        person_name=cipher.decrypt(of.sealed_name, NAME_PURPOSE),
        number=of.number,
        user=of.user,
        state=of.state,
        organization=ORGANIZATION.name(of.organization),
        organization_time=timestamp(of.organization_time),
        join_time=timestamp(of.join_time),
        probation_end_time=timestamp(of.probation_end_time),
        confirm_time=timestamp(of.confirm_time),
        end_time=timestamp(of.end_time),
        end_reason=of.end_reason,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def member_defined(of: Member) -> events_pb2.MemberDefined:
    """The member as others hear of it: without the name."""
    return events_pb2.MemberDefined(
        member=of.name,
        user=of.user,
        state=of.state,
        organization=ORGANIZATION.name(of.organization),
        version=of.version,
        update_time=timestamp(of.update_time),
    )


def sealed_name(person_name: str, cipher: Cipher) -> tuple[bytes, bytes]:
    """The name as it is stored, and what finds it however its characters are composed and wide."""
    name = unicodedata.normalize("NFKC", person_name).strip()
    return cipher.encrypt(name, NAME_PURPOSE), cipher.blind_index(name, NAME_PURPOSE)


def membership(of: Membership) -> members_pb2.Membership:
    """The time in an organization as a message."""
    return members_pb2.Membership(
        organization=ORGANIZATION.name(of.organization),
        begin_time=timestamp(of.begin_time),
        end_time=timestamp(of.end_time),
    )


def post_held(of: PostHeld) -> members_pb2.MemberPost:
    """The post as a message."""
    return members_pb2.MemberPost(
        term=TERM.name(of.organization, of.term),
        post=of.post,
        begin_time=timestamp(of.begin_time),
        end_time=timestamp(of.end_time),
    )


def transfer(of: Transfer, now: datetime) -> members_pb2.Transfer:
    """The transfer as a message."""
    return members_pb2.Transfer(
        name=of.name,
        member=MEMBER.name(of.member),
        source=ORGANIZATION.name(of.source),
        target=ORGANIZATION.name(of.target),
        state=of.state(now),
        expire_time=timestamp(of.expire_time),
        reason=of.reason,
        create_time=timestamp(of.create_time),
        end_time=timestamp(of.end_time),
    )


def transfer_ended(of: Transfer, now: datetime) -> events_pb2.TransferEnded:
    """What became of the transfer, as others hear of it."""
    told = transfer(of, now)
    told.ClearField("reason")
    return events_pb2.TransferEnded(transfer=told)


def _officer(of: Officer) -> organizations_pb2.Officer:
    return organizations_pb2.Officer(
        post=of.post,
        member=MEMBER.name(of.member),
        begin_time=timestamp(of.begin_time),
        end_time=timestamp(of.end_time),
    )
