"""Members hear of meetings: partyedu says what is planned, notify to whom it is written, by events alone."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.resources_pb2 import InboxItem
from onegrid.partyedu.v1 import meeting_methods_pb2 as pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1.members_pb2 import EndReason
from onegrid_kit.testing.waiting import eventually

from .calling import District
from .party.meetings import a_plan, meeting
from .party.organizations import a_member, organization
from .party.voice import done


def heard(district: District, caller: str, subject: str) -> list[InboxItem]:
    query = notify_pb.ListInboxItemsRequest(page_size=500)
    items = district.do(query, caller, notify_pb.ListInboxItemsResponse).items
    return [item for item in items if item.subject == subject]


def test_a_member_hears_that_a_meeting_is_scheduled_moved_and_cancelled(district: District) -> None:
    of = organization(district).name
    admit = a_member(of, user=district.accounts["enterprise"]["user"])
    member = members_pb.AdmitMemberResponse.FromString(done(district, admit).answer).member
    # notify hears of the member before it hears of the meeting: events of one service arrive in their order.
    name = meeting(district, of, a_plan(2)).name
    district.do(pb.ChangeMeetingRequest(name=name, plan=a_plan(3)), "admin", pb.ChangeMeetingResponse)
    district.do(pb.CancelMeetingRequest(name=name, reason="改期"), "admin", pb.CancelMeetingResponse)
    eventually(lambda: len(heard(district, "enterprise", name)) == 3)
    assert {item.title for item in heard(district, "enterprise", name)} == {
        "会议通知：党员大会",
        "会议安排有变：党员大会",
        "会议取消：党员大会",
    }
    assert heard(district, "neighbour", name) == []
    left = members_pb.EndMembershipRequest(name=member.name, reason=EndReason.END_REASON_MOVED_AWAY)
    district.do(left, "admin", members_pb.EndMembershipResponse)
