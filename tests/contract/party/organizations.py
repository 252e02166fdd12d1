"""What the tests of all contracts do with partyedu's: organizations, members, transfers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.grid.v1 import organizations_pb2 as map_pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1 import organization_methods_pb2 as pb
from onegrid.partyedu.v1.members_pb2 import EndReason, Member, MemberState, Transfer
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost, Organization, OrganizationForm, OrganizationKind
from onegrid_demo.loading import STREET
from onegrid_kit.testing.waiting import eventually

from ..acting import DISTRICT
from ..calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists", "member", "organization", "somebody"]

_numbers = itertools.count(1)
_JOINED = Timestamp(seconds=int(datetime(2010, 7, 1, tzinfo=UTC).timestamp()))
_CONFIRMED = Timestamp(seconds=int(datetime(2012, 7, 1, tzinfo=UTC).timestamp()))


def an_organization(office: str) -> Organization:
    """One that is not entered yet."""
    return Organization(
        name=f"organizations/{office}-o{next(_numbers)}",
        display_name="江桥党支部",
        kind=OrganizationKind.ORGANIZATION_KIND_COMPOUND,
        form=OrganizationForm.ORGANIZATION_FORM_BRANCH,
    )


def organization(district: District, office: str = DISTRICT) -> Organization:
    """A new one."""
    request = pb.DefineOrganizationRequest(organization=an_organization(office))
    return district.do(request, "admin", pb.DefineOrganizationResponse).organization


def a_member(of: str, **fields: Any) -> members_pb.AdmitMemberRequest:
    """Somebody who is not entered yet, a full member if nothing else is said."""
    given = {"person_name": "王建国", "join_time": _JOINED, "confirm_time": _CONFIRMED, **fields}
    return members_pb.AdmitMemberRequest(organization=of, **given)


def member(district: District, of: str, **fields: Any) -> Member:
    """A new member."""
    return district.do(a_member(of, **fields), "admin", members_pb.AdmitMemberResponse).member


def somebody(district: District, **fields: Any) -> Member:
    """A new member of a new organization."""
    return member(district, organization(district).name, **fields)


def an_election(of: Organization, elected: str, begin: int = 0) -> pb.RecordElectionRequest:
    """An election that is not recorded yet, of a secretary."""
    secretary = pb.Elected(post=OfficerPost.OFFICER_POST_SECRETARY, member=elected)
    at = Timestamp(seconds=begin or int(time.time()) - 60)
    return pb.RecordElectionRequest(name=of.name, begin_time=at, officers=[secretary], etag=of.etag)


def with_term(district: District, office: str = DISTRICT) -> tuple[Organization, str]:
    """A new organization with a secretary, and who that is."""
    new = organization(district, office)
    secretary = member(district, new.name).name
    after = district.do(an_election(new, secretary), "admin", pb.RecordElectionResponse).organization
    return after, secretary


def transfer(district: District, source: str = DISTRICT) -> Transfer:
    """A new transfer out of the place."""
    moving = member(district, organization(district, source).name)
    request = members_pb.RequestTransferRequest(member=moving.name, target=organization(district, source).name)
    return district.do(request, "admin", members_pb.RequestTransferResponse).transfer


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of = an_organization(place)
    who, moving = f"members/{DISTRICT}-{'0' * 20}", f"transfers/{DISTRICT}-{'0' * 20}"
    if there:
        of = organization(district, place)
        who, moving = member(district, of.name).name, transfer(district, place).name
    yield pb.DefineOrganizationRequest(organization=of)
    yield pb.DissolveOrganizationRequest(name=of.name)
    yield pb.GetOrganizationRequest(name=of.name)
    yield pb.ListOrganizationsRequest(scope=place)
    yield an_election(Organization(name=of.name), who)
    yield pb.ChangeOfficersRequest(name=of.name, officers=[pb.Elected(post=1, member=who)])
    yield pb.ListTermsRequest(organization=of.name)
    yield pb.ListElectionsDueRequest(scope=place)
    yield a_member(of.name)
    yield members_pb.UpdateMemberRequest(name=who, number="1", update_mask=FieldMask(paths=["number"]))
    yield members_pb.ConfirmMemberRequest(name=who, confirm_time=_CONFIRMED)
    yield members_pb.ExtendProbationRequest(name=who, probation_end_time=_CONFIRMED)
    yield members_pb.EndMembershipRequest(name=who, reason=EndReason.END_REASON_DIED)
    yield members_pb.GetMemberRequest(name=who)
    yield members_pb.ListMembersRequest(organization=of.name)
    yield members_pb.RequestTransferRequest(member=who, target=of.name)
    yield members_pb.AcceptTransferRequest(name=moving)
    yield members_pb.DeclineTransferRequest(name=moving, reason="x")
    yield members_pb.WithdrawTransferRequest(name=moving, reason="x")
    yield members_pb.GetTransferRequest(name=moving)
    yield members_pb.ListTransfersRequest(scope=place)
    yield map_pb.ListPartyOrganizationsRequest(parent=place)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    first, second = with_term(district, STREET), with_term(district, STREET)
    for turn, (of, secretary) in enumerate((first, first, first, second)):
        of.etag = ""
        again = an_election(of, secretary, begin=int(time.time()) - 50 + turn)
        district.do(again, "admin", pb.RecordElectionResponse)
    for of, _ in (first, first, first, second):
        member(district, of.name)
    for _ in range(4):
        transfer(district, STREET)
    known = pb.ListOrganizationsRequest(scope=STREET, page_size=500)
    on_map = map_pb.ListPartyOrganizationsRequest(parent=STREET, page_size=500)
    names = {each.name for each in district.do(known, "admin", pb.ListOrganizationsResponse).organizations}
    eventually(
        lambda: (
            names
            <= {
                each.organization
                for each in district.do(on_map, "admin", map_pb.ListPartyOrganizationsResponse).organizations
            }
        )
    )
    probationary = MemberState.MEMBER_STATE_PROBATIONARY
    return {
        "ListOrganizations": (pb.ListOrganizationsRequest(scope=DISTRICT), pb.ListOrganizationsRequest(scope=STREET)),
        "ListTerms": tuple(pb.ListTermsRequest(organization=of.name) for of, _ in (first, second)),
        "ListElectionsDue": (
            pb.ListElectionsDueRequest(scope=DISTRICT),
            pb.ListElectionsDueRequest(scope=STREET),
        ),
        "ListMembers": (
            members_pb.ListMembersRequest(organization=first[0].name),
            members_pb.ListMembersRequest(organization=first[0].name, state=probationary),
        ),
        "ListPartyOrganizations": (
            map_pb.ListPartyOrganizationsRequest(parent=STREET),
            map_pb.ListPartyOrganizationsRequest(parent=DISTRICT),
        ),
        "ListTransfers": (
            members_pb.ListTransfersRequest(scope=DISTRICT),
            members_pb.ListTransfersRequest(scope=STREET),
        ),
    }


def dissolving(district: District) -> tuple[str, Message]:
    new = organization(district)
    return "admin", pb.DissolveOrganizationRequest(name=new.name, etag=new.etag)


def electing(district: District) -> tuple[str, Message]:
    new = organization(district)
    return "admin", an_election(new, member(district, new.name).name)


def changing_officers(district: District) -> tuple[str, Message]:
    of, secretary = with_term(district)
    deputy = pb.Elected(post=OfficerPost.OFFICER_POST_DEPUTY_SECRETARY, member=secretary)
    return "admin", pb.ChangeOfficersRequest(name=of.name, officers=[deputy], etag=of.etag)


def renumbering(district: District) -> tuple[str, Message]:
    of, number = somebody(district), f"N-{next(_numbers)}"
    mask = FieldMask(paths=["number"])
    return "admin", members_pb.UpdateMemberRequest(name=of.name, number=number, update_mask=mask, etag=of.etag)


def confirming(district: District) -> tuple[str, Message]:
    of = somebody(district, confirm_time=None)
    return "admin", members_pb.ConfirmMemberRequest(name=of.name, confirm_time=_CONFIRMED, etag=of.etag)


def extending(district: District) -> tuple[str, Message]:
    of = somebody(district, confirm_time=None)
    end = Timestamp(seconds=of.probation_end_time.seconds + 200 * 86_400)
    return "admin", members_pb.ExtendProbationRequest(name=of.name, probation_end_time=end, etag=of.etag)


def ending(district: District) -> tuple[str, Message]:
    of = somebody(district)
    return "admin", members_pb.EndMembershipRequest(name=of.name, reason=EndReason.END_REASON_DIED, etag=of.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineOrganization": lambda _: ("admin", pb.DefineOrganizationRequest(organization=an_organization(DISTRICT))),
    "DissolveOrganization": dissolving,
    "RecordElection": electing,
    "ChangeOfficers": changing_officers,
    "AdmitMember": lambda district: ("admin", a_member(organization(district).name)),
    "UpdateMember": renumbering,
    "ConfirmMember": confirming,
    "ExtendProbation": extending,
    "EndMembership": ending,
    "RequestTransfer": lambda district: (
        "admin",
        members_pb.RequestTransferRequest(member=somebody(district).name, target=organization(district).name),
    ),
    "AcceptTransfer": lambda district: ("admin", members_pb.AcceptTransferRequest(name=transfer(district).name)),
    "DeclineTransfer": lambda district: (
        "admin",
        members_pb.DeclineTransferRequest(name=transfer(district).name, reason="材料不全"),
    ),
    "WithdrawTransfer": lambda district: (
        "admin",
        members_pb.WithdrawTransferRequest(name=transfer(district).name, reason="不去了"),
    ),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineOrganization": lambda request: setattr(request.organization, "display_name", "别的"),  # type: ignore[attr-defined]
    "RecordElection": lambda request: setattr(request, "term_years", 4),
    "ChangeOfficers": lambda request: setattr(request.officers[0], "post", OfficerPost.OFFICER_POST_PUBLICITY),  # type: ignore[attr-defined]
    "AdmitMember": lambda request: setattr(request, "person_name", "别的"),
    "UpdateMember": lambda request: setattr(request, "number", "OTHER"),
    "EndMembership": lambda request: setattr(request, "reason", EndReason.END_REASON_MOVED_AWAY),
    "RequestTransfer": lambda request: setattr(request, "target", request.target + "x"),  # type: ignore[attr-defined]
    "AcceptTransfer": lambda request: setattr(request, "name", request.name + "x"),  # type: ignore[attr-defined]
    "DeclineTransfer": lambda request: setattr(request, "reason", "别的"),
    "WithdrawTransfer": lambda request: setattr(request, "reason", "别的"),
}
"""Something of each request that can be other without breaking its rules."""
