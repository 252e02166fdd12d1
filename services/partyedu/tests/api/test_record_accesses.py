"""A member sees who looked at the member's record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from onegrid.options.v1 import options_pb2
from onegrid.partyedu.v1.record_accesses_pb2 import RecordAccess, RecordAccessKind
from onegrid_kit.accesses import is_read
from onegrid_kit.callers import Caller
from onegrid_kit.testing.callers import public
from onegrid_partyedu.main import SERVICE

from .exams import COLLEAGUE, TAKER, Exam
from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, SECRETARY, STREET_COMMITTEE, Line
from .people import CITIZEN, COMMUNITY_DESK, DISTRICT, KEEPER, OTHER_STREET_DESK, STREET_DESK, SUPERVISOR

RECORD, LIST = RecordAccessKind.RECORD_ACCESS_KIND_RECORD, RecordAccessKind.RECORD_ACCESS_KIND_LIST
LISTED = "onegrid.partyedu.v1.PartyeduService.ListRecordAccesses"
STUDIES = "users/00studies"
STUDYING = public("00studies", DISTRICT)


async def looks(line: Line, caller: Caller = STUDYING, member: str = "members/me", **fields: Any) -> list[RecordAccess]:
    """What is found, without the caller's looks at this list: the last one is written while it is answered."""
    answer = await line.api.call(caller, "ListRecordAccesses", member=member, **fields)
    return [each for each in answer.accesses if (each.caller, each.method) != (caller.user, LISTED)]


def said(found: Sequence[RecordAccess]) -> list[tuple[str, str]]:
    """By which account and method each was."""
    return [(each.caller, each.method.rpartition(".")[2]) for each in found]


async def test_a_member_sees_who_looked_by_which_method_and_why(line: Line) -> None:
    line.know(STUDIES)
    member, other = await line.admit(user=STUDIES), await line.admit()
    began = line.clock.now()
    await line.member(member.name, COMMUNITY_DESK)
    line.later(minutes=1)
    purpose = ("x-purpose-bin", "核对年度学时".encode())
    asked = {"member": member.name, "year": 2020}
    await line.api.call_with([*line.api.token(STREET_DESK), purpose], "GetMemberHours", **asked)
    await line.member(other.name, STREET_DESK)
    await line.member("members/me", STUDYING)
    hours, seen = await looks(line)
    assert said([hours, seen]) == [(STREET_DESK.user, "GetMemberHours"), (COMMUNITY_DESK.user, "GetMember")]
    assert (hours.purpose, hours.kind, hours.resource) == ("核对年度学时", RECORD, member.name)
    assert hours.time.ToDatetime(began.tzinfo) == line.clock.now()
    assert (seen.purpose, seen.time.ToDatetime(began.tzinfo), seen.own) == ("", began, False)
    # What the member looked at is there if it is asked for, by the name that `members/me` stands for.
    [mine] = [each for each in await looks(line, include_own=True) if each.own]
    assert (mine.caller, mine.method.rpartition(".")[2], mine.resource) == (STUDIES, "GetMember", member.name)


async def test_who_audits_sees_it_as_well_and_is_seen(line: Line) -> None:
    line.know(STUDIES)
    member = await line.admit(user=STUDIES)
    await line.member(member.name, COMMUNITY_DESK)
    assert said(await looks(line, SUPERVISOR, member.name)) == [(COMMUNITY_DESK.user, "GetMember")]
    assert said(await looks(line))[0] == (SUPERVISOR.user, "ListRecordAccesses")
    for caller in (COMMUNITY_DESK, OTHER_STREET_DESK, CITIZEN):
        refused = await line.refused(caller, "ListRecordAccesses", member=member.name)
        assert refused.reason == "PERMISSION_DENIED"
    # Who asked and was refused has asked.
    assert (CITIZEN.user, "ListRecordAccesses") in said(await looks(line))
    assert (await line.refused(CITIZEN, "ListRecordAccesses", member="members/me")).reason == "NOT_FOUND"


async def test_lists_count_of_the_organization_that_the_member_was_in_then(line: Line) -> None:
    line.know(STUDIES)
    member = await line.admit(user=STUDIES)

    async def listed() -> None:
        for organization in (BRANCH, COMMUNITY_COMMITTEE, STREET_COMMITTEE, OTHER_COMMITTEE):
            await line.api.call(KEEPER, "ListMembers", organization=organization)
        line.later(minutes=1)

    await listed()
    transfer = await line.transfer(member, OTHER_COMMITTEE)
    await line.api.call(KEEPER, "AcceptTransfer", name=transfer.name)
    await listed()
    await line.member(member.name)
    found = await looks(line, kind=LIST)
    assert said(found) == [(KEEPER.user, "ListMembers")] * 2
    assert [each.resource for each in found] == [OTHER_COMMITTEE, BRANCH]
    assert [each.kind for each in await looks(line, kind=RECORD)] == [RECORD]
    assert len(await looks(line)) == 3


async def test_a_look_tells_the_posts_that_its_holder_had_at_the_time(line: Line) -> None:
    for user in (STUDIES, STREET_DESK.user):
        line.know(user)
    member, secretary = await line.admit(user=STUDIES), await line.admit(user=STREET_DESK.user)
    await line.member(member.name, STREET_DESK)
    line.later(minutes=1)
    await line.elect(BRANCH, (SECRETARY, secretary.name))
    line.later(minutes=1)
    await line.member(member.name, STREET_DESK)
    line.later(minutes=1)
    await line.elect(BRANCH, (SECRETARY, member.name))
    since, before = await looks(line)
    assert [(each.term, each.post) for each in since.posts] == [(f"{BRANCH}/terms/1", SECRETARY)]
    assert not before.posts


async def test_looks_at_attempts_count_and_answers_that_are_saved_do_not(line: Line, exam: Exam) -> None:
    attempt = await exam.start()
    await exam.save(attempt.name, 1, "A")
    await exam.get(attempt.name, STREET_DESK)
    line.later(minutes=1)
    await exam.evidence(attempt.name, KEEPER)
    await exam.get((await exam.start(COLLEAGUE)).name, STREET_DESK)
    assert said(await looks(line, TAKER)) == [(KEEPER.user, "GetEvidence"), (STREET_DESK.user, "GetAttempt")]
    with line.engine.connect() as conn:
        saves = "SELECT count(*) FROM audit_entry WHERE resource = :name AND method LIKE '%.SaveAnswer'"
        assert conn.execute(text(saves), {"name": attempt.name}).scalar_one() == 1


@pytest.mark.parametrize("size", [1, 2, 50])
async def test_looks_come_in_pages_the_latest_first(line: Line, size: int) -> None:
    member = await line.admit()
    for _ in range(5):
        await line.member(member.name, STREET_DESK)
        await line.member(member.name, COMMUNITY_DESK)
        line.later(minutes=1)
    found: list[RecordAccess] = []
    token = ""
    while True:
        page = await line.api.call(
            SUPERVISOR, "ListRecordAccesses", member=member.name, page_size=size, page_token=token
        )
        found += page.accesses
        token = page.next_page_token
        if not token:
            break
    by_desks = [each for each in found if each.caller != SUPERVISOR.user]
    assert len(by_desks) == 10
    assert [each.time.ToNanoseconds() for each in found] == sorted(
        (each.time.ToNanoseconds() for each in found), reverse=True
    )


def test_the_index_has_every_method_that_reads_personal_data() -> None:
    for method in SERVICE.descriptor.methods:
        if method.GetOptions().Extensions[options_pb2.access].reads_personal_data:
            assert is_read(method.full_name), method.full_name
