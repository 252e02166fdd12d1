"""What is current is announced again to who comes later."""

from __future__ import annotations

from onegrid.partyedu.v1.events_pb2 import MemberDefined, OrganizationDefined
from onegrid.partyedu.v1.members_pb2 import EndReason, MemberState
from onegrid_kit.testing.events import announce_current, announced_as, forget_announced
from onegrid_partyedu.main import SERVICE

from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, SECRETARY, STREET_COMMITTEE, Line
from .people import CITIZEN, KEEPER


async def test_organizations_and_members_are_announced_as_they_are_now(line: Line) -> None:
    line.know(CITIZEN.user)
    secretary = await line.admit(user=CITIZEN.user)
    former = await line.admit()
    await line.elect(BRANCH, (SECRETARY, secretary.name))
    await line.api.call(KEEPER, "EndMembership", name=former.name, reason=EndReason.END_REASON_DIED)
    forget_announced(line.engine)
    announce_current(SERVICE, line.engine, line.clock)
    organizations = announced_as(line.engine, OrganizationDefined)
    names = [COMMUNITY_COMMITTEE, BRANCH, STREET_COMMITTEE, OTHER_COMMITTEE]
    assert sorted(each.organization.name for each in organizations) == sorted(names)
    (branch,) = (each.organization for each in organizations if each.organization.name == BRANCH)
    assert [each.member for each in branch.term.officers] == [secretary.name]
    (member,) = announced_as(line.engine, MemberDefined)
    assert member == MemberDefined(
        member=secretary.name,
        user=CITIZEN.user,
        state=MemberState.MEMBER_STATE_FULL,
        organization=BRANCH,
        version=1,
        update_time=secretary.update_time,
    )
