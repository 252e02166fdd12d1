"""A member's own record, in one list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from onegrid.partyedu.v1.records_pb2 import RecordEntry
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA

from . import test_certificates as certificates
from .exams import COLLEAGUE, NAME, TAKER, Exam
from .line import BRANCH, OTHER_COMMITTEE, SECRETARY, Line
from .people import COMMUNITY_DESK, KEEPER, OTHER_STREET_DESK, STREET_DESK, SUPERVISOR
from .test_study_plans import published

PARTS = [each.name for each in RecordEntry.DESCRIPTOR.oneofs_by_name["content"].fields]


async def entries(line: Line, caller: Caller = TAKER, member: str = "members/me", size: int = 500) -> list[RecordEntry]:
    """All of a record, page by page."""
    found: list[RecordEntry] = []
    token = ""
    while True:
        asked: dict[str, Any] = {"member": member, "page_size": size, "page_token": token}
        page = await line.api.call(caller, "ListRecordEntries", **asked)
        found += page.entries
        token = page.next_page_token
        if not token:
            return found


async def learned(line: Line, exam: Exam) -> str:
    """A member of whom there is something of each part; the member's name."""
    own = await line.member("members/me", TAKER)
    await line.elect(BRANCH, (SECRETARY, own.name))
    await certificates.define(line)
    years = (2019, datetime(2019, 6, 1, tzinfo=CHINA)), (2020, datetime(2020, 6, 1, tzinfo=CHINA))
    for _, at in years:
        await certificates.complete(line, own, certificates.SPRING, certificates.AUTUMN, at=at)
    await certificates.issue(line, own.name)
    await line.api.call(STREET_DESK, "SetAccommodation", quiz=NAME, member=own.name, extra_minutes=15)
    for _ in range(2):
        await exam.submit((await exam.start()).name)
    await published(line)
    return own.name


async def test_a_member_has_all_of_the_own_record_in_one_list(line: Line, exam: Exam) -> None:
    own = await learned(line, exam)
    await exam.start(COLLEAGUE)
    found = await entries(line)
    parts = [str(each.WhichOneof("content")) for each in found]
    assert [parts.count(part) for part in PARTS] == [1, 4, 2, 2, 1, 1, 1, 1]
    assert parts == sorted(parts, key=PARTS.index)
    by_part = {part: [getattr(each, part) for each in found if each.WhichOneof("content") == part] for part in PARTS}
    # Each is what the method shows that it is named after.
    for part, method, field in (
        ("completion", "ListCompletions", "completions"),
        ("certificate", "ListCertificates", "certificates"),
        ("study_plan", "ListMemberStudyPlans", "member_study_plans"),
        ("course", "ListCourseProgress", "courses"),
    ):
        assert by_part[part] == list(getattr(await line.api.call(TAKER, method, member="members/me"), field)), part
    assert by_part["attempt"] == list((await line.api.call(TAKER, "ListOwnAttempts")).attempts)
    [granted] = by_part["accommodation"]
    assert (granted.quiz, granted.member, granted.extra_minutes) == (NAME, own, 15)
    for hours in by_part["hours"]:
        alone = await line.api.call(TAKER, "GetMemberHours", member="members/me", year=hours.year)
        assert hours == alone.hours
    [membership] = by_part["membership"]
    shown = await line.api.call(TAKER, "GetMember", name="members/me")
    assert (membership.member, list(membership.memberships), list(membership.posts)) == (
        shown.member,
        list(shown.memberships),
        list(shown.posts),
    )
    assert membership.member.person_name


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_pages_end_within_and_between_parts(line: Line, exam: Exam, size: int) -> None:
    await learned(line, exam)
    assert await entries(line, size=size) == await entries(line)


async def test_a_record_is_for_its_member_and_who_may_export_it(line: Line, exam: Exam) -> None:
    own = (await line.member("members/me", TAKER)).name
    assert await entries(line, KEEPER, own) == await entries(line)
    for caller in (COLLEAGUE, SUPERVISOR, STREET_DESK, COMMUNITY_DESK, OTHER_STREET_DESK):
        refused = await exam.refused(caller, "ListRecordEntries", member=own)
        assert refused.reason == "PERMISSION_DENIED"
    alone = await line.admit(OTHER_COMMITTEE)
    assert [each.WhichOneof("content") for each in await entries(line, KEEPER, alone.name)] == ["membership"]
