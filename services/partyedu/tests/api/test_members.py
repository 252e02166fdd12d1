"""Members over real gRPC and a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.partyedu.v1.events_pb2 import MemberDefined, OrganizationDefined, TransferEnded
from onegrid.partyedu.v1.members_pb2 import EndReason, MemberState, TransferState
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.events import announced, announced_as, forget_announced
from onegrid_kit.timestamps import moment

from .line import (
    BRANCH,
    COMMUNITY_COMMITTEE,
    JOINED,
    OTHER_COMMITTEE,
    SECRETARY,
    STREET_COMMITTEE,
    Line,
)
from .people import (
    CITIZEN,
    COMMUNITY_DESK,
    DISTRICT,
    KEEPER,
    OTHER_STREET_DESK,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)

READER = replace(SUPERVISOR, grants=(Grant(DISTRICT, OaLevel.OA_LEVEL_DISTRICT, frozenset({"partyedu.members.list"})),))
"""Who may list members, and not see who they are."""


async def test_a_member_on_probation_is_confirmed_after_a_year(line: Line) -> None:
    new = await line.admit(join_time=datetime(2020, 2, 29, 9, tzinfo=CHINA), confirm_time=None, number="2020-017")
    assert (new.state, new.organization, new.number) == (MemberState.MEMBER_STATE_PROBATIONARY, BRANCH, "2020-017")
    assert moment(new.probation_end_time) == datetime(2021, 2, 28, tzinfo=CHINA)
    line.clock.set(datetime(2021, 3, 5, tzinfo=CHINA))
    for confirmed in (datetime(2021, 2, 27, tzinfo=CHINA), datetime(2021, 3, 6, tzinfo=CHINA)):
        refused = await line.refused(KEEPER, "ConfirmMember", name=new.name, confirm_time=confirmed)
        assert refused.fields == ["confirm_time"]
    met = datetime(2021, 3, 1, 19, tzinfo=CHINA)
    full = (await line.api.call(KEEPER, "ConfirmMember", name=new.name, confirm_time=met, etag=new.etag)).member
    assert (full.state, moment(full.confirm_time)) == (MemberState.MEMBER_STATE_FULL, met)
    refused = await line.refused(KEEPER, "ConfirmMember", name=new.name, confirm_time=met)
    assert (refused.reason, refused.metadata["state"]) == ("MEMBER_WRONG_STATE", "FULL")
    assert announced(line.engine) == [
        MemberDefined(
            member=new.name,
            state=each.state,
            organization=BRANCH,
            version=version,
            update_time=each.update_time,
        )
        for version, each in enumerate((new, full), start=1)
    ]


async def test_probation_is_extended_once(line: Line) -> None:
    new = await line.admit(join_time=datetime(2020, 1, 15, tzinfo=CHINA), confirm_time=None)
    for end in (datetime(2021, 7, 14, tzinfo=CHINA), datetime(2022, 1, 16, tzinfo=CHINA)):
        refused = await line.refused(KEEPER, "ExtendProbation", name=new.name, probation_end_time=end)
        assert refused.fields == ["probation_end_time"]
    end = datetime(2021, 7, 15, tzinfo=CHINA)
    extended = (await line.api.call(KEEPER, "ExtendProbation", name=new.name, probation_end_time=end)).member
    assert (moment(extended.probation_end_time), extended.state) == (end, MemberState.MEMBER_STATE_PROBATIONARY)
    again = datetime(2022, 1, 15, tzinfo=CHINA)
    refused = await line.refused(KEEPER, "ExtendProbation", name=new.name, probation_end_time=again)
    assert refused.reason == "PROBATION_EXTENDED"


@pytest.mark.parametrize(
    ("join", "confirm", "field"),
    [
        (datetime(2021, 1, 1, tzinfo=CHINA), None, "join_time"),
        (datetime(2019, 12, 1, tzinfo=CHINA), datetime(2020, 12, 1, tzinfo=CHINA), "confirm_time"),
        (datetime(2019, 6, 1, tzinfo=CHINA), datetime(2020, 5, 31, tzinfo=CHINA), "confirm_time"),
        (datetime(1972, 7, 1, tzinfo=CHINA), datetime(1972, 6, 30, tzinfo=CHINA), "confirm_time"),
        (datetime(9999, 6, 1, tzinfo=CHINA), None, "join_time"),
    ],
)
async def test_times_that_cannot_be_are_refused(
    line: Line, join: datetime, confirm: datetime | None, field: str
) -> None:
    refused = await line.refused(
        KEEPER, "AdmitMember", organization=BRANCH, person_name="王建国", join_time=join, confirm_time=confirm
    )
    assert refused.fields == [field]


async def test_a_number_and_an_account_are_one_members(line: Line) -> None:
    line.know("users/00studies")
    first = await line.admit(number="2011-001", user="users/00studies")
    second = await line.admit(person_name="李秀英", number="2011-002")
    for fields in ({"number": "2011-001"}, {"user": "users/00studies"}):
        refused = await line.refused(
            KEEPER, "AdmitMember", organization=BRANCH, person_name="赵钱", join_time=JOINED, **fields
        )
        assert (refused.reason, refused.metadata["resource"]) == ("RESOURCE_EXISTS", first.name)
        refused = await line.refused(
            KEEPER, "UpdateMember", name=second.name, update_mask={"paths": list(fields)}, **fields
        )
        assert refused.reason == "RESOURCE_EXISTS"
    # Once the first has left, they are free.
    await line.api.call(KEEPER, "EndMembership", name=first.name, reason=EndReason.END_REASON_MOVED_AWAY)
    again = await line.admit(number="2011-001", user="users/00studies")
    assert again.name != first.name


async def test_who_has_a_number_learns_only_who_may_read_that_record(line: Line) -> None:
    member = await line.admit(OTHER_COMMITTEE, number="9")
    for caller, told in ((COMMUNITY_DESK, "9"), (KEEPER, member.name)):
        refused = await line.refused(
            caller, "AdmitMember", organization=BRANCH, person_name="赵钱", join_time=JOINED, number="9"
        )
        assert (refused.reason, refused.metadata["resource"]) == ("RESOURCE_EXISTS", told)


async def test_nobody_was_on_probation_before_1977(line: Line) -> None:
    joined = datetime(1972, 7, 1, tzinfo=CHINA)
    member = await line.admit(join_time=joined, confirm_time=joined)
    assert moment(member.probation_end_time) == joined


async def test_an_account_is_that_of_an_active_user(line: Line) -> None:
    line.know("users/disabled", active=False)
    for user, reason in (("users/00000nobody", "USER_UNKNOWN"), ("users/disabled", "USER_NOT_ACTIVE")):
        refused = await line.refused(
            KEEPER, "AdmitMember", organization=BRANCH, person_name="赵钱", join_time=JOINED, user=user
        )
        assert refused.reason == reason


async def test_what_is_written_of_a_member_is_changed(line: Line) -> None:
    member = await line.admit(number="1")
    paths = {"paths": ["person_name", "number"]}
    changed = (
        await line.api.call(
            KEEPER, "UpdateMember", name=member.name, person_name="王建军", update_mask=paths, etag=member.etag
        )
    ).member
    assert (changed.person_name, changed.number, changed.join_time) == ("王建军", "", member.join_time)
    stale = await line.refused(
        KEEPER, "UpdateMember", name=member.name, number="2", update_mask={"paths": ["number"]}, etag=member.etag
    )
    assert stale.reason == "STALE_ETAG"
    for mask in ({"paths": []}, {"paths": ["state"]}, {"paths": ["person_name"]}):
        refused = await line.refused(KEEPER, "UpdateMember", name=member.name, update_mask=mask)
        assert refused.reason == "INVALID_REQUEST"


async def test_who_leaves_leaves_posts_and_transfers(line: Line) -> None:
    member, other = await line.admit(), await line.admit(person_name="李秀英")
    await line.elect(BRANCH, (SECRETARY, member.name))
    await line.elect(STREET_COMMITTEE, (SECRETARY, other.name))
    transfer = await line.transfer(member, OTHER_COMMITTEE)
    forget_announced(line.engine)
    left_at = line.later(days=1)
    died = {"name": member.name, "reason": EndReason.END_REASON_DIED}
    ended = (await line.api.call(KEEPER, "EndMembership", **died)).member
    assert (ended.state, moment(ended.end_time)) == (MemberState.MEMBER_STATE_ENDED, left_at)
    assert (await line.api.call(KEEPER, "EndMembership", **died)).member == ended
    assert [moment(each.end_time) for each in (await line.organization(BRANCH)).term.officers] == [left_at]
    assert not (await line.organization(STREET_COMMITTEE)).term.officers[0].HasField("end_time")
    withdrawn = (await line.api.call(KEEPER, "GetTransfer", name=transfer.name)).transfer
    assert withdrawn.state == TransferState.TRANSFER_STATE_WITHDRAWN
    assert announced_as(line.engine, TransferEnded) == [TransferEnded(transfer=withdrawn)]
    assert [each.organization.name for each in announced_as(line.engine, OrganizationDefined)] == [BRANCH]
    record = await line.api.call(KEEPER, "GetMember", name=member.name)
    assert [(each.organization, moment(each.end_time)) for each in record.memberships] == [(BRANCH, left_at)]
    assert [(each.term, moment(each.end_time)) for each in record.posts] == [(f"{BRANCH}/terms/1", left_at)]


async def test_members_see_their_own_record(line: Line) -> None:
    own = public("member", DISTRICT)
    line.know(own.user)
    member = await line.admit(user=own.user)
    for name in (member.name, "members/me"):
        assert (await line.member(name, own)).person_name == "王建国"
    for caller, name in ((CITIZEN, member.name), (WORKER, member.name)):
        assert (await line.refused(caller, "GetMember", name=name)).reason == "PERMISSION_DENIED"
    assert (await line.refused(CITIZEN, "GetMember", name="members/me")).reason == "NOT_FOUND"


async def test_names_are_for_those_who_may_see_them(line: Line) -> None:
    member = await line.admit()

    async def seen(caller: Caller, organization: str, **fields: object) -> list[str]:
        answer = await line.api.call(caller, "ListMembers", organization=organization, **fields)
        assert [each.name for each in answer.members] == [member.name]
        return [each.person_name for each in answer.members]

    assert await seen(COMMUNITY_DESK, BRANCH) == ["王建国"]
    assert await seen(STREET_DESK, STREET_COMMITTEE, include_below=True) == ["王建国"]
    assert await seen(READER, BRANCH) == [""]
    assert (await line.member(member.name, SUPERVISOR)).person_name == ""
    # Nor can a name be guessed.
    refused = await line.refused(READER, "ListMembers", organization=BRANCH, person_name="王建国")
    assert refused.metadata["permission"] == "partyedu.members.identify"
    for caller in (OTHER_STREET_DESK, WORKER, CITIZEN):
        refused = await line.refused(caller, "ListMembers", organization=BRANCH)
        assert refused.reason == "PERMISSION_DENIED"


async def test_who_belongs_to_what_is_below_is_listed_wherever_it_is(line: Line) -> None:
    works = f"organizations/{OTHER_COMMITTEE.partition('/')[2].partition('-')[0]}-works"
    await line.define(works, parent=COMMUNITY_COMMITTEE)
    member = await line.admit(works)
    listed = (
        await line.api.call(STREET_DESK, "ListMembers", organization=STREET_COMMITTEE, include_below=True)
    ).members
    assert [(each.name, each.person_name) for each in listed] == [(member.name, "王建国")]


async def test_members_are_found_by_state_name_and_number(line: Line) -> None:
    first = await line.admit(number="7")
    probationary = await line.admit(person_name="王建国", join_time=line.clock.now(), confirm_time=None)
    ended = await line.admit(person_name="李秀英")
    await line.api.call(KEEPER, "EndMembership", name=ended.name, reason=EndReason.END_REASON_MISTAKE)

    async def found(**fields: object) -> set[str]:
        answer = await line.api.call(COMMUNITY_DESK, "ListMembers", organization=BRANCH, **fields)
        return {each.name for each in answer.members}

    assert await found() == {first.name, probationary.name}
    assert await found(state=MemberState.MEMBER_STATE_ENDED) == {ended.name}
    assert await found(state=MemberState.MEMBER_STATE_PROBATIONARY) == {probationary.name}
    assert await found(person_name="王建国") == {first.name, probationary.name}
    assert await found(person_name="王建") == set()
    wide = await line.admit(person_name=" Ｗang ")
    assert wide.person_name == "Wang"
    assert await found(person_name="Ｗａｎｇ") == {wide.name}
    await line.api.call(KEEPER, "EndMembership", name=wide.name, reason=EndReason.END_REASON_MISTAKE)
    assert await found(number="7") == {first.name}


async def test_nobody_outside_learns_whether_there_is_a_member(line: Line) -> None:
    nobody = f"members/{DISTRICT}-{'0' * 26}"
    assert (await line.refused(KEEPER, "GetMember", name=nobody)).reason == "NOT_FOUND"
    assert (await line.refused(STREET_DESK, "GetMember", name=nobody)).reason == "PERMISSION_DENIED"


async def test_a_transfer_takes_the_consent_of_both_sides(line: Line) -> None:
    member = await line.admit()
    await line.elect(BRANCH, (SECRETARY, member.name))
    await line.elect(STREET_COMMITTEE, (SECRETARY, member.name))
    refused = await line.refused(OTHER_STREET_DESK, "RequestTransfer", member=member.name, target=OTHER_COMMITTEE)
    assert refused.reason == "PERMISSION_DENIED"
    transfer = await line.transfer(member, OTHER_COMMITTEE, COMMUNITY_DESK)
    assert (transfer.source, transfer.state) == (BRANCH, TransferState.TRANSFER_STATE_REQUESTED)
    assert moment(transfer.expire_time) == line.clock.now() + timedelta(days=90)
    refused = await line.refused(COMMUNITY_DESK, "AcceptTransfer", name=transfer.name)
    assert refused.reason == "PERMISSION_DENIED"
    assert (await line.member(member.name)).organization == BRANCH
    forget_announced(line.engine)
    moved_at = line.later(days=3)
    accepted = (await line.api.call(OTHER_STREET_DESK, "AcceptTransfer", name=transfer.name)).transfer
    assert accepted.state == TransferState.TRANSFER_STATE_ACCEPTED
    assert (await line.api.call(OTHER_STREET_DESK, "AcceptTransfer", name=transfer.name)).transfer == accepted
    moved = await line.member(member.name, OTHER_STREET_DESK)
    assert (moved.organization, moment(moved.organization_time)) == (OTHER_COMMITTEE, moved_at)
    assert announced_as(line.engine, MemberDefined) == [
        MemberDefined(
            member=member.name,
            state=moved.state,
            organization=OTHER_COMMITTEE,
            version=int(moved.etag),
            update_time=moved.update_time,
        )
    ]
    assert announced_as(line.engine, TransferEnded) == [TransferEnded(transfer=accepted)]
    # No post of the line that was left stays.
    for name in (BRANCH, STREET_COMMITTEE):
        assert moment((await line.organization(name)).term.officers[0].end_time) == moved_at
    record = await line.api.call(KEEPER, "GetMember", name=member.name)
    assert [(each.organization, each.HasField("end_time")) for each in record.memberships] == [
        (OTHER_COMMITTEE, False),
        (BRANCH, True),
    ]
    refused = await line.refused(COMMUNITY_DESK, "GetMember", name=member.name)
    assert refused.reason == "PERMISSION_DENIED"


async def test_posts_above_stay_with_who_moves_within_their_line(line: Line) -> None:
    member = await line.admit()
    await line.elect(STREET_COMMITTEE, (SECRETARY, member.name))
    transfer = await line.transfer(member, COMMUNITY_COMMITTEE)
    await line.api.call(KEEPER, "AcceptTransfer", name=transfer.name)
    assert not (await line.organization(STREET_COMMITTEE)).term.officers[0].HasField("end_time")


async def test_a_transfer_is_declined_withdrawn_or_expires(line: Line) -> None:
    member = await line.admit()
    first = await line.transfer(member, OTHER_COMMITTEE)
    refused = await line.refused(KEEPER, "RequestTransfer", member=member.name, target=STREET_COMMITTEE)
    assert (refused.reason, refused.metadata["transfer"]) == ("TRANSFER_WAITS", first.name)
    assert (
        await line.refused(COMMUNITY_DESK, "DeclineTransfer", name=first.name, reason="不接收")
    ).reason == "PERMISSION_DENIED"
    declined = (await line.api.call(OTHER_STREET_DESK, "DeclineTransfer", name=first.name, reason="材料不全")).transfer
    assert (declined.state, declined.reason) == (TransferState.TRANSFER_STATE_DECLINED, "材料不全")
    second = await line.transfer(member, OTHER_COMMITTEE)
    assert (
        await line.refused(OTHER_STREET_DESK, "WithdrawTransfer", name=second.name, reason="撤回")
    ).reason == "PERMISSION_DENIED"
    withdrawn = (await line.api.call(COMMUNITY_DESK, "WithdrawTransfer", name=second.name, reason="撤回")).transfer
    third = await line.transfer(member, OTHER_COMMITTEE)
    line.later(days=90)
    expired = (await line.api.call(KEEPER, "GetTransfer", name=third.name)).transfer
    assert (withdrawn.state, expired.state) == (
        TransferState.TRANSFER_STATE_WITHDRAWN,
        TransferState.TRANSFER_STATE_EXPIRED,
    )
    for transfer, state in ((declined, "DECLINED"), (withdrawn, "WITHDRAWN"), (expired, "EXPIRED")):
        refused = await line.refused(KEEPER, "AcceptTransfer", name=transfer.name)
        assert (refused.reason, refused.metadata["state"]) == ("TRANSFER_WRONG_STATE", state)
    named = await line.refused(OTHER_STREET_DESK, "DeclineTransfer", name=third.name, reason="电话13800000001")
    assert named.reason == "PERSON_IN_TEXT"
    fourth = await line.transfer(member, OTHER_COMMITTEE)
    for state, expected in (
        (TransferState.TRANSFER_STATE_UNSPECIFIED, [fourth, expired, withdrawn, declined]),
        (TransferState.TRANSFER_STATE_REQUESTED, [fourth]),
        (TransferState.TRANSFER_STATE_EXPIRED, [expired]),
        (TransferState.TRANSFER_STATE_DECLINED, [declined]),
    ):
        for caller, scope in ((KEEPER, DISTRICT), (STREET_DESK, STREET_DESK.grants[0].scope)):
            answer = await line.api.call(caller, "ListTransfers", scope=scope, state=state)
            assert {each.name for each in answer.transfers} == {each.name for each in expected}


async def test_a_clock_that_is_behind_accepts_no_transfer_of_who_is_elsewhere_by_now(line: Line) -> None:
    """Two replicas' clocks differ, and a call waits for its turn."""
    member = await line.admit()
    first = await line.transfer(member, OTHER_COMMITTEE)
    at_the_end = line.later(days=90)
    second = await line.transfer(member, STREET_COMMITTEE)
    line.clock.set(at_the_end - timedelta(seconds=1))
    refused = await line.refused(KEEPER, "AcceptTransfer", name=first.name)
    assert refused.reason == "TRANSFER_WRONG_STATE"
    await line.api.call(KEEPER, "AcceptTransfer", name=second.name)
    assert (await line.member(member.name)).organization == STREET_COMMITTEE


async def test_members_go_where_there_is_something(line: Line) -> None:
    member = await line.admit()
    for target, reason in (
        (BRANCH, "SAME_ORGANIZATION"),
        (f"organizations/{DISTRICT}-nobody", "NOT_FOUND"),
        ("organizations/210603-committee", "INVALID_REQUEST"),
    ):
        assert (await line.refused(KEEPER, "RequestTransfer", member=member.name, target=target)).reason == reason
    await line.api.call(KEEPER, "EndMembership", name=member.name, reason=EndReason.END_REASON_MOVED_AWAY)
    refused = await line.refused(KEEPER, "RequestTransfer", member=member.name, target=STREET_COMMITTEE)
    assert (refused.reason, refused.metadata["state"]) == ("MEMBER_WRONG_STATE", "ENDED")
