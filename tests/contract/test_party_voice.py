"""What a Party organization says to its members: partyedu knows who they are, notify who may read, by events alone."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1.resources_pb2 import Acknowledgement, PartyVoice
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1.members_pb2 import EndReason
from onegrid_kit.testing.waiting import eventually

from .acting import DISTRICT
from .calling import District
from .party.organizations import a_member, organization
from .party.voice import done, said, voice


def listed(district: District, caller: str, speaker: str) -> list[str]:
    query = pb.ListOrganizationArticlesRequest(organization=speaker)
    articles = district.do(query, caller, pb.ListOrganizationArticlesResponse).articles
    return [each.name for each in articles]


def test_members_read_what_their_organization_says_and_nobody_else_does(district: District) -> None:
    column, speaker = voice(district, PartyVoice.PARTY_VOICE_MEMBERS), organization(district)
    user = district.accounts["enterprise"]["user"]
    admit = a_member(speaker.name, user=user)
    member = members_pb.AdmitMemberResponse.FromString(done(district, admit).answer).member
    heard: list[str] = []

    def hears() -> bool:
        heard.append(said(district, column, speaker.name).name)
        return heard[-1] in listed(district, "enterprise", speaker.name)

    eventually(hears)
    first = heard[-1]
    item = first.replace("articles/", "inboxItems/")
    acknowledge = pb.AcknowledgeInboxItemsRequest(
        items=[pb.AcknowledgedItem(name=item, version=1)], acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_READ
    )
    district.do(acknowledge, "enterprise", pb.AcknowledgeInboxItemsResponse)
    reach = pb.GetReachRequest(name=first, place=DISTRICT)
    eventually(lambda: district.do(reach, "admin", pb.GetReachResponse).total.read.numerator == 1)
    for other in ("neighbour", "commander", "centre"):
        assert listed(district, other, speaker.name) == []
        assert district.attempt(pb.GetArticleRequest(name=first), other).reason == "PERMISSION_DENIED"

    left = members_pb.EndMembershipRequest(name=member.name, reason=EndReason.END_REASON_MOVED_AWAY)
    district.do(left, "admin", members_pb.EndMembershipResponse)
    # What was said while they were a member stays theirs; of what comes later they hear nothing.
    eventually(lambda: not hears())
    assert first in listed(district, "enterprise", speaker.name)
