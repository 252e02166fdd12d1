"""A Party branch elects its secretary, and a member moves from it to the street's committee.

Over gRPC, as the community's and the street's platforms do it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1 import organization_methods_pb2 as pb
from onegrid.partyedu.v1.members_pb2 import EndReason, Member, Transfer, TransferState
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost, Organization, OrganizationForm, OrganizationKind
from onegrid_demo import party_roll
from onegrid_demo.client import Client, Metadata
from onegrid_demo.loading import CELL, COMMUNITY, STREET, until_known
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.timestamps import timestamp

__all__ = ["Outcome", "define_line", "replay", "succeeded"]

_COMMITTEE = Organization(
    name=f"organizations/{STREET}-committee",
    display_name="广济街道党工委",
    kind=OrganizationKind.ORGANIZATION_KIND_STREET,
    form=OrganizationForm.ORGANIZATION_FORM_COMMITTEE,
)
_COMMUNITY_COMMITTEE = Organization(
    name=f"organizations/{COMMUNITY}-committee",
    display_name="朝凤社区党委",
    kind=OrganizationKind.ORGANIZATION_KIND_COMMUNITY,
    form=OrganizationForm.ORGANIZATION_FORM_COMMITTEE,
    parent=_COMMITTEE.name,
)
_BRANCH = Organization(
    name=party_roll.BRANCH,
    display_name="朝凤社区第1小区党支部",
    kind=OrganizationKind.ORGANIZATION_KIND_COMPOUND,
    form=OrganizationForm.ORGANIZATION_FORM_BRANCH,
    parent=_COMMUNITY_COMMITTEE.name,
    cells=[CELL],
)
_ELECTED = datetime(2020, 11, 10, 19, 0, tzinfo=CHINA)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    branch: Organization
    """With its new term."""
    member: Member
    """Who moved, as the street sees the member."""
    transfer: Transfer


async def replay(client: Client, clock: SettableClock | None, accounts: Mapping[str, Mapping[str, str]]) -> Outcome:
    """Elect and move, on the evening before the reference case if the services go by this clock."""
    partyedu = client.partyedu
    if clock is not None:
        clock.set(_ELECTED)
    street = await client.staff("street", accounts["street"]["password"])
    community = await client.staff("community", accounts["community"]["password"])
    await define_line(client, street, community)
    secretary = await _secretary(client, community)
    branch = await _elect(client, community, secretary)
    moving = await _admit(client, community, "李秀英")
    request = members_pb.RequestTransferRequest(member=moving.name, target=_COMMITTEE.name, request_id=_new_id())
    requested = (await partyedu.RequestTransfer(request, metadata=community)).transfer
    accept = members_pb.AcceptTransferRequest(name=requested.name, request_id=_new_id())
    transfer = (await partyedu.AcceptTransfer(accept, metadata=street)).transfer
    get = members_pb.GetMemberRequest(name=moving.name)
    moved = await partyedu.GetMember(get, metadata=street)
    # So that whoever does this a thousand times has no thousand members.
    end = members_pb.EndMembershipRequest(
        name=moving.name, reason=EndReason.END_REASON_MOVED_AWAY, request_id=_new_id()
    )
    await partyedu.EndMembership(end, metadata=street)
    due = pb.ListElectionsDueRequest(scope=STREET)
    await partyedu.ListElectionsDue(due, metadata=street)
    if clock is not None:
        clock.reset()
    return Outcome(branch, moved.member, transfer)


async def define_line(client: Client, street: Metadata, community: Metadata) -> None:
    """Define the branch and the committees above it: the same whenever this is done."""
    for organization, desk in ((_COMMITTEE, street), (_COMMUNITY_COMMITTEE, community), (_BRANCH, community)):
        define = pb.DefineOrganizationRequest(organization=organization, request_id=_new_id())
        # partyedu hears of cells by events.
        await until_known(partial(client.partyedu.DefineOrganization, define, metadata=desk))


async def _secretary(client: Client, desk: Metadata) -> Member:
    """Who is secretary: the same whenever this is done."""
    for _ in range(2):
        query = members_pb.ListMembersRequest(organization=_BRANCH.name, number=party_roll.SECRETARY)
        listed = await client.partyedu.ListMembers(query, metadata=desk)
        if listed.members:
            return listed.members[0]
        try:
            return await _admit(client, desk, "王建国", party_roll.SECRETARY)
        except grpc.aio.AioRpcError as error:
            # Somebody else does the same at this moment.
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
    raise LookupError(f"{party_roll.SECRETARY} is in another organization")


async def _admit(client: Client, desk: Metadata, person_name: str, number: str = "") -> Member:
    admit = members_pb.AdmitMemberRequest(
        organization=_BRANCH.name,
        person_name=person_name,
        number=number,
        join_time=timestamp(datetime(2001, 7, 1, tzinfo=CHINA)),
        confirm_time=timestamp(datetime(2002, 7, 1, tzinfo=CHINA)),
        request_id=_new_id(),
    )
    return (await client.partyedu.AdmitMember(admit, metadata=desk)).member


async def _elect(client: Client, desk: Metadata, secretary: Member) -> Organization:
    """The branch with its secretary, who is elected if there is no term yet."""
    officers = [pb.Elected(post=OfficerPost.OFFICER_POST_SECRETARY, member=secretary.name)]
    # By the service's clock: an election ahead is refused.
    at = Timestamp(seconds=secretary.create_time.seconds)
    election = pb.RecordElectionRequest(name=_BRANCH.name, begin_time=at, officers=officers, request_id=_new_id())
    try:
        return (await client.partyedu.RecordElection(election, metadata=desk)).organization
    except grpc.aio.AioRpcError as error:
        # That was its election.
        if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
            raise
    change = pb.ChangeOfficersRequest(name=_BRANCH.name, officers=officers, request_id=_new_id())
    return (await client.partyedu.ChangeOfficers(change, metadata=desk)).organization


def succeeded(outcome: Outcome) -> bool:
    """Whether the branch has its term, and the member belongs to the street's committee."""
    return (
        outcome.transfer.state == TransferState.TRANSFER_STATE_ACCEPTED
        and outcome.member.organization == outcome.transfer.target
        and outcome.branch.term.due_time.seconds > outcome.branch.term.begin_time.seconds
    )


def _new_id() -> str:
    return str(uuid.uuid4())
